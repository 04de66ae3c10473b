"""What the experiments on the attack on MoFA share: victim, people, pairs, pictures.

experiment = MofaExperiment(AutoencoderSettings.laptop())
experiment.pairs(16)
"""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import Any

import numpy as np

from attacks import Attack, Term
from attacks.semantic_match import entry_weights
from experiments.face_autoencoder.crafted_images import CraftedImages
from experiments.face_autoencoder.model_files import ModelFiles
from experiments.face_autoencoder.mofa_people import load_people
from experiments.face_autoencoder.mofa_victim import BATCH, AttackedPairs, Victim
from experiments.face_autoencoder.pictures import Pictures
from experiments.face_autoencoder.semantic_terms import semantic_terms
from experiments.face_autoencoder.settings import AutoencoderSettings
from mofa import code as codes
from mofa.arrays import Array
from mofa.face_region import face_region
from mofa.face_renderer import FaceRenderer
from mofa.identity import (
    DEFAULT_PATHS,
    IdentityClassifier,
    balanced_threshold,
    load_identity,
    pair_similarities,
)
from mofa.views import Views
from resgn.cleaners.jpeg import jpeg
from resgn.target import embed_all
from weights.files import content_hash

JPEG_QUALITY = 75

_log = logging.getLogger(__name__)


class MofaExperiment:
    """The encoder under attack, the classifiers, and the people.

    Attributes:
      settings: see there.
      files: encoder and morphable model.
      renderer: the decoder.
      victim: who is attacked.
      terms: of Eq. 1.
      terms_of_all: the same with the translation, whatever the settings say.

    Args:
      settings: everything that decides who is attacked and how.
      kinds: of identity classifiers.

    Raises:
      InputError: a file is missing, damaged, or does not go with the others.
    """

    def __init__(
        self, settings: AutoencoderSettings, kinds: tuple[str, ...] = ("code", "image")
    ) -> None:
        self.settings, self.files = settings, ModelFiles(settings.faces)
        self.renderer: FaceRenderer = self.files.renderer()
        self._model = self.files.network()
        self.victim = Victim(self.encode, {kind: self._classifier(kind) for kind in kinds})
        self.terms_of_all: dict[str, Term] = semantic_terms(self.renderer.model)
        self.terms = semantic_terms(
            self.renderer.model, rotation_only=settings.algorithm.pose_term == "rotation"
        )

    def encode(self, images: Any) -> Any:
        """Codes [N, 257] of images [N, H, W, 3] in [0, 1]."""
        return self._model(images, training=False)

    def identity_path(self, kind: str) -> Path:
        """The file of the classifier of this kind."""
        given = {"code": self.settings.identity_code, "image": self.settings.identity_image}[kind]
        return Path(given).expanduser() if given else DEFAULT_PATHS[kind]

    def _classifier(self, kind: str) -> IdentityClassifier:
        return load_identity(
            self.identity_path(kind),
            kind,
            used={"encoder": self.files.encoder} if kind == "code" else None,
            allow_mismatch=self.settings.faces.allow_mismatch,
        )

    @functools.cached_property
    def crafted(self) -> CraftedImages:
        """Attacked images in 8 bits, kept between runs for this encoder."""
        return CraftedImages(content_hash(self.files.encoder))

    def attacked(self, attack: Attack, pairs: AttackedPairs, epsilon: float) -> Array:
        """Sources of the pairs led to their targets' codes (Eq. 1), from the cache if there.

        Args:
          attack: how.
          pairs: whom.
          epsilon: its budget.

        Returns:
          float32 [N, 224, 224, 3] of 8-bit levels.
        """
        weights = entry_weights(self.terms, codes.SIZE)
        return self.crafted(
            attack,
            epsilon,
            pairs,
            weights,
            lambda: pairs.attacked(attack, epsilon, pairs.match(self.terms)).images,
        )

    def people(
        self, part: str, images_per_identity: int | None = None, may_be_nobody: bool = False
    ) -> Pictures:
        """The people of one part of the data sets.

        Args:
          part: `train`, `validation` or `test`.
          images_per_identity: pictures of each rendered person, where not those of the settings.
          may_be_nobody: give none where nobody is there.

        Raises:
          InputError: a data set is missing or of another layout.
        """
        settings = self.settings
        each = images_per_identity or settings.images_per_identity
        return load_people(
            settings.faces,
            part,
            self.renderer,
            settings.identities,
            each,
            may_be_nobody=may_be_nobody,
        )

    def calibrate(self) -> None:
        """Set every classifier's threshold on the validation people of the data at hand.

        That stored with a classifier is of the data sets of its training together: where rendered
        faces and photographs are mixed, all people of one of them look alike.
        """
        each = max(2, self.settings.images_per_identity)
        people = self.people("validation", each, may_be_nobody=True).part(slice(None))
        if not 1 < len(np.unique(people.people)) < len(people):
            _log.warning("No pairs to calibrate on; the classifiers' own thresholds stay.")
            return
        for kind, classifier in self.victim.identities.items():
            found = self.victim.embeddings(kind, people.images)
            classifier.threshold = balanced_threshold(*pair_similarities(found, people.people))[0]

    def pairs(self, count: int) -> AttackedPairs:
        """Pairs of people that nothing here was trained on, after `calibrate`.

        Raises:
          InputError: there are fewer than wanted.
        """
        if self.settings.calibrate:
            self.calibrate()
        return AttackedPairs.drawn(self.victim, self.people("test"), count, self.settings.seed)

    def about(self, pairs: AttackedPairs) -> str:
        """Which pairs were attacked, in a sentence."""
        return (
            f"{len(pairs)} pairs of different people ({self.settings.faces.names}), who "
            f"were not trained on; the classifiers told {pairs.told_apart:.0%} of the pairs drawn "
            "apart, and only such are attacked. Thresholds "
            + ", ".join(f"{k} {c.threshold:.3f}" for k, c in pairs.victim.identities.items())
            + f". {pairs.about_intervals()}"
        )

    @functools.cached_property
    def views(self) -> Views:
        """Draws what codes say."""
        return Views(self.renderer, face_region(self.renderer))

    def reconstructions(self, images: Array) -> Array:
        """What the autoencoder makes of images: float32 [N, 224, 224, 3]."""
        return self.views(self.victim.codes(images), images)["reconstruction"]


def through_jpeg(images: Array) -> Array:
    """Images float32 [N, H, W, 3] as a JPEG of quality 75 holds them."""
    return embed_all(jpeg(JPEG_QUALITY), images, BATCH)
