"""What the experiments on the attack on MoFA share: flags, victim, pairs, panels."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging

from attacks import Attack, Term
from attacks.semantic_match import entry_weights
from experiments.drawing.image_grid import grid, named
from experiments.face_autoencoder.crafted_images import CraftedImages
from experiments.face_autoencoder.mofa_people import load_people
from experiments.face_autoencoder.mofa_victim import BATCH, AttackedPairs, Victim
from experiments.face_autoencoder.pictures import Pictures
from experiments.face_autoencoder.semantic_terms import semantic_terms
from experiments.flags import attack_flags, identity_flags, model_flags, mofa_flags, run_flags
from experiments.flags.groups import FlagGroup
from mofa import code as codes
from mofa.arrays import Array
from mofa.face_region import face_region
from mofa.face_renderer import FaceRenderer
from mofa.identity import balanced_threshold, pair_similarities
from mofa.photographs import SIZE
from mofa.views import Views
from resgn.cleaners.jpeg import jpeg
from resgn.faces.image_file import write_image
from resgn.target import embed_all
from weights.files import content_hash

FLAGS = FlagGroup(
    mofa_flags.FLAGS, model_flags.FLAGS, identity_flags.FLAGS, attack_flags.FLAGS, run_flags.FLAGS
)


SHARED = (
    *mofa_flags.NAMES,
    *("model", "landmarks", "encoder", "identity_code", "identity_image"),
    *("cap", "steps", "reading", "pose_term", "calibrate", "seed"),
)
"""Flags that decide a result."""

JPEG_QUALITY = 75


class MofaExperiment:
    """The encoder under attack, the classifiers, and the people.

    Attributes:
      renderer: the decoder.
      victim: who is attacked.
      terms: of Eq. 1.
      terms_of_all: the same with the translation, whatever the flag says.

    Args:
      kinds: of identity classifiers.
    """

    def __init__(self, kinds: tuple[str, ...] = ("code", "image")) -> None:
        self.renderer: FaceRenderer = mofa_flags.renderer(SIZE)
        self._model = mofa_flags.network()
        identities = {kind: identity_flags.classifier(kind) for kind in kinds}
        self.victim = Victim(self.encode, identities)
        self.terms_of_all: dict[str, Term] = semantic_terms(self.renderer.model)
        self.terms = semantic_terms(
            self.renderer.model, rotation_only=attack_flags.POSE_TERM.value == "rotation"
        )

    def encode(self, images: Any) -> Any:
        """Codes [N, 257] of images [N, H, W, 3] in [0, 1]."""
        return self._model(images, training=False)

    @functools.cached_property
    def crafted(self) -> CraftedImages:
        """Attacked images in 8 bits, kept between runs for this encoder."""
        return CraftedImages(content_hash(mofa_flags.encoder_path()))

    def attacked(self, attack: Attack, pairs: AttackedPairs, epsilon: float) -> Array:
        """Sources of the pairs led to their targets' codes (Eq. 1).

        Args:
          attack: how.
          pairs: whom.
          epsilon: its budget.

        Returns:
          float32 [N, 224, 224, 3] of 8-bit levels.
        """
        return self.crafted(
            attack,
            epsilon,
            pairs,
            entry_weights(self.terms, codes.SIZE),
            lambda: attack.craft(
                self.victim.encoder,
                pairs.sources,
                pairs.match(self.terms),
                epsilons=[epsilon],
                batch_size=BATCH,
            )[0],
        )

    def settings(self, **more: Any) -> dict[str, Any]:
        """Every setting that decides a result; for `Run`."""
        return run_flags.settings_from_flags(list(SHARED)) | more

    def people(
        self, part: str, identities: int, images_per_identity: int, may_be_nobody: bool = False
    ) -> Pictures:
        """The people of one part of the data sets that the flags name.

        Raises:
          InputError: a data set is missing or of another layout.
        """
        rendered = "rendered" in mofa_flags.DATASET.value
        sources = mofa_flags.sources()
        return load_people(
            sources,
            rendered,
            part,
            self.renderer,
            identities,
            images_per_identity,
            may_be_nobody=may_be_nobody,
        )

    def calibrate(self, identities: int, images_per_identity: int) -> None:
        """Set every classifier's threshold on the validation people of the data at hand.

        That stored with a classifier is of the data sets of its training together: where rendered
        faces and photographs are mixed, all people of one of them look alike.
        """
        pictures = self.people("validation", identities, max(2, images_per_identity), True)
        people = pictures.part(slice(None))
        if not 1 < len(np.unique(people.people)) < len(people):
            logging.warning("No pairs to calibrate on; the classifiers' own thresholds stay.")
            return
        for kind, classifier in self.victim.identities.items():
            found = self.victim.embeddings(kind, people.images)
            classifier.threshold = balanced_threshold(*pair_similarities(found, people.people))[0]

    def pairs(self, count: int, identities: int, images_per_identity: int) -> AttackedPairs:
        """Pairs of people that nothing here was trained on, after `calibrate`.

        Raises:
          InputError: there are fewer than wanted.
        """
        if identity_flags.CALIBRATE.value:
            self.calibrate(identities, images_per_identity)
        people = self.people("test", identities, images_per_identity)
        return AttackedPairs.drawn(self.victim, people, count, run_flags.SEED.value)

    @staticmethod
    def about(pairs: AttackedPairs) -> str:
        """Which pairs were attacked, in a sentence."""
        return (
            f"{len(pairs)} pairs of different people ({', '.join(mofa_flags.DATASET.value)}), who "
            f"were not trained on; the classifiers told {pairs.told_apart:.0%} of the pairs drawn "
            "apart, and only such are attacked. Thresholds "
            + ", ".join(f"{k} {c.threshold:.3f}" for k, c in pairs.victim.identities.items())
            + "."
        )

    @functools.cached_property
    def views(self) -> Views:
        """Draws what codes say."""
        return Views(self.renderer, face_region(self.renderer))

    def reconstructions(self, images: Array) -> Array:
        """What the autoencoder makes of images: float32 [N, 224, 224, 3]."""
        return self.views(self.victim.codes(images), images)["reconstruction"]

    def panel(self, path: Path, parts: dict[str, Array]) -> None:
        """Images side by side: a row for each pair, a column with its name for each of `parts`.

        Args:
          path: the PNG.
          parts: by name, images [N, 224, 224, 3].
        """
        rows = np.stack(list(parts.values()), axis=1)
        body = grid(rows.reshape(-1, *rows.shape[2:]), len(parts))
        write_image(path, np.concatenate([named(list(parts), rows.shape[3]), body]))


def through_jpeg(images: Array) -> Array:
    """Images float32 [N, H, W, 3] as a JPEG of quality 75 holds them."""
    return embed_all(jpeg(JPEG_QUALITY), images, BATCH)


def amplified(difference: Array, factor: float = 10.0) -> Array:
    """A perturbation [N, H, W, 3] around grey, so that it can be seen."""
    return np.clip(0.5 + factor * difference, 0.0, 1.0)
