"""The laptop's detector is small enough to come with the project."""

from __future__ import annotations

from detector.autoencoder import autoencoder
from experiments.face_autoencoder.training_settings import DetectorTrainingSettings

MOST_BYTES = 8 * 2**20


def test_laptop_detector_fits_into_the_project() -> None:
    model = autoencoder(DetectorTrainingSettings.laptop().size)
    # Matrices in half precision, vectors in single, as they are stored.
    stored = sum(
        int(w.shape.num_elements()) * (2 if len(w.shape) > 1 else 4) for w in model.weights
    )
    assert 2**20 < stored <= MOST_BYTES
