"""A code means the same face everywhere: signs of modes, and modes of equal variance."""

from __future__ import annotations

import numpy as np
import pytest

from mofa import face_model_files
from mofa.morphable_model import orthonormal
from mofa.open_face_model.modes import principal
from mofa.signs import agreeing, settled

STD = np.array([5.0, 3.0, 3.0, 3.0, 1.0, 0.5, 0.5])
"""Three modes and two of the same deviation."""


def a_basis(rng):
    return np.linalg.qr(rng.normal(size=(60, len(STD))))[0]


def turned(basis, rng):
    """Another basis that a library may give for the same modes."""
    result = basis * rng.choice([-1.0, 1.0], basis.shape[1])
    for part in (slice(1, 4), slice(5, 7)):
        size = part.stop - part.start
        result[:, part] = result[:, part] @ np.linalg.qr(rng.normal(size=(size, size)))[0]
    return result


@pytest.mark.parametrize("seed", range(5))
def test_signs_and_rotations_are_settled(seed):
    rng = np.random.default_rng(seed)
    basis = a_basis(rng)
    found = settled(basis, STD)
    np.testing.assert_allclose(found.T @ found, np.eye(len(STD)), atol=1e-12)
    for _ in range(4):
        np.testing.assert_allclose(settled(turned(basis, rng), STD), found, atol=1e-9)
        # Rounding, in the vectors and in the deviations, turns nothing over.
        noise = 1e-13 * rng.normal(size=basis.shape)
        near = settled(turned(basis, rng) + noise, STD * (1 + 1e-13 * rng.normal(size=len(STD))))
        np.testing.assert_allclose(near, found, atol=1e-9)
    # What spans the same stays where it was: single modes change their sign alone.
    np.testing.assert_allclose(np.abs(found[:, [0, 4]]), np.abs(basis[:, [0, 4]]), atol=1e-12)
    np.testing.assert_allclose(
        found[:, 1:4] @ found[:, 1:4].T, basis[:, 1:4] @ basis[:, 1:4].T, atol=1e-12
    )


@pytest.mark.parametrize(
    "mode",
    [
        np.tile([1.0, 0.0, 0.0], 40),
        np.tile([0.0, 1.0, 0.0], 40),
        np.tile([1.0, 1.0, 1.0], 40),
        np.tile([1.0, -1.0], 60),  # as many entries of either sign, all of one size
        np.repeat([1.0, -1.0], 60),
        np.where(np.arange(120) == 50, 1.0, np.where(np.arange(120) == 51, -1.0, 0.0)),
    ],
)
def test_symmetric_modes_have_a_sign_too(mode):
    mode = (mode / np.linalg.norm(mode))[:, None]
    found = settled(mode, np.ones(1))
    np.testing.assert_array_equal(settled(-mode, np.ones(1)), found)
    # Far from a tie: a thousandth of noise does not change it.
    noise = 1e-3 * np.random.default_rng(0).normal(size=mode.shape) / np.sqrt(len(mode))
    assert np.sum(settled(mode + noise, np.ones(1)) * found) > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_modes_of_directions_follow_from_their_distribution(seed):
    """The same Gaussian in other numbers: directions mixed, turned over, in another order."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(90, 7)) * [9.0, 5.0, 4.0, 2.0, 1.0, 0.7, 0.5]
    modes = orthonormal(directions, 5)
    every = orthonormal(directions, 7).scaled()
    np.testing.assert_allclose(every @ every.T, directions @ directions.T, atol=1e-4)
    for other in (
        -directions,
        directions[:, ::-1],
        directions @ np.linalg.qr(rng.normal(size=(7, 7)))[0],
        directions.astype(np.float32).astype(np.float64),
    ):
        found = orthonormal(other, 5)
        np.testing.assert_allclose(found.basis, modes.basis, atol=1e-5)
        np.testing.assert_allclose(found.std, modes.std, rtol=1e-5)


def test_equal_directions_of_a_symmetric_face_come_out_alike():
    """A left and a right half that move alike: every mixture of both is a mode."""
    half = np.concatenate((np.arange(1.0, 31.0), np.zeros(30)))
    directions = np.stack((half, half[::-1]), axis=1)
    modes = orthonormal(directions, 2)
    for angle in (0.3, 1.2, 2.5):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        np.testing.assert_allclose(orthonormal(directions @ turn, 2).basis, modes.basis, atol=1e-6)
    assert modes.std[0] == pytest.approx(modes.std[1])


def test_what_does_not_vary_is_no_mode(rng):
    """Whatever a library puts there would be other vectors on every machine."""
    directions = rng.normal(size=(30, 3)) @ rng.normal(size=(3, 8))
    modes = orthonormal(directions, 6)
    assert (modes.std[:3] > 0.0).all()
    assert not modes.std[3:].any()
    assert not modes.basis[:, 3:].any()
    assert not orthonormal(np.zeros((30, 4)), 6).basis.any()


@pytest.mark.parametrize("samples", [40, 400])
def test_principal_components_without_a_longer_tail(samples, rng):
    """Samples that lie on either side alike have no skew, only rounding."""
    half = rng.normal(size=(samples // 2, 90)) * np.linspace(3.0, 0.1, 90)
    draws = np.concatenate((half, -half))
    modes = principal(draws, 4)
    for other in (draws[::-1], -draws, rng.permutation(draws)):
        np.testing.assert_allclose(principal(other, 4).basis, modes.basis, atol=1e-5)
    # A factor of a covariance has columns of either sign, and they do not matter.
    signs = rng.choice([-1.0, 1.0], len(half))[:, None]
    plain = principal(half, 4, skewed=False)
    np.testing.assert_allclose(
        principal(signs * half, 4, skewed=False).basis, plain.basis, atol=1e-5
    )


def test_a_longer_tail_is_the_positive_one(rng):
    tail = rng.exponential(size=(300, 1)) - 1.0
    draws = tail @ rng.normal(size=(1, 60))
    for each in (draws, -draws):
        assert np.mean((each @ principal(each, 1).basis) ** 3) > 0.0


def test_modes_agree_with_those_of_another_model(rng):
    basis = a_basis(rng)
    signs = np.array([1.0, -1.0, -1.0, 1.0, -1.0, 1.0, 1.0])
    near = (basis + 0.05 * rng.normal(size=basis.shape)) * signs
    np.testing.assert_array_equal(agreeing(near, basis), signs)


@pytest.mark.parametrize(
    ("path", "colours"),
    [
        (
            face_model_files.DEFAULT_PATH,
            [[0.34104, 0.24630, 0.20097], [0.77036, 0.57650, 0.47228], [0.26615, 0.19346, 0.15794]],
        ),
        (
            face_model_files.LEARNED_PATH,
            [[0.35967, 0.20525, 0.12439], [0.67502, 0.46544, 0.32229], [0.42860, 0.30748, 0.25070]],
        ),
    ],
)
def test_codes_of_the_models_that_come_along_keep_their_meaning(path, colours):
    """Encoders and classifiers were trained on these very numbers."""
    model = face_model_files.read(path)
    code = np.cos(np.arange(224.0)).astype(np.float32)[None]
    rows = [0, 1500, 3000]
    places = [
        [-35.5368, 22.1640, 75.1422],
        [-36.1776, -60.5386, 63.2235],
        [31.1191, 15.3327, 73.8644],
    ]
    shape = model.shape(code[:, :80], code[:, 80:144]).numpy()[0, rows]
    np.testing.assert_allclose(shape, places, atol=1e-4)
    np.testing.assert_allclose(model.colour(code[:, 144:]).numpy()[0, rows], colours, atol=1e-5)
