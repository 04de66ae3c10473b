"""What is stored stays in the ball; `test_every_attack.py` has the same for every attack."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks import (
    FGSM,
    PGD,
    Attack,
    CarliniWagner,
    DeepFool,
    FixedPointAttack,
    PerturbationAttack,
    UniversalPerturbation,
    judge,
    minimum_epsilon,
    round_within,
    stored,
    whole_levels,
    with_levels,
)
from attacks.eight_bits import change
from attacks.universal import add
from tests.attacks.toy import Above, Linear

SIZE = 4
COUNT = 4
MODEL = Linear(SIZE)
WEIGHTS = MODEL.weights

PERTURBATION = {
    "perturbation": PerturbationAttack(5),
    "literal": PerturbationAttack.literal(0.9, 5),
    "one-sided": PerturbationAttack(5, lower=-0.1, upper=0.7),
}


def test_whole_levels_of_exact_multiples() -> None:
    for count in range(1, 256):
        assert whole_levels(count / 255) == count
        assert whole_levels(np.float32(count / 255)) == count
        assert whole_levels(np.float32(count) / np.float32(255)) == count
        assert whole_levels((count - 0.001) / 255) == count - 1
    assert [whole_levels(epsilon) for epsilon in (0.0, 0.0025, 0.0039, 0.02, 0.03, 0.04)] == [
        *(0, 0, 0, 5, 7, 10)
    ]


def test_levels_in_words() -> None:
    assert with_levels([0.02, 0.03, 0.04]) == "0.02, 0.03 and 0.04 (5, 7 and 10 grey levels)"
    assert with_levels((0.03,)) == "0.03 (7 grey levels)"
    assert with_levels([0.004]) == "0.004 (1 grey level)"
    assert with_levels(iter([0.001])) == "0.001 (0 grey levels)"
    assert with_levels([1 / 255, 0.02]) == "0.003922 and 0.02 (1 and 5 grey levels)"
    attack = PerturbationAttack()
    assert with_levels([0.005, 0.2], attack.radii(1.0)) == "0.005 and 0.2 (0 and 20 grey levels)"


@pytest.mark.parametrize("name", PERTURBATION)
@settings(max_examples=8, deadline=None)
@given(
    epsilon=st.one_of(
        st.floats(1e-4, 1.0),
        st.integers(1, 255).map(lambda count: count / 255),
        st.sampled_from([0.4 / 255, 0.6 / 255, 0.0025, 0.02, 0.03, 0.04]),
    ),
    level=st.floats(-50.0, 50.0),
    seed=st.integers(0, 2**31 - 1),
    share=st.sampled_from([0.1, 0.5, 1.0]),
)
def test_stored_images_stay_in_the_ball(
    name: str, epsilon: float, level: float, seed: int, share: float
) -> None:
    attack = PERTURBATION[name]
    rng = np.random.default_rng(seed)
    images = rng.choice([0, 1, 100, 254, 255], (COUNT, SIZE, SIZE, 3)).astype(np.uint8)
    mask = (rng.random((COUNT, SIZE, SIZE, 1)) <= share).astype(np.uint8)
    mask[:, 0, 0] = 1
    epsilons = [epsilon / 2.0, epsilon]
    criterion = Above(np.full(COUNT, level))
    result = attack(MODEL, images, criterion, epsilons=epsilons, mask=mask, seed=seed)
    assert result.stored.dtype == np.uint8
    difference = result.stored.astype(int) - images
    assert not (difference * (1 - mask.astype(int))).any()
    for budget, row in zip(epsilons, difference, strict=True):
        # In tenths, exactly: 0.4, 0.9, 0.1 and 0.7 are no binary fractions.
        up, down = (round(10 * side) * budget / 10 for side in (attack.upper, -attack.lower))
        assert row.max() <= whole_levels(up)
        assert -row.min() <= whole_levels(down)
    for k in range(2):
        _, success = judge(MODEL, result.stored[k : k + 1], criterion)
        np.testing.assert_array_equal(success[0], result.success_8bit[k])


def outputs(images: np.ndarray) -> np.ndarray:
    return np.sum(images.astype(np.float64) * WEIGHTS, axis=(-3, -2, -1))


def test_the_paper_s_intensities_store_5_7_and_10_levels() -> None:
    images = np.full((COUNT, SIZE, SIZE, 3), 128, np.uint8)
    result = FGSM()(MODEL, images, Above(np.zeros(COUNT)), epsilons=[0.0025, 0.02, 0.03, 0.04])
    for count, row in zip((0, 5, 7, 10), result.stored.astype(int) - 128, strict=True):
        np.testing.assert_array_equal(row, np.broadcast_to(count * np.sign(WEIGHTS), row.shape))
    assert result.quantized() is result.stored


def test_success_is_that_of_the_stored_image() -> None:
    images = np.full((COUNT, SIZE, SIZE, 3), 128, np.uint8)
    gain = np.abs(WEIGHTS).sum() / 255
    criterion = Above(outputs(images / 255) + gain * np.array([0.4, 4.9, 5.05, 5.2]))
    result = FGSM()(MODEL, images, criterion, epsilons=[0.7 / 255, 5.1 / 255])
    assert result.success.tolist() == [[True, False, False, False], [True, True, True, False]]
    assert result.success_8bit.tolist() == [[False] * 4, [True, True, False, False]]


def test_other_attacks_are_stored_in_the_ball(rng: np.random.Generator) -> None:
    images = rng.choice([0, 1, 128, 254, 255], (COUNT, SIZE, SIZE, 3)).astype(np.uint8)
    floats = images / np.float32(255)
    criterion = Above(np.zeros(COUNT))
    universal = UniversalPerturbation(3, 2, relative_step=1.0).learn(
        MODEL, images, criterion, epsilon=0.03
    )
    kept = stored(add(images, universal), images, 0.03)
    assert np.abs(kept.astype(int) - images).max() == 7

    class Sum:
        def follow(self, photograph: np.ndarray, code: np.ndarray, /) -> np.ndarray:
            return np.array([np.sum(photograph * WEIGHTS)])

        def pull_back(
            self, photograph: np.ndarray, code: np.ndarray, d: np.ndarray, /
        ) -> np.ndarray:
            return d[0] * WEIGHTS

    codes = outputs(floats)[:, np.newaxis]
    found = FixedPointAttack(4).craft(Sum(), floats, codes, criterion, 0.03)
    kept = stored(found, images, 0.03)
    assert np.abs(kept.astype(int) - images).max() == 7


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    radius=st.floats(1e-3, 60.0),
    norm=st.sampled_from(["linf", "l2"]),
    whole=st.booleans(),
)
def test_whatever_lies_in_the_ball_is_stored_there(
    seed: int, radius: float, norm: str, whole: bool
) -> None:
    """Perturbations of any shape; originals with whole levels and between them."""
    rng = np.random.default_rng(seed)
    levels = rng.choice([0.0, 0.4, 1.0, 200.25, 254.6, 255.0], (3, 4, 5, 3))
    images = (np.rint(levels) if whole else levels) / 255
    shape = rng.choice([-1.0, 0.0, 1.0, 1e-3, 0.5], images.shape) * rng.choice([1.0, 0.1, 1e-3])
    size = np.abs(shape).max() if norm == "linf" else np.linalg.norm(shape.reshape(3, -1), axis=1)
    size = np.broadcast_to(size, 3)[:, np.newaxis, np.newaxis, np.newaxis]
    perturbed = np.clip(images + radius / 255 * shape / size, 0.0, 1.0).astype(np.float32)
    images = images.astype(np.float32)
    kept = stored(perturbed, images, radius / 255, norm)
    origin = 255 * images.astype(np.float64)
    difference = kept - origin
    nearest = np.rint(np.round(origin, 3))
    reach = np.abs(nearest - origin)
    if norm == "linf":
        reachable = reach <= radius
        assert (np.abs(difference)[reachable] <= radius * (1 + 1e-6) + 1e-3).all()
        assert (kept[~reachable] == nearest[~reachable]).all()
    else:
        lengths = np.sqrt(np.square(difference).sum((1, 2, 3)))
        reachable = np.sqrt(np.square(reach).sum((1, 2, 3))) <= radius
        assert (lengths[reachable] <= radius * (1 + 1e-6) + 1e-3).all()
        assert (kept[~reachable] == nearest[~reachable]).all()
    untouched = perturbed == images
    assert (np.abs(difference[untouched]) <= 0.5 + 1e-4).all()
    if whole:
        moved = kept != nearest
        assert (np.sign(kept - nearest) == np.sign(perturbed - images))[moved].all()
        if norm == "l2":
            assert (np.abs(kept - 255.0 * perturbed) < 1.0 + 1e-4).all()


def test_l2_loses_little() -> None:
    """What is stored points where the perturbation did and is as long, up to a level."""
    rng = np.random.default_rng(0)
    images = rng.integers(20, 236, (2, 40, 40, 3)).astype(np.uint8)
    direction = rng.normal(size=images.shape)
    direction /= np.sqrt(np.square(direction).sum((1, 2, 3), keepdims=True))
    for epsilon, alignment in ((0.05, 0.4), (0.2, 0.8), (0.5, 0.97), (2.0, 0.995)):
        perturbed = np.clip(images / 255 + epsilon * direction, 0.0, 1.0).astype(np.float32)
        kept = stored(perturbed, images, epsilon, "l2")
        difference = (kept.astype(float) - images) / 255
        along = (difference * direction).sum((1, 2, 3)) / epsilon
        assert (along > alignment).all(), (epsilon, along)
        sizes = change(kept, images, "l2")
        assert (sizes <= epsilon * (1 + 1e-6)).all()
        assert (sizes > 0.98 * epsilon).all()


def test_l2_of_equal_changes_rounds_some_of_them_up() -> None:
    # 1.6 levels everywhere: all at 2 leaves the ball, all at 1 wastes a third of it.
    images = np.full((1, 10, 10, 3), 128, np.uint8)
    radius = 1.6 * np.sqrt(300) / 255
    kept = stored(np.full(images.shape, 129.6 / 255, np.float32), images, radius, "l2")
    counts = dict(zip(*np.unique(kept, return_counts=True), strict=True))
    # 300 + 3 n <= 1.6 ** 2 * 300
    assert counts == {129: 144, 130: 156}


def test_linf_takes_the_nearest_level_within_reach() -> None:
    images = np.full((1, 1, 5, 3), 100, np.uint8)
    perturbed = np.zeros(images.shape, np.float32)
    perturbed[0, 0] = np.array([[97.6], [98.4], [100.4], [101.6], [102.6]]) / 255
    kept = stored(perturbed, images, 2.6 / 255)
    assert kept[0, 0, :, 0].tolist() == [98, 98, 100, 102, 102]


def test_originals_between_levels_keep_what_lies_in_the_ball() -> None:
    # Of 100.4: within 0.5 of a level there is 100 alone, within 0.7 also 101, within 0.3 nothing.
    images = np.full((1, 1, 1, 3), 100.4 / 255, np.float32)
    for radius, up, down in ((0.3, 100, 100), (0.5, 100, 100), (0.7, 101, 100), (1.5, 101, 99)):
        higher = stored(images + np.float32(radius / 255), images, radius / 255)
        lower = stored(images - np.float32(radius / 255), images, radius / 255)
        assert (int(higher.max()), int(lower.min())) == (up, down)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_what_was_left_alone_is_the_original_as_any_file_holds_it(norm: str) -> None:
    levels = np.array([0.0, 0.4, 0.6, 127.5, 255.0], np.float32)  # 127.5 / 255 is a half, exactly
    images = np.broadcast_to(levels[:, np.newaxis] / np.float32(255), (1, 1, 5, 3))
    for radius in (0.0, 0.1, 40.0):
        kept = stored(images, images, radius / 255, norm)
        assert kept[0, 0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_many_images_and_budgets_are_stored_one_by_one(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (70, 2, 2, 3)).astype(np.uint8)
    radii = rng.uniform(0.5, 9.5, (2, 70)) / 255
    perturbed = np.clip(
        images / 255 + radii[..., np.newaxis, np.newaxis, np.newaxis], 0.0, 1.0
    ).astype(np.float32)
    for norm in ("linf", "l2"):
        kept = stored(perturbed, images, radii, norm)
        for k, n in ((0, 0), (1, 33), (0, 69)):
            one = stored(perturbed[k, n : n + 1], images[n : n + 1], radii[k, n], norm)
            np.testing.assert_array_equal(kept[k, n], one[0])
    expected = np.minimum(images + np.floor(255 * radii)[..., None, None, None], 255)
    np.testing.assert_array_equal(stored(perturbed, images, radii), expected)
    np.testing.assert_array_equal(stored(perturbed, images / np.float32(255), radii), expected)


def test_the_same_within_a_compiled_function(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (3, 4, 4, 3)).astype(np.uint8)
    perturbed = np.clip(images / 255 + rng.uniform(-0.02, 0.02, images.shape), 0, 1)
    perturbed = perturbed.astype(np.float32)
    for norm in ("linf", "l2"):
        radius = 0.02 if norm == "linf" else float(np.linalg.norm(perturbed - images / 255) / 2)
        compiled = tf.function(lambda x, o, r, norm=norm: round_within(x, o, r, norm))
        got = compiled(perturbed, images / np.float32(255), tf.fill([3], radius))
        kept = stored(perturbed, images, radius, norm)
        np.testing.assert_allclose(got, kept / np.float32(255), atol=1e-7)


def test_change_is_that_of_the_stored_image() -> None:
    images = np.array([0, 100, 255], np.uint8).reshape(1, 1, 3, 1).repeat(3, axis=3)
    kept = images.copy()
    kept[0, 0, 1] = [103, 96, 100]
    assert change(kept, images)[0] == 4 / 255
    assert change(kept[np.newaxis], images / np.float32(255))[0, 0] == 4 / 255
    np.testing.assert_allclose(change(kept, images, "l2"), 5 / 255)


@pytest.mark.parametrize(
    ("perturbed", "images"), [((2, 3, 3, 3), (1, 3, 3, 3)), ((3, 3, 3), (3, 3, 3))]
)
def test_refuses_shapes_that_do_not_fit(perturbed: tuple, images: tuple) -> None:
    with pytest.raises(ValueError, match="perturbed must be"):
        stored(np.zeros(perturbed, np.float32), np.zeros(images, np.float32), 0.1)


def test_refuses_another_norm() -> None:
    with pytest.raises(ValueError, match="norm must be"):
        stored(np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2, 3)), 0.1, "l1")


def needing(images: np.ndarray, levels: np.ndarray) -> Above:
    return Above(outputs(images / 255) + levels * np.abs(WEIGHTS).sum() / 255)


@pytest.mark.parametrize("attack", [FGSM(), PGD(8), PerturbationAttack(8, learning_rate=1.0)])
def test_minimum_epsilon_in_8_bits_is_a_whole_level(attack: Attack) -> None:
    images = np.full((5, SIZE, SIZE, 3), 128, np.uint8)
    criterion = needing(images, np.array([-0.5, 0.3, 1.7, 6.9, 40.2]))
    found = minimum_epsilon(attack, MODEL, images, criterion, quantized=True, tolerance=0.01)
    per_level = 255 * float(attack.radii(1.0))
    np.testing.assert_array_equal(found.values, np.array([0, 1, 2, 7, 41]) / per_level)
    if per_level == 255:
        np.testing.assert_array_equal(found.success([0.0039, 1 / 255, 7 / 255]), [0.2, 0.4, 0.8])


def test_minimum_epsilon_in_8_bits_ends_at_the_maximum() -> None:
    images = np.full((5, SIZE, SIZE, 3), 128, np.uint8)
    criterion = needing(images, np.array([-0.5, 0.3, 1.7, 6.9, 40.2]))
    found = minimum_epsilon(FGSM(), MODEL, images, criterion, quantized=True, maximum=0.0099)
    np.testing.assert_array_equal(found.values, np.array([0, 1, 2, np.inf, np.inf]) / 255)
    found = minimum_epsilon(FGSM(), MODEL, images, criterion, quantized=True, maximum=0.003)
    np.testing.assert_array_equal(found.values, [0, np.inf, np.inf, np.inf, np.inf])


@pytest.mark.parametrize(
    "attack",
    [
        PGD(20, "l2", relative_step=0.5),
        DeepFool(5),
        DeepFool(5, "linf"),
        CarliniWagner(80, 6, first_weight=0.1, learning_rate=0.05),
    ],
)
def test_minimum_epsilon_in_8_bits_is_that_of_an_image_that_exists(attack: Attack) -> None:
    images = np.full((COUNT, SIZE, SIZE, 3), 128, np.uint8)
    criterion = needing(images, np.array([-0.5, 2.0, 4.5, 20.0]))
    found = minimum_epsilon(attack, MODEL, images, criterion, quantized=True)
    exact = minimum_epsilon(attack, MODEL, images, criterion)
    assert found.values[0] == exact.values[0] == 0.0
    broken = np.isfinite(found.values) & (found.values > 0.0)
    assert broken.any()
    if attack.norm == "linf":
        levels = 255 * found.values[broken]
        np.testing.assert_allclose(levels, np.rint(levels), atol=1e-9)
    # No stored image succeeds with less than the best of all images needs.
    assert (found.values[broken] > 0.95 * exact.values[broken]).all()
