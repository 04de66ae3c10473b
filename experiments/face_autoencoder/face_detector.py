"""The detector beside MoFA's encoder: which autoencoder, and how the divergence is taken."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import weights as weights_room
from detector.autoencoder import linear_path
from detector.perturbation_detector import PerturbationDetector, load_perturbation_detector
from detector.saved_autoencoder import load_autoencoder
from detector.scores import DetectionScores
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.running.settings import check_above_zero
from mofa.identity import on_images
from weights import made_for
from weights.errors import InputError

DEFAULT_PATH = Path(weights_room.__file__).parent / "detector_small.h5"
SELF_PERTURBED_PATH = DEFAULT_PATH.with_name("self_perturbed_small.h5")


@dataclasses.dataclass(frozen=True)
class DetectorSettings:
    """A detector.

    Attributes:
      detector: its file; None for the project's own small one.
      temperature: of the softmax whose divergence is the score `js`.
    """

    detector: str | None = None
    temperature: float = 1.0

    def __post_init__(self) -> None:
        check_above_zero(self, "temperature")


class FaceDetector:
    """The autoencoder of normal faces and the scores that it gives.

    Attributes:
      scores: of images, `js` by the identity classifier on codes.
      pca_scores: the same with what the principal components alone reconstruct, for comparison;
        None of a detector without them.

    Args:
      experiment: encoder and classifier.
      settings: which autoencoder.

    Raises:
      InputError: the file is missing, damaged or made for another face model.
    """

    def __init__(self, experiment: MofaExperiment, settings: DetectorSettings) -> None:
        self._experiment = experiment
        self._path = Path(settings.detector or DEFAULT_PATH).expanduser()
        if not self._path.is_file():
            raise InputError(
                f"{self._path}: there is no such file; `python -m experiments.train_detector` "
                "trains a detector and leaves it as detector.h5 in the folder of its run."
            )
        self._model = load_autoencoder(
            self._path,
            used={"face_model": experiment.files.content},
            allow_mismatch=experiment.settings.faces.allow_mismatch,
        ).model
        victim = experiment.victim
        classify = on_images(victim.encoder, victim.identities["code"], "logits")
        self.scores = DetectionScores(self.reconstruct, classify, settings.temperature)
        self.pca_scores: DetectionScores | None = None
        linear = linear_path(self._model)
        if linear:
            self.pca_scores = DetectionScores(linear.reconstruct, classify, settings.temperature)

    def files(self) -> dict[str, made_for.Content]:
        """What decides the scores, by role: thresholds are made for these."""
        return {
            "detector": made_for.content(self._path),
            "encoder": made_for.content(self._experiment.files.encoder),
            "identity_code": made_for.content(self._experiment.identity_path("code")),
        }

    def reconstruct(self, images: object) -> object:
        """Reconstructions of images [N, 224, 224, 3] in [0, 1], the same shape."""
        return self._model(images, training=False)


def perturbation_detector(experiment: MofaExperiment, given: str | None) -> PerturbationDetector:
    """The detector that learned from self-perturbed faces.

    Args:
      experiment: whose face model it is to go with.
      given: its file; None for the project's own small one.

    Raises:
      InputError: the file is missing, damaged or made for another face model.
    """
    path = Path(given or SELF_PERTURBED_PATH).expanduser()
    if not path.is_file():
        raise InputError(
            f"{path}: there is no such file; `python -m experiments.train_detector` with "
            "`kind=self_perturbed` leaves self_perturbed.h5 in the folder of its run."
        )
    return load_perturbation_detector(
        path,
        used={"face_model": experiment.files.content},
        allow_mismatch=experiment.settings.faces.allow_mismatch,
    )
