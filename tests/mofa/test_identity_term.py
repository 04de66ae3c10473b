"""The identity term, by an embedder that one can see through."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from mofa import code as codes
from mofa.face_renderer import FaceRenderer
from mofa.identity_term import IdentityTerm
from mofa.losses import AutoencoderLoss, Weights
from weights.errors import InputError


def smooth_fields(images: tf.Tensor) -> tf.Tensor:
    """Unit embeddings [N, 48]: mean colours of 4 x 4 fields, about grey."""
    side = images.shape[1] // 4
    fields = tf.nn.avg_pool2d(images, side, side, "VALID")
    return tf.math.l2_normalize(tf.reshape(fields - 0.4, [-1, 48]), axis=-1)


def some_code(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    code = 0.2 * rng.normal(size=(2, codes.SIZE))
    code[:, codes.SLICES["translation"]] *= 10
    return code.astype(np.float32)


def test_it_is_one_minus_the_cosine_of_photograph_and_overlay(outlined: FaceRenderer) -> None:
    term = IdentityTerm(outlined, smooth_fields)
    code, truth = some_code(0), some_code(1)
    photographs = outlined.render(truth).over(0.7)
    np.testing.assert_allclose(term(truth, photographs), [0.0, 0.0], atol=1e-4)
    overlay = term.overlay(code, photographs).numpy()
    # Where the face is not, the photograph is left as it was.
    assert (overlay == photographs.numpy()).all(-1).mean() > 0.3
    assert not np.allclose(overlay, photographs, atol=0.01)
    one, other = smooth_fields(photographs).numpy(), smooth_fields(tf.constant(overlay)).numpy()
    np.testing.assert_allclose(term(code, photographs), 1.0 - np.sum(one * other, -1), atol=1e-5)


def test_its_gradient_is_that_of_finite_differences(outlined: FaceRenderer) -> None:
    """Through colours by albedo and light, through places by the translation."""
    term = IdentityTerm(outlined, smooth_fields)
    photographs = outlined.render(some_code(1)).over(0.7)
    start = some_code(0)

    def value(code: np.ndarray) -> float:
        return float(tf.reduce_sum(term(tf.constant(code), photographs)))

    code = tf.constant(start)
    with tf.GradientTape() as tape:
        tape.watch(code)
        total = tf.reduce_sum(term(code, photographs))
    gradient = tape.gradient(total, code).numpy()
    assert np.isfinite(gradient).all()
    for name in ("albedo", "light"):
        index = codes.SLICES[name].start
        step = np.zeros_like(start)
        step[0, index] = 1e-2
        numeric = (value(start + step) - value(start - step)) / 2e-2
        assert gradient[0, index] == pytest.approx(numeric, rel=0.05, abs=1e-5)
        assert abs(numeric) > 1e-4
    assert np.abs(gradient[:, codes.SLICES["shape"]]).max() > 1e-5


def test_it_counts_by_its_weight_among_the_others(outlined: FaceRenderer) -> None:
    photographs, points = outlined.render(some_code(1)).over(0.7), tf.zeros([2, 5, 2])
    plain = AutoencoderLoss(outlined)(some_code(0), photographs, points)
    assert "identity" not in plain
    term = IdentityTerm(outlined, smooth_fields)
    loss = AutoencoderLoss(outlined, Weights(identity=0.5), identity=term)
    found = loss(some_code(0), photographs, points)
    expected = 0.5 * np.mean(term(some_code(0), photographs))
    assert float(found.pop("identity")) == pytest.approx(expected, rel=1e-5)
    for name, value in plain.items():
        assert float(found[name]) == pytest.approx(float(value), rel=1e-6)
    with pytest.raises(InputError, match="`identity` needs a face network"):
        AutoencoderLoss(outlined, Weights(identity=0.5))
