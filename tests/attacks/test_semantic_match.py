from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import IdentitySwap, SemanticMatch, Term, equation_1, transplant
from attacks.identity_swap import cosine_similarity
from attacks.semantic_match import entry_weights

SLICES = {
    "shape": slice(0, 2),
    "expression": slice(2, 4),
    "albedo": slice(4, 6),
    "rotation": slice(6, 7),
    "translation": slice(7, 10),
    "light": slice(10, 12),
}
SIZE = 12


def test_every_term_by_hand() -> None:
    weights = entry_weights(equation_1(SLICES, {"shape": [3.0, 1.0], "albedo": 0.5}), SIZE)
    expected = [
        *(0.01 * 3.0 / 2, 0.01 * 1.0 / 2),
        *(0.01 / 2, 0.01 / 2),
        *(0.5 / 2, 0.5 / 2),
        *[0.05 / 4] * 4,
        *(1.5 / 2, 1.5 / 2),
    ]
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_rotation_without_translation() -> None:
    weights = entry_weights(equation_1(SLICES, rotation_only=True), SIZE)
    np.testing.assert_allclose(weights[6:10], [0.05, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("name", ["expression", "light"])
def test_one_part_alone(name: str, rng: np.random.Generator) -> None:
    weights = entry_weights(equation_1(SLICES, only=[name]), SIZE)
    inside = np.zeros(SIZE, bool)
    inside[SLICES[name]] = True
    np.testing.assert_array_equal(weights > 0.0, inside)
    # The gradient then sees no other part of the code.
    codes = tf.constant(rng.normal(size=(3, SIZE)), tf.float32)
    criterion = SemanticMatch(codes, -codes, equation_1(SLICES, only=[name]))
    with tf.GradientTape() as tape:
        tape.watch(codes)
        loss = criterion.loss(codes, *criterion.tensors())
    gradient = tape.gradient(loss, codes).numpy()
    np.testing.assert_array_equal(gradient != 0.0, np.tile(inside, (3, 1)))


def test_weights_of_ones_own() -> None:
    terms = equation_1(SLICES, weights={"light": 0.0, "shape": 2.0})
    weights = entry_weights(terms, SIZE)
    np.testing.assert_allclose(weights[:2], 1.0)
    np.testing.assert_allclose(weights[4:6], 0.5)
    assert not weights[10:].any()


def test_loss_margin_and_success() -> None:
    terms = {"all": Term((slice(0, 2),), 1.0)}
    source, target = [[0.0, 0.0]] * 3, [[4.0, -4.0]] * 3
    criterion = SemanticMatch(source, target, terms, share=0.75)
    # Delta is the mean distance: 4 at first, so that 1 is left to go.
    outputs = tf.constant([[0.0, 0.0], [3.5, -2.0], [4.0, -4.0]])
    np.testing.assert_allclose(criterion.loss(outputs, *criterion.tensors()), [-4.0, -1.25, 0.0])
    np.testing.assert_allclose(criterion.margin(outputs, *criterion.tensors()), [-3.0, -0.25, 1.0])
    np.testing.assert_array_equal(
        criterion.success(outputs, *criterion.tensors()), [False, False, True]
    )
    assert len(criterion) == 3


def test_no_gradient_where_the_codes_match() -> None:
    codes = tf.constant([[1.0, 2.0]])
    criterion = SemanticMatch(codes, [[1.0, 0.0]], {"all": Term((slice(0, 2),), 2.0)})
    with tf.GradientTape() as tape:
        tape.watch(codes)
        loss = criterion.loss(codes, *criterion.tensors())
    np.testing.assert_allclose(tape.gradient(loss, codes), [[0.0, -1.0]])


def test_transplant_takes_the_named_parts() -> None:
    source, target = np.zeros((2, SIZE), np.float32), np.ones((2, SIZE), np.float32)
    mixed = transplant(source, target, SLICES, ["expression", "light"])
    np.testing.assert_array_equal(mixed[0], [0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1])
    assert not source.any()
    with pytest.raises(ValueError, match="'hair' is no part of the code"):
        transplant(source, target, SLICES, ["hair"])


def test_refuses_terms_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="'hair' is no term of"):
        equation_1(SLICES, only=["hair"])
    with pytest.raises(ValueError, match="slices must also name translation"):
        equation_1({name: part for name, part in SLICES.items() if name != "translation"})
    with pytest.raises(ValueError, match="does not lie within a code of 11 numbers"):
        entry_weights(equation_1(SLICES), 11)
    with pytest.raises(ValueError, match=r"shape: sigma must be \[2\]"):
        entry_weights(equation_1(SLICES, {"shape": [1.0, 2.0, 3.0]}), SIZE)
    with pytest.raises(ValueError, match="light: weight and sigma must be finite"):
        entry_weights(equation_1(SLICES, weights={"light": -1.0}), SIZE)
    with pytest.raises(ValueError, match="nothing to match"):
        entry_weights(equation_1(SLICES, weights={"light": 0.0}, only=["light"]), SIZE)


def test_refuses_codes_that_do_not_fit() -> None:
    terms = {"all": Term((slice(0, 2),), 1.0)}
    with pytest.raises(ValueError, match=r"must be \[N, D\]"):
        SemanticMatch([[0.0, 0.0]], [[0.0, 0.0]] * 2, terms)
    with pytest.raises(ValueError, match=r"share must lie in \(0, 1\)"):
        SemanticMatch([[0.0, 0.0]], [[1.0, 0.0]], terms, share=1.0)


def test_an_identity_is_swapped_when_both_comparisons_say_so() -> None:
    source, target = [[2.0, 0.0]] * 4, [[0.0, 3.0]] * 4
    outputs = tf.constant([[1.0, 0.0], [1.0, 1.0], [0.6, 0.8], [0.0, 5.0]])
    np.testing.assert_allclose(cosine_similarity(outputs, target), [0, 0.5**0.5, 0.8, 1], atol=1e-6)
    criterion = IdentitySwap(source, target, 0.7)
    np.testing.assert_allclose(
        criterion.margin(outputs, *criterion.tensors()),
        [-0.7, 0.7 - 0.5**0.5, 0.1, 0.3],
        atol=1e-6,
    )
    np.testing.assert_array_equal(
        criterion.success(outputs, *criterion.tensors()), [False, False, True, True]
    )
    np.testing.assert_allclose(
        criterion.loss(outputs, *criterion.tensors()), [-1.0, 0.0, 0.2, 1.0], atol=1e-6
    )


def test_identity_swap_refuses() -> None:
    with pytest.raises(ValueError, match=r"must be \[N, D\]"):
        IdentitySwap([[1.0]], [[1.0, 2.0]], 0.2)
    with pytest.raises(ValueError, match=r"threshold must lie in \(-1, 1\)"):
        IdentitySwap([[1.0]], [[1.0]], 1.0)
