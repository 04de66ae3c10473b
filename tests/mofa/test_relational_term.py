"""The relational term, by an embedder that one can see through."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from mofa import code as codes
from mofa.face_renderer import FaceRenderer
from mofa.losses import AutoencoderLoss, Weights
from mofa.relational_term import RelationalTerm
from weights.errors import InputError


def mean_colours(images: tf.Tensor) -> tf.Tensor:
    """Unit embeddings [N, 3]."""
    return tf.math.l2_normalize(tf.reduce_mean(images, axis=[1, 2]), axis=-1)


def some_photographs(count: int) -> np.ndarray:
    return np.random.default_rng(3).random((count, 2, 2, 3)).astype(np.float32)


def cosines(vectors: np.ndarray) -> np.ndarray:
    centred = vectors - vectors.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return unit @ unit.T


def test_it_is_the_squared_difference_of_cosines_to_all_others() -> None:
    rng = np.random.default_rng(0)
    code = rng.normal(size=(5, codes.SIZE)).astype(np.float32)
    photographs = some_photographs(5)
    found = RelationalTerm(mean_colours)(code, photographs).numpy()
    own = np.concatenate([code[:, codes.SLICES[part]] for part in ("shape", "albedo")], axis=1)
    difference = cosines(own) - cosines(mean_colours(photographs).numpy())
    expected = [np.mean([difference[i, j] ** 2 for j in range(5) if j != i]) for i in range(5)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_nothing_is_lost_where_codes_are_as_alike_as_people() -> None:
    photographs = some_photographs(6)
    code = np.zeros((6, codes.SIZE), np.float32)
    code[:, codes.SLICES["shape"].start :][:, :3] = 7.0 * mean_colours(photographs).numpy() + 2.0
    # Who it is does not lie in light, pose and expression.
    code[:, codes.SLICES["light"]] = np.random.default_rng(1).normal(size=(6, 27))
    np.testing.assert_allclose(RelationalTerm(mean_colours)(code, photographs), 0.0, atol=1e-6)
    assert float(tf.reduce_sum(RelationalTerm(mean_colours)(code[:1], photographs[:1]))) == 0.0


def test_its_gradient_is_that_of_finite_differences_and_reaches_identity_alone() -> None:
    term, photographs = RelationalTerm(mean_colours), some_photographs(4)
    start = np.random.default_rng(2).normal(size=(4, codes.SIZE)).astype(np.float32)

    def value(code: np.ndarray) -> float:
        return float(tf.reduce_sum(term(tf.constant(code), photographs)))

    code = tf.constant(start)
    with tf.GradientTape() as tape:
        tape.watch(code)
        total = tf.reduce_sum(term(code, photographs))
    gradient = tape.gradient(total, code).numpy()
    for name in ("shape", "albedo"):
        step = np.zeros_like(start)
        step[1, codes.SLICES[name].start] = 0.05
        numeric = (value(start + step) - value(start - step)) / 0.1
        assert abs(numeric) > 1e-4
        assert gradient[1, codes.SLICES[name].start] == pytest.approx(numeric, rel=0.05)
    for name in ("expression", "rotation", "translation", "light"):
        assert not gradient[:, codes.SLICES[name]].any()


def test_it_counts_by_its_weight_among_the_others(outlined: FaceRenderer) -> None:
    code = (0.1 * np.random.default_rng(4).normal(size=(3, codes.SIZE))).astype(np.float32)
    photographs, points = outlined.render(code).over(0.7), tf.zeros([3, 5, 2])
    term = RelationalTerm(mean_colours)
    found = AutoencoderLoss(outlined, Weights(relation=0.5), relation=term)(
        code, photographs, points
    )
    assert "identity" not in found
    assert float(found["relation"]) == pytest.approx(0.5 * np.mean(term(code, photographs)))
    with pytest.raises(InputError, match="`relation` needs a face network"):
        AutoencoderLoss(outlined, Weights(relation=0.5))
