"""Small models that the tests of this room share."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mofa import landmarks
from mofa.face_renderer import Camera, FaceRenderer
from mofa.morphable_model import ALBEDO, EXPRESSION, IDENTITY, Modes, MorphableModel


def make_model(rows: int = 12, columns: int = 14, seed: int = 0) -> MorphableModel:
    """A face-like shell: half an ellipsoid with a nose, random modes, 68 landmarks."""
    rng = np.random.default_rng(seed)
    v, u = np.meshgrid(np.linspace(-1.2, 1.2, rows), np.linspace(-1.3, 1.3, columns), indexing="ij")
    shape = np.stack(
        (75.0 * np.sin(u) * np.cos(v), 100.0 * np.sin(v), 80.0 * np.cos(u) * np.cos(v)), axis=-1
    ).reshape(-1, 3)
    shape[:, 2] += 20.0 * np.exp(-0.5 * (shape[:, 0] ** 2 + shape[:, 1] ** 2) / 15.0**2)
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1)
    triangles = np.concatenate(
        (
            np.stack((corner, corner + 1, corner + columns), axis=1),
            np.stack((corner + 1, corner + columns + 1, corner + columns), axis=1),
        )
    )
    count = len(shape)

    def modes(number: int, size: float) -> Modes:
        basis = np.linalg.qr(rng.normal(size=(3 * count, number)))[0]
        std = size * np.sqrt(3 * count) * 0.9 ** np.arange(number)
        return Modes(basis.astype(np.float32), std.astype(np.float32))

    places = rng.choice(count, 68, replace=False)
    return MorphableModel(
        name="shell",
        mean_shape=shape.astype(np.float32),
        mean_albedo=rng.uniform(0.3, 0.8, (count, 3)).astype(np.float32),
        identity=modes(IDENTITY, 0.5),
        expression=modes(EXPRESSION, 0.3),
        albedo=modes(ALBEDO, 0.02),
        triangles=triangles.astype(np.int32),
        landmarks={name: int(place) for name, place in zip(landmarks.NAMES, places, strict=True)},
        expression_samples=rng.normal(size=(10, EXPRESSION)).astype(np.float32),
    )


@pytest.fixture(scope="session")
def shell() -> MorphableModel:
    return make_model()


@pytest.fixture(scope="session")
def outlined(shell) -> FaceRenderer:
    """A renderer of the shell whose landmarks, elsewhere anywhere, outline a face."""
    mean = shell.mean_shape
    angle = np.linspace(np.pi, 2 * np.pi, 17)
    places = [(60 * np.cos(a), 30 + 90 * np.sin(a)) for a in angle]  # jaw
    places += [(x, 40.0) for x in np.linspace(-45, 45, 10)]  # brows
    rest = np.random.default_rng(0).uniform([-30, -30], [30, 30], (41, 2))
    targets = np.concatenate((places, rest))
    front = mean[:, 2] > 0
    distance = np.linalg.norm(mean[None, :, :2] - targets[:, None], axis=-1) + 1e6 * ~front
    vertices = distance.argmin(axis=1)
    model = dataclasses.replace(
        shell, landmarks=dict(zip(landmarks.NAMES, map(int, vertices), strict=True))
    )
    return FaceRenderer(model, Camera(image_size=(48, 48)))
