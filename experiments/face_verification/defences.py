"""A target behind a defence: what is computed, and how an attack that knows it goes through."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable
from typing import cast

import numpy as np
import tensorflow as tf
import tqdm

from attacks import EOT, Model, Stochastic, bpda, through
from experiments.running.devices import ONE, Devices
from resgn.cleaners import Cleaner
from resgn.smoothing import MajorityVote
from resgn.target import Target
from resgn.verification_set import VerificationSet

RANDOMIZATION_SEED = 5
"""Second half of the seed of a random defence's first draw."""

WIDE_RANDOMIZATION = "randomization_wide"
"""Randomization with 32 pixels more at most, as in the original, for a network of any input."""


@dataclasses.dataclass(frozen=True, eq=False)
class OwnVerification:
    """How what stands in the target's place verifies.

    Attributes:
      references: from rows of the legitimate images, int `[N]`, to its own unit embeddings of them
        as references, float32 `[N, D]`.
      threshold: its own; "same" is a distance below it.
    """

    references: Callable[[np.ndarray], np.ndarray]
    threshold: float


@dataclasses.dataclass(frozen=True, eq=False)
class Defence:
    """A target behind a defence.

    Attributes:
      name: of its row.
      model: what is computed; success is judged by it.
      surrogate: what an attack climbs: the same, averaged over draws where it is random (EOT), with
        another gradient where it has none (BPDA).
      cleaner: what stands before the target, if it is that.
      vote: decides in the place of one draw of the model, with a threshold of its own.
      own: references and threshold, if they are not the target's.
    """

    name: str
    model: Model
    surrogate: Model
    cleaner: Cleaner | None = None
    vote: MajorityVote | None = None
    own: OwnVerification | None = None

    @property
    def random(self) -> bool:
        """Does the same image give another embedding each time?"""
        return isinstance(self.model, Stochastic)

    @classmethod
    def none(cls, target: Target) -> Defence:
        """The target alone."""
        return cls("none", target, target)

    @classmethod
    def randomization(cls, target: Target, samples: int, wide: bool = False) -> Defence:
        """Randomization (Xie et al. 2018), attacked by the mean gradient of `samples` draws.

        Args:
          target: behind it.
          samples: draws of an attack.
          wide: the range of sizes is the original's in pixels, not in proportion.
        """
        model = Stochastic(functools.partial(target.randomized, wide=wide))
        return cls(WIDE_RANDOMIZATION if wide else "randomization", model, EOT(model, samples))

    @classmethod
    def of(cls, cleaner: Cleaner, target: Target, samples: int) -> Defence:
        """The target behind a cleaner; a random one is attacked by the mean of `samples` draws."""
        if not cleaner.random:
            model = through(cleaner, target)
            surrogate = model if cleaner.differentiable else through(bpda(cleaner), target)
            return cls(cleaner.name, model, surrogate, cleaner)
        model = cast(Stochastic, through(Stochastic(cleaner), target))
        if cleaner.differentiable:
            return cls(cleaner.name, model, EOT(model, samples), cleaner)

        def straight_through(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            return bpda(lambda x: cleaner(x, seed))(images)

        replaced = cast(Stochastic, through(Stochastic(straight_through), target))
        return cls(cleaner.name, model, EOT(replaced, samples), cleaner)

    def outcomes(
        self, pairs: VerificationSet, seed: int, devices: Devices = ONE
    ) -> dict[str, np.ndarray]:
        """Who is verified rightly behind it: the first three columns of Table 1.

        Args:
          pairs: with their probes attacked by someone who knows nothing of the defence.
          seed: of the draws of a random defence.
          devices: share out what is not random.
        """
        pairs = self.compared(pairs)
        if self.vote is not None:
            bar = functools.partial(tqdm.tqdm, desc=self.name, unit="probe", leave=False)
            return self.vote.outcomes(pairs, seed, bar)
        embed = self.embed(seed)
        return pairs.outcomes(embed if self.random else devices.shared(embed))

    def compared(self, pairs: VerificationSet) -> VerificationSet:
        """The same pairs with the references and the threshold that count behind the defence."""
        if self.own is None:
            return pairs
        rows = np.unique(pairs.reference)
        references = self.own.references(rows)
        # Whoever looks at another image than a reference is told at once.
        embeddings = np.full((len(pairs.images), references.shape[1]), np.nan, np.float32)
        embeddings[rows] = references
        return dataclasses.replace(pairs, embeddings=embeddings, threshold=self.own.threshold)

    def embed(self, seed: int) -> Callable[[tf.Tensor], tf.Tensor]:
        """Compiled, from images to embeddings; each call of a random defence draws anew.

        What this returns begins with the first draw again.

        Args:
          seed: sets the order of draws.
        """
        if not self.random:
            return self._compiled
        draws = itertools.count()
        return lambda images: self._compiled(
            images, tf.constant([seed, RANDOMIZATION_SEED + next(draws)])
        )

    @functools.cached_property
    def _compiled(self) -> Callable[..., tf.Tensor]:
        return tf.function(self.model)
