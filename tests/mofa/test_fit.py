from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from mofa import code as codes
from mofa.fit import Fit
from mofa.refinement import GaussNewton
from tests.mofa.toy_faces import posed_codes

# A prior strong enough for one answer alone, so that steps end at it.
METHOD = GaussNewton(8, independent_pixels=20.0)


@pytest.fixture(scope="module")
def start() -> np.ndarray:
    return posed_codes()


@pytest.fixture(scope="module")
def fit(outlined, start) -> Fit:
    return Fit(outlined, lambda photographs: start[: len(photographs)], METHOD)


@pytest.fixture(scope="module")
def photograph(outlined, start) -> np.ndarray:
    """A face with colours of no code."""
    image = outlined.render(start[:1]).over(0.5).numpy()[0]
    coarse = np.random.default_rng(0).normal(0.0, 0.1, (1, 6, 6, 3)).astype(np.float32)
    change = tf.image.resize(coarse, image.shape[:2], "bicubic").numpy()[0]
    return np.clip(image + change, 0.02, 0.98).astype(np.float32)


def converged(fit: Fit, photograph: np.ndarray, code: np.ndarray) -> np.ndarray:
    for _ in range(10):
        code = fit.follow(photograph, code)
    return code


def test_it_refines_without_landmarks(fit, photograph, start) -> None:
    found = fit(photograph[None])
    assert found.shape == (1, codes.SIZE)
    energy = fit._energy(photograph)
    assert energy.start(found[0])[0] < 0.9 * energy.start(start[0])[0]


@pytest.mark.parametrize("part", ["light", "albedo"])
def test_the_gradient_is_that_of_differences(fit, photograph, start, part: str) -> None:
    rng = np.random.default_rng(1)
    at = converged(fit, photograph, start[0].astype(np.float64))
    direction = np.zeros(codes.SIZE)
    direction[codes.SLICES[part]] = rng.normal(size=codes.SIZES[part])
    gradient = fit.pull_back(photograph, at, direction)
    assert gradient.shape == photograph.shape
    # Along its signs, where the answer is largest, and the other way. A change of some grey levels
    # is no longer small beside what is left over, so that it does less than the gradient says.
    change = (0.01 * np.sign(gradient)).astype(np.float32)
    up, down = (
        (converged(fit, photograph + sign * change, at) - at) @ direction for sign in (1, -1)
    )
    expected = float(np.sum(gradient * change))
    assert 0.3 * expected < up < 1.2 * expected, (up, expected)
    assert 0.3 * expected < -down < 1.2 * expected, (down, expected)


def test_pixels_that_show_no_face_have_no_say(fit, photograph, start) -> None:
    direction = np.ones(codes.SIZE)
    gradient = fit.pull_back(photograph, start[0], direction)
    assert 0.05 < (np.abs(gradient).sum(-1) > 0).mean() < 0.95
    away = start[0].copy()
    away[codes.SLICES["translation"].start] = 2000.0
    np.testing.assert_array_equal(fit.pull_back(photograph, away, direction), 0.0)
