"""Noises that faces are given of their own."""

from __future__ import annotations

import numpy as np
import pytest

from detector.self_perturbation import KINDS, LARGEST_BLOCK, SelfPerturbation, pattern
from weights.errors import InputError


def grey(count: int = 64, side: int = 24) -> np.ndarray:
    """Smooth images that no change clips."""
    levels = np.linspace(80, 170, side)
    image = (levels[:, None] + levels[None, :])[..., None] / 2.0 + np.array([0.0, 3.0, 6.0])
    return np.tile(image.astype(np.uint8), (count, 1, 1, 1))


@pytest.mark.parametrize("most", [1, 3, 5])
def test_changes_reach_the_largest_and_no_further(most: int) -> None:
    images = grey()
    change = SelfPerturbation(most)(images, np.random.default_rng(0)).astype(int) - images
    largest = np.abs(change).max(axis=(1, 2, 3))
    assert set(largest) == set(range(1, most + 1))  # every strength, and nothing else


def test_images_at_the_ends_stay_images() -> None:
    for level in (0, 255):
        images = np.full((32, 16, 16, 3), level, np.uint8)
        found = SelfPerturbation(5)(images, np.random.default_rng(0))
        assert np.abs(found.astype(int) - level).max() <= 5


def test_noises_differ_and_follow_the_seed() -> None:
    images = grey(16)
    perturb = SelfPerturbation()
    found = perturb(images, np.random.default_rng(0))
    assert len(np.unique(found, axis=0)) == 16
    np.testing.assert_array_equal(found, perturb(images, np.random.default_rng(0)))
    assert (found != perturb(images, np.random.default_rng(1))).any(axis=(1, 2, 3)).all()
    np.testing.assert_array_equal(images, grey(16))  # those given are left alone


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_lie_within_one_and_are_not_flat(kind: str) -> None:
    rng = np.random.default_rng(0)
    for width in (40, 39) * 4:
        found = pattern(kind, grey(1, 40)[0, :, :width], rng)
        assert found.shape == (40, width, 3)
        assert np.abs(found).max() <= 1.0
        assert found.std() > 0.2


def test_blocks_are_squares_of_one_sign() -> None:
    """Sides of 2 to 16: from row to row most signs stay; of points half do."""
    rng = np.random.default_rng(0)
    image = np.zeros((64, 64, 3), np.uint8)

    def staying(kind: str) -> float:
        found = np.stack([pattern(kind, image, rng) for _ in range(20)])
        assert set(np.unique(found)) == {-1.0, 1.0}
        return float(np.mean(found[:, 1:] == found[:, :-1]))

    assert staying("points") == pytest.approx(0.5, abs=0.02)
    assert staying("blocks") > 0.75


def test_blocks_have_sides_of_2_to_16_and_lie_anywhere() -> None:
    rng = np.random.default_rng(0)
    sides, beginnings = set(), set()
    for _ in range(200):
        found = pattern("blocks", np.zeros((64, 96, 3), np.uint8), rng)
        for changed in (found[1:] != found[:-1], found[:, 1:] != found[:, :-1]):
            axis = 0 if changed.shape[0] == 63 else 1
            edges = 1 + np.flatnonzero(changed.any(axis=(1 - axis, 2)))
            side = np.gcd.reduce(np.diff(edges))
            sides.add(int(side))
            if side == LARGEST_BLOCK:
                beginnings.add((axis, int(edges[0] % side)))
    assert sides == set(range(2, LARGEST_BLOCK + 1))
    assert len(beginnings) > 8


def test_half_of_the_time_all_colours_change_alike() -> None:
    rng = np.random.default_rng(0)
    for kind in ("points", "blocks", "bands"):
        found = [pattern(kind, np.zeros((24, 24, 3), np.uint8), rng) for _ in range(120)]
        alike = np.mean([np.array_equal(each[..., 0], each[..., 2]) for each in found])
        assert alike == pytest.approx(0.5, abs=0.15)


def test_bands_are_cut_at_two_deviations_or_signs_alone() -> None:
    rng = np.random.default_rng(0)
    signs = 0
    for _ in range(60):
        found = pattern("bands", np.zeros((96, 96, 3), np.uint8), rng)
        if set(np.unique(found)) == {-1.0, 1.0}:
            signs += 1
            continue
        assert found.std() == pytest.approx(0.48, abs=0.02)  # a half, but for what is cut
        assert 0.01 < np.mean(np.abs(found) == 1.0) < 0.1  # of a normal number 4.6 %
    assert 15 < signs < 45


def test_bands_have_the_frequencies_of_their_ring() -> None:
    """Nine tenths of the power lie within a factor of two of one frequency."""
    rng = np.random.default_rng(1)
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(96), np.fft.fftfreq(96)))
    middles = []
    for _ in range(12):
        found = pattern("bands", np.zeros((96, 96, 3), np.uint8), rng)[..., 0]
        if len(np.unique(found)) <= 3:  # signs alone have overtones
            continue
        power = np.square(np.abs(np.fft.fft2(found)))
        middle = float((power * radius).sum() / power.sum())
        near = (radius > middle / 2) & (radius < 2 * middle)
        assert power[near].sum() > 0.9 * power.sum()
        middles.append(middle)
    assert 1 / 40 < min(middles) < 1 / 12
    assert 1 / 4 < max(middles) < 0.6


def test_slopes_are_those_of_the_image() -> None:
    """Along an even slope all signs are one, but for the edge where the image begins again."""
    ramp = np.tile(np.arange(0, 240, 5, dtype=np.uint8)[:, None, None], (1, 48, 3))
    rng = np.random.default_rng(0)
    for _ in range(8):
        inner = pattern("slopes", ramp, rng)[2:-2, 2:-2]
        across = np.all(inner == inner[0, 0, 0])
        assert across or abs(inner.mean()) < 0.1  # to the side there is no slope


def test_slopes_go_in_eight_directions() -> None:
    rows, columns = np.mgrid[:24, :24]
    image = np.stack([3 * rows, 3 * columns, 100 + 3 * (rows - columns)], -1).astype(np.uint8)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(100):
        inner = pattern("slopes", image, rng)[1:-1, 1:-1]
        even = (inner == inner[0, 0]).all(axis=(0, 1))
        assert even.sum() >= 2  # where it is flat there are signs of both kinds
        assert set(np.unique(inner[..., ~even])) <= {-1.0, 1.0}
        seen.add(tuple(np.where(even, inner[0, 0], 0.0)))
    # Down, to the right, and the difference of both.
    ways = [(0, 1, -1), (1, 0, 1), (1, 1, 0), (1, -1, 1)]
    assert seen == {*ways, *(tuple(-each for each in way) for way in ways)}


@pytest.mark.parametrize("levels", [0, 256])
def test_levels_out_of_range_are_refused(levels: int) -> None:
    with pytest.raises(InputError, match=f"`noise_levels` must lie from 1 to 255, got {levels}"):
        SelfPerturbation(levels)
