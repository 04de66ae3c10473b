"""What the attack on MoFA is directed at: encoder, identity classifiers, and pairs of people."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from attacks import (
    Attack,
    Criterion,
    IdentitySwap,
    Impersonation,
    Model,
    SemanticMatch,
    Term,
    code_distance,
    transplant,
)
from attacks.semantic_match import entry_weights
from experiments.face_autoencoder.pictures import Pictures
from experiments.running.pairs_of_people import OVER_PEOPLE, of_pairs
from experiments.running.results import Measurement
from mofa import code as codes
from mofa.arrays import Array
from mofa.identity import IdentityClassifier, on_images, taken_for_another
from mofa.people import different_pairs
from resgn.target import embed_all, to_float
from weights.errors import InputError

Function = Callable[[tf.Tensor], tf.Tensor]

NUMBERS = ("source_similarity", "target_similarity", "way", "change")
"""Columns that are no rates."""

SPARE = 16
"""Pairs drawn for one wanted, since only those that the classifier tells apart are attacked."""
BATCH = 16
"""Faces at a time in every network."""


class Attacked(NamedTuple):
    """Attacked images, float32 [N, 224, 224, 3] in [0, 1].

    Attributes:
      images: as the attack gave them.
      stored: as 8-bit files hold them, still within the budget.
    """

    images: Array
    stored: Array


class Victim:
    """A face autoencoder's encoder and who recognises people by it.

    Attributes:
      encoder: from images [N, 224, 224, 3] in [0, 1] to codes [N, 257].
      identities: by kind, the classifiers.
    """

    def __init__(self, encoder: Function, identities: Mapping[str, IdentityClassifier]) -> None:
        self.encoder, self.identities = encoder, dict(identities)
        # Attacks compile once for each of these objects, so that they are made once.
        self._embed = {kind: on_images(encoder, c) for kind, c in self.identities.items()}
        self._logits: dict[str, Function] = {}
        self._compiled = {k: tf.function(f, autograph=False) for k, f in self._embed.items()}
        self._encode = tf.function(encoder, autograph=False)

    def embed(self, kind: str) -> Function:
        """Embeddings [N, D] of images by the classifier of this kind, not compiled."""
        return self._embed[kind]

    def logits(self, kind: str) -> Function:
        """Logits [N, P] of images over the people that the classifier of this kind learned."""
        if kind not in self._logits:
            self._logits[kind] = on_images(self.encoder, self.identities[kind], "logits")
        return self._logits[kind]

    def classes(self, kind: str, images: Array) -> tuple[Array, int]:
        """Which of these people images are taken for, int [N], and how many people there are."""
        found = embed_all(self.logits(kind), images, BATCH)
        return found.argmax(axis=-1), found.shape[-1]

    def codes(self, images: Array) -> Array:
        """Codes float32 [N, 257] of images."""
        return embed_all(self._encode, images, BATCH)

    def embeddings(self, kind: str, images: Array) -> Array:
        """Unit embeddings float32 [N, D] of images by the classifier of this kind."""
        return embed_all(self._compiled[kind], images, BATCH)

    def tells_apart(self, ends_of: Callable[[str], tuple[Array, Array]], count: int) -> Array:
        """Bool [count]: does every classifier take the two ends of a pair for different people?

        Args:
          ends_of: by kind, the unit embeddings [count, D] of both ends.
          count: of pairs.
        """
        apart = np.ones(count, bool)
        for kind, classifier in self.identities.items():
            first, second = ends_of(kind)
            apart &= np.sum(first * second, axis=-1) < classifier.threshold
        return apart


@dataclasses.dataclass(frozen=True, eq=False)
class AttackedPairs:
    """Sources and targets, pictures of different people that the classifiers tell apart.

    Attributes:
      victim: who is attacked.
      sources, targets: float32 [N, 224, 224, 3] in [0, 1].
      source_codes, target_codes: float32 [N, 257].
      told_apart: share of the pairs drawn that the classifiers tell apart; None of given pairs.
      people: whose sources and targets are, int [N] each; None where nobody knows.
    """

    victim: Victim
    sources: Array
    targets: Array
    source_codes: Array
    target_codes: Array
    told_apart: float | None = None
    people: tuple[Array, Array] | None = None
    _identities: dict[str, tuple[Array, Array]] = dataclasses.field(
        default_factory=dict, init=False, repr=False
    )

    def __len__(self) -> int:
        return len(self.sources)

    @classmethod
    def of(cls, victim: Victim, sources: Array, targets: Array) -> AttackedPairs:
        """Take these pictures, uint8 or float in [0, 1], two by two."""
        first, second = to_float(sources).numpy(), to_float(targets).numpy()
        return cls(victim, first, second, victim.codes(first), victim.codes(second))

    @classmethod
    def drawn(cls, victim: Victim, people: Pictures, count: int, seed: int) -> AttackedPairs:
        """Draw pairs of different people, keep those that every classifier tells apart.

        Raises:
          InputError: there are fewer of them than wanted.
        """
        drawn = different_pairs(people.people, min(SPARE * count, len(people)), seed)
        used = np.unique(drawn)
        first, second = (np.searchsorted(used, end) for end in drawn)
        images = people.part(used).images

        def ends_of(kind: str) -> tuple[Array, Array]:
            found = victim.embeddings(kind, images)
            return found[first], found[second]

        apart = victim.tells_apart(ends_of, len(first))
        rows = np.flatnonzero(apart)[:count]
        if len(rows) < count:
            raise InputError(
                f"Of {len(first)} pairs of different people the classifiers tell {len(rows)} "
                f"apart; {count} are asked for: lower `pairs` or give more photographs."
            )
        ends = first[rows], second[rows]
        pairs = cls.of(victim, *(images[end] for end in ends))
        whose = people.people[used]
        return dataclasses.replace(
            pairs, told_apart=float(apart.mean()), people=(whose[ends[0]], whose[ends[1]])
        )

    def apart(self) -> Array:
        """Bool [N]: does every classifier take source and target for different people?"""
        return self.victim.tells_apart(self.identities, len(self))

    def part(self, rows: Array | slice) -> AttackedPairs:
        """Some of them."""
        return dataclasses.replace(
            self,
            sources=self.sources[rows],
            targets=self.targets[rows],
            source_codes=self.source_codes[rows],
            target_codes=self.target_codes[rows],
            people=None if self.people is None else (self.people[0][rows], self.people[1][rows]),
        )

    def attacked(
        self,
        attack: Attack,
        epsilon: float,
        criterion: Criterion,
        model: Model | None = None,
        seed: int = 0,
    ) -> Attacked:
        """The sources under one attack with one budget.

        Args:
          attack: how.
          epsilon: its budget.
          criterion: its goal, for example `match`.
          model: what it goes through; the victim's encoder by default.
          seed: of its random start, where it has one.
        """
        model = self.victim.encoder if model is None else model
        found = attack.craft(
            model, self.sources, criterion, epsilons=[epsilon], batch_size=BATCH, seed=seed
        )
        stored = attack.stored(found, self.sources, [epsilon])
        return Attacked(found[0], to_float(stored[0]).numpy())

    def match(self, terms: Mapping[str, Term], only: Collection[str] = ()) -> SemanticMatch:
        """Eq. 1 between the codes, or between some of their parts, the others left as they are."""
        return SemanticMatch(self.source_codes, self._wanted(only), terms)

    def _wanted(self, only: Collection[str]) -> Array:
        """The targets' codes, or the sources' with some parts of the targets'."""
        if not only:
            return self.target_codes
        return transplant(self.source_codes, self.target_codes, codes.SLICES, only)

    def identities(self, kind: str) -> tuple[Array, Array]:
        """Unit embeddings [N, D] of sources and targets, computed once for each kind."""
        if kind not in self._identities:
            self._identities[kind] = (
                self.victim.embeddings(kind, self.sources),
                self.victim.embeddings(kind, self.targets),
            )
        return self._identities[kind]

    def swap(self, kind: str) -> IdentitySwap:
        """Away from the source's identity and to the target's, by the classifier of a kind."""
        return IdentitySwap(*self.identities(kind), self.victim.identities[kind].threshold)

    def toward(self, kind: str) -> Impersonation:
        """To the target's identity, by the classifier of a kind."""
        threshold = 2.0 - 2.0 * self.victim.identities[kind].threshold
        return Impersonation(self.identities(kind)[1], threshold)

    def similarities(self, kind: str, images: Array) -> tuple[Array, Array]:
        """Cosine similarity (Eq. 8) of attacked images to their sources and targets, [N] each."""
        found = self.victim.embeddings(kind, images)
        source, target = (np.sum(found * each, axis=-1) for each in self.identities(kind))
        return source, target

    def success(self, kind: str, images: Array) -> Array:
        """Accepted as the target and rejected as the source: bool [N]."""
        return self._succeeded(kind, *self.similarities(kind, images))

    def _succeeded(self, kind: str, source: Array, target: Array) -> Array:
        return taken_for_another(source, target, self.victim.identities[kind].threshold)

    def way(self, images: Array, terms: Mapping[str, Term], only: Collection[str] = ()) -> Array:
        """How much of Eq. 1's distance to the target is covered: [N], 1 for all of it."""
        wanted, weights = self._wanted(only), entry_weights(terms, codes.SIZE)
        before, after = (
            code_distance(each, wanted, weights).numpy()
            for each in (self.source_codes, self.victim.codes(images))
        )
        return np.asarray(1.0 - after / np.maximum(before, 1e-12))

    def measure(
        self,
        kind: str,
        attacked: Attacked,
        terms: Mapping[str, Term],
        jpeg: Callable[[Array], Array],
        only: Collection[str] = (),
    ) -> dict[str, Measurement]:
        """What an attack achieved, by the classifier of a kind.

        Args:
          kind: `code` or `image`.
          attacked: what is measured; success also of what is stored.
          terms: of Eq. 1, for `matched` and `way`.
          jpeg: what compression makes of images.
          only: parts of the code that were attacked; all by default.

        Returns:
          `success`, the same of what is stored in 8 bits, and of that through JPEG; `matched`, the
          share of pairs whose distance of Eq. 1 has halved; similarities; `way`, and the largest
          `change` of a pixel in grey levels.
        """
        images, stored = attacked
        source, target = self.similarities(kind, images)
        way = self.way(images, terms, only)
        change = 255.0 * np.abs(images - self.sources).max(axis=(1, 2, 3))
        return {
            "success": self.measured(self._succeeded(kind, source, target)),
            "success_8bit": self.measured(self.success(kind, stored)),
            "success_jpeg": self.measured(self.success(kind, jpeg(stored))),
            "matched": self.measured(way > 0.5),
            "source_similarity": self.measured(source),
            "target_similarity": self.measured(target),
            "way": self.measured(way),
            "change": self.measured(change),
        }

    def about_intervals(self) -> str:
        """What those of `measured` allow for, in a sentence."""
        number = "unknown" if self.people is None else len(np.unique(self.people))
        return f"95 % {OVER_PEOPLE} ({number})."

    def measured(self, values: Array) -> Measurement:
        """Mean of numbers, or share of outcomes, bool, [N], over the pairs' people."""
        return of_pairs(values, self.people)

    def facts(self) -> dict[str, Any]:
        """What belongs into `result.json`."""
        return {
            "pairs": len(self),
            "told_apart": self.told_apart,
            "thresholds": {k: c.threshold for k, c in self.victim.identities.items()},
        }
