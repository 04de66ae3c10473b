from __future__ import annotations

import numpy as np
import pytest

from attacks import FGSM, PGD, DeepFool, MinimumEpsilon, minimum_epsilon
from tests.attacks.toy import Above, Linear

SIZE = 4
MODEL = Linear(SIZE)
L1, L2 = np.abs(MODEL.weights).sum(), np.sqrt(np.square(MODEL.weights).sum())
NEEDED = np.array([0.0007, 0.004, 0.011, 0.07, 0.29])
"""In L-infinity; all below what takes a pixel of 0.3 to 0.7 out of [0, 1]."""

_FGSM = FGSM()


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0.3, 0.7, (5, SIZE, SIZE, 3)).astype(np.float32)


def above(images: np.ndarray, needed: np.ndarray) -> Above:
    return Above(MODEL(images).numpy()[:, 0] + needed)


def test_brackets_the_known_minimum(images: np.ndarray) -> None:
    attack = FGSM()
    found = minimum_epsilon(
        attack, MODEL, images, above(images, NEEDED * L1), tolerance=0.02, batch_size=4
    ).values
    assert (found >= NEEDED * 0.999).all()
    assert (found <= NEEDED / 0.98 + 1e-6).all()
    assert attack.traces == 1  # fewer and fewer images are open, the batch keeps its shape


def test_brackets_in_l2(images: np.ndarray) -> None:
    needed = np.array([0.01, 0.1, 0.2, 0.5, 1.0])
    found = minimum_epsilon(
        PGD(5, "l2", random_start=False), MODEL, images, above(images, needed * L2), tolerance=0.02
    )
    assert found.norm == "l2"
    assert (found.values >= needed * 0.999).all()
    assert (found.values <= needed / 0.98 + 1e-4).all()


def test_a_minimisation_attack_is_measured(images: np.ndarray) -> None:
    found = minimum_epsilon(DeepFool(5), MODEL, images, above(images, np.full(5, 2.0)))
    np.testing.assert_allclose(found.values, 1.02 * 2.0 / L2, rtol=1e-3)


@pytest.mark.parametrize("attack", [_FGSM, DeepFool(5)])
def test_broken_from_the_start_is_0_and_unbroken_is_infinite(
    attack: FGSM | DeepFool, images: np.ndarray
) -> None:
    needed = np.array([-0.1, 0.5, 0.5, 0.5, 1e4])
    found = minimum_epsilon(attack, MODEL, images, above(images, needed))
    assert found.values[0] == 0.0
    assert np.isinf(found.values[4])
    assert np.isfinite(found.values[1:4]).all()
    assert found.unbroken == 0.2


def test_nothing_beyond_the_maximum(images: np.ndarray) -> None:
    found = minimum_epsilon(_FGSM, MODEL, images, above(images, NEEDED * L1), maximum=0.05)
    assert np.isinf(found.values).tolist() == [False, False, False, True, True]
    assert (found.values[:3] <= 0.05).all()


def test_rounding_to_8_bits_needs_more(images: np.ndarray) -> None:
    images = np.rint(images * 255).astype(np.uint8)
    levels = above(images.astype(np.float32) / 255, np.full(5, 0.0007 * L1))
    exact = minimum_epsilon(_FGSM, MODEL, images, levels, tolerance=0.02)
    stored = minimum_epsilon(_FGSM, MODEL, images, levels, tolerance=0.02, quantized=True)
    assert (exact.values < 0.0008).all()
    # Below one grey level nothing changes in 8 bits.
    np.testing.assert_array_equal(stored.values, 1 / 255)


def test_a_mask_needs_more(images: np.ndarray) -> None:
    mask = np.zeros((SIZE, SIZE, 1))
    mask[:2] = 1
    levels = above(images, np.full(5, 0.03 * L1))
    found = minimum_epsilon(_FGSM, MODEL, images, levels, mask=mask, tolerance=0.02).values
    np.testing.assert_allclose(found, 0.03 * L1 / np.abs(MODEL.weights[:2]).sum(), rtol=0.03)


def test_quantiles_and_curve_count_samples() -> None:
    result = MinimumEpsilon(np.array([0.0, 0.1, 0.2, 0.3, np.inf]), "linf")
    np.testing.assert_allclose(result.success([0.05, 0.1, 0.25, 1.0]), [0.2, 0.4, 0.6, 0.8])
    assert result.median == 0.2
    assert result.quantile(0.0) == 0.0
    assert result.quantile(0.9) == np.inf
    even = MinimumEpsilon(np.array([np.inf, 0.02, np.inf, 0.01]), "linf")
    assert even.median == 0.02  # which breaks a half of them
    hundred = MinimumEpsilon(np.arange(1.0, 101.0), "linf")
    for share in (0.07, 0.25, 0.55, 0.9):
        assert hundred.success([hundred.quantile(share)]) == share


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"first": 2.0}, r"first must lie in \(0, maximum"),
        ({"first": 0.0}, r"first must lie in \(0, maximum"),
        ({"tolerance": 1.0}, "tolerance must lie"),
    ],
)
def test_refuses_settings_out_of_range(
    images: np.ndarray, settings: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        minimum_epsilon(_FGSM, MODEL, images, above(images, NEEDED), **settings)


def test_refuses_a_criterion_for_other_images(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="criterion has 2 rows for 5 images"):
        minimum_epsilon(_FGSM, MODEL, images, Above(np.zeros(2)))
