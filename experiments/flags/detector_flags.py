"""Flags of the detector: which autoencoder, and how the divergence is taken."""

from __future__ import annotations

from pathlib import Path

import weights as weights_room
from detector.saved_autoencoder import load_autoencoder
from detector.scores import DetectionScores
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.flags import identity_flags, mofa_flags
from experiments.flags.groups import FlagGroup
from mofa import face_model_files
from mofa.identity import on_images
from weights import made_for
from weights.errors import InputError

FLAGS = FlagGroup()

DETECTOR = FLAGS.path(
    "detector", None, "Detector, a file of train_detector; the project's own small one."
)
TEMPERATURE = FLAGS.number(
    "temperature", 1.0, "Of the softmax whose divergence is the score js.", "(0, inf)"
)

DEFAULT_PATH = Path(weights_room.__file__).parent / "detector_small.h5"


class Detector:
    """The autoencoder of normal faces and the scores that it gives.

    Attributes:
      scores: of images, `js` by the identity classifier on codes.

    Args:
      experiment: encoder and classifier.

    Raises:
      InputError: the file is missing, damaged or made for another face model.
    """

    def __init__(self, experiment: MofaExperiment) -> None:
        path = Path(DETECTOR.value or DEFAULT_PATH)
        if not path.is_file():
            raise InputError(
                f"{path}: there is no such file; `python -m experiments.train_detector` trains a "
                "detector and leaves it as detector.h5 in the folder of its run."
            )
        face_model = face_model_files.content(mofa_flags.model_path())
        self._path = path
        self._model = load_autoencoder(
            path,
            used={"face_model": face_model},
            allow_mismatch=mofa_flags.ALLOW_MISMATCH.value,
        ).model
        victim = experiment.victim
        classify = on_images(victim.encoder, victim.identities["code"], "logits")
        self.scores = DetectionScores(self.reconstruct, classify, TEMPERATURE.value)

    def files(self) -> dict[str, made_for.Content]:
        """What decides the scores, by role: thresholds are made for these."""
        return {
            "detector": made_for.content(self._path),
            "encoder": made_for.content(mofa_flags.encoder_path()),
            "identity_code": made_for.content(identity_flags.path("code")),
        }

    def reconstruct(self, images: object) -> object:
        """Reconstructions of images [N, 224, 224, 3] in [0, 1], the same shape."""
        return self._model(images, training=False)
