from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks import FGSM, Dodging, Impersonation
from attacks.images import check_epsilons
from attacks.norms import size_of
from attacks.objective import Objective
from resgn.verification import score
from resgn.verification import squared_distance as distance_of_units
from tests.attacks.toy import RandomProjection, mean_color

SIZE = 4
MODEL = RandomProjection(SIZE)


def random_images(rng: np.random.Generator, count: int = 3) -> np.ndarray:
    return rng.uniform(0.2, 0.8, (count, SIZE, SIZE, 3)).astype(np.float32)


def test_one_step_worked_out_by_hand() -> None:
    # Embedding (r, g, b) = (0.5, 0.5, 0.5) against the reference (1, 0, 0): dodging lowers red and
    # raises green and blue; impersonation does the opposite.
    images = np.full((1, 2, 2, 3), 0.5, np.float32)
    reference = np.array([[1.0, 0.0, 0.0]], np.float32)
    dodging = FGSM()(mean_color, images, Dodging(reference, 1.0), epsilons=[0.1]).perturbed
    np.testing.assert_allclose(dodging[0, 0, 0, 0], [0.4, 0.6, 0.6], atol=1e-6)
    taking = FGSM()(mean_color, images, Impersonation(reference, 1.0), epsilons=[0.1]).perturbed
    np.testing.assert_allclose(taking[0, 0, 1, 1], [0.6, 0.4, 0.4], atol=1e-6)


def test_one_budget_alone_for_each_image(rng: np.random.Generator) -> None:
    images, criterion = random_images(rng), Dodging(rng.normal(size=(3, 5)), 1.0)
    budgets = tf.constant([0.01, 0.02, 0.1])
    for norm in ("linf", "l2"):
        objective = Objective(
            MODEL, criterion, criterion.tensors(), tf.constant(images), None, norm
        )
        found = FGSM(norm).perturb_within(objective, budgets, tf.constant([0, 0]))
        size = size_of(found - images, norm)
        np.testing.assert_allclose(size, budgets, rtol=1e-3)
        step = FGSM(norm).craft(MODEL, images, criterion, epsilons=budgets.numpy()[np.newaxis])
        np.testing.assert_allclose(found, step[0], atol=1e-6)


def test_success_is_decided_by_the_criterion() -> None:
    # Unit embeddings (1,1,1)/sqrt(3) and (1,0,0): squared distance 2 - 2/sqrt(3) = 0.845. After a
    # step of 0.1 away: (0.4,0.6,0.6)/0.938 gives 2 - 2 * 0.426 = 1.147.
    images = np.full((2, 2, 2, 3), 0.5, np.float32)
    reference = np.array([[1.0, 0.0, 0.0]] * 2, np.float32)
    result = FGSM()(mean_color, images, Dodging(reference, 1.1), epsilons=[0.01, 0.1])
    assert result.success.tolist() == [[False, False], [True, True]]
    result = FGSM()(mean_color, images, Dodging(reference, 1.2), epsilons=[0.01, 0.1])
    assert not result.success.any()


@settings(max_examples=30, deadline=None)
@given(
    threshold=st.floats(0.05, 3.9),
    seed=st.integers(0, 1000),
    same=st.booleans(),
    cross_entropy=st.booleans(),
)
def test_step_is_epsilon_times_the_sign_for_any_threshold_and_form_of_the_loss(
    threshold: float, seed: int, same: bool, cross_entropy: bool
) -> None:
    """Eq. 1 with h = [1 - score, score], as printed and as the released code computes it."""
    rng = np.random.default_rng(seed)
    images = random_images(rng)
    references = tf.math.l2_normalize(rng.normal(size=(3, 5)).astype(np.float32), -1)
    kind = Dodging if same else Impersonation
    result = FGSM()(MODEL, images, kind(references, threshold), epsilons=[0.03])

    x = tf.constant(images, tf.float64)
    kernel = tf.cast(MODEL.kernel, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        embeddings = tf.math.l2_normalize(tf.tanh(tf.reshape(x, [3, -1]) @ kernel), -1)
        h = score(distance_of_units(embeddings, tf.cast(references, tf.float64)), threshold)
        h = tf.stack([1.0 - h, h], -1)
        labels = tf.constant([[1.0, 0.0] if same else [0.0, 1.0]] * 3, tf.float64)
        if cross_entropy:  # the released code feeds h to a softmax cross-entropy
            loss = tf.nn.softmax_cross_entropy_with_logits(labels, h)
        else:
            loss = -tf.reduce_sum(labels * tf.math.log(h), -1)
    gradient = tape.gradient(loss, x).numpy()
    clear = np.abs(gradient) > 1e-6 * np.abs(gradient).max()  # rounding decides the rest
    expected = images + 0.03 * np.sign(gradient)
    np.testing.assert_allclose(result.perturbed[0][clear], expected[clear], atol=1e-6)
    assert clear.mean() > 0.99


def test_budgets_share_one_gradient_and_are_all_kept(rng: np.random.Generator) -> None:
    images = random_images(rng)
    criterion = Dodging(rng.normal(size=(3, 5)), 1.0)
    budgets = [0.01, 0.03, 0.2]
    result = FGSM()(MODEL, images, criterion, epsilons=budgets)
    for epsilon, perturbed in zip(budgets, result.perturbed, strict=True):
        single = FGSM()(MODEL, images, criterion, epsilons=[epsilon]).perturbed[0]
        np.testing.assert_array_equal(perturbed, single)
        assert np.abs(perturbed - images).max() == pytest.approx(epsilon, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(epsilon=st.floats(1e-4, 1.0), seed=st.integers(0, 1000))
def test_stays_in_the_ball_and_in_the_cube(epsilon: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = rng.choice([0.0, 0.001, 0.5, 1.0], size=(2, SIZE, SIZE, 3)).astype(np.float32)
    criterion = Impersonation(rng.normal(size=(2, 5)), 1.0)
    result = FGSM()(MODEL, images, criterion, epsilons=[epsilon])
    assert result.perturbed.min() >= 0.0
    assert result.perturbed.max() <= 1.0
    assert np.abs(result.perturbed - images).max() <= epsilon + 1e-6


def test_compiles_once_for_a_shape_and_serves_new_data(rng: np.random.Generator) -> None:
    attack = FGSM()
    for count in (8, 7, 5):  # 7 and 5 are filled up to 8
        images = random_images(rng, count)
        criterion = Dodging(rng.normal(size=(count, 5)), rng.uniform(0.5, 2.0))
        result = attack(MODEL, images, criterion, epsilons=[0.03], batch_size=8)
        assert result.perturbed.shape == (1, count, SIZE, SIZE, 3)
    assert attack.traces == 1
    images = random_images(rng, 19)  # three batches of 8, the last of 3
    attack(MODEL, images, Dodging(rng.normal(size=(19, 5)), 1.0), epsilons=[0.5], batch_size=8)
    assert attack.traces == 1


def test_batches_do_not_change_the_result(rng: np.random.Generator) -> None:
    images = random_images(rng, 11)
    criterion = Dodging(rng.normal(size=(11, 5)), 1.0)
    whole = FGSM()(MODEL, images, criterion, epsilons=[0.03], batch_size=16)
    parts = FGSM()(MODEL, images, criterion, epsilons=[0.03], batch_size=4)
    np.testing.assert_allclose(whole.perturbed, parts.perturbed, atol=1e-6)
    np.testing.assert_array_equal(whole.success, parts.success)


def test_success_after_rounding_is_that_of_the_stored_image(rng: np.random.Generator) -> None:
    # A step below a grey level is lost in 8 bits.
    images = (rng.integers(60, 200, (4, SIZE, SIZE, 3)) / 255.0).astype(np.float32)
    embedding = tf.math.l2_normalize(MODEL(images), -1)
    threshold = 1e-9  # any change at all dodges
    result = FGSM()(MODEL, images, Dodging(embedding + 1e-4, threshold), epsilons=[0.0039, 0.03])
    np.testing.assert_array_equal(result.quantized()[0], np.rint(255 * images))
    assert (result.quantized()[1] != np.rint(255 * images)).any()
    stored = result.quantized()[1] / np.float32(255)
    expected = Dodging(embedding + 1e-4, threshold)
    outcome = expected.success(MODEL(stored), *expected.tensors())
    np.testing.assert_array_equal(result.success_8bit[1], outcome)


@pytest.mark.parametrize("epsilon", [0.0, -0.03, 1.5, float("nan"), float("inf")])
def test_refuses_budgets_outside_0_to_1(epsilon: float) -> None:
    with pytest.raises(ValueError, match=r"epsilon must lie in \(0, 1\]"):
        check_epsilons([0.03, epsilon])


def test_refuses_no_budget() -> None:
    with pytest.raises(ValueError, match="at least one"):
        check_epsilons([])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 4, 4, 1), np.float32), r"\[N, H, W, 3\]"),
        (np.zeros((4, 4, 3), np.float32), r"\[N, H, W, 3\]"),
        (np.zeros((0, 4, 4, 3), np.float32), "N, H, W > 0"),
        (np.full((2, 4, 4, 3), 128.0), "divide 8-bit values by 255"),
        (np.full((2, 4, 4, 3), np.nan), "finite"),
    ],
)
def test_refuses_images_of_another_shape_or_range(images: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FGSM()(MODEL, images, Dodging(np.ones((2, 5)), 1.0), epsilons=[0.03])


def test_refuses_a_criterion_for_other_images(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="criterion has 2 rows for 3 images"):
        FGSM()(MODEL, random_images(rng), Dodging(np.ones((2, 5)), 1.0), epsilons=[0.03])


def test_refuses_references_and_thresholds_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"references must be \[N, D\]"):
        Dodging(np.ones(5), 1.0)
    with pytest.raises(ValueError, match=r"threshold must lie in \(0, 4\)"):
        Impersonation(np.ones((1, 5)), 4.0)


def test_takes_8_bit_images_as_fractions_of_255(rng: np.random.Generator) -> None:
    stored = rng.integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    criterion = Dodging(rng.normal(size=(2, 5)), 1.0)
    a = FGSM()(MODEL, stored, criterion, epsilons=[0.03])
    b = FGSM()(MODEL, stored.astype(np.float32) / 255, criterion, epsilons=[0.03])
    np.testing.assert_array_equal(a.perturbed, b.perturbed)


def test_progress_sees_every_batch(rng: np.random.Generator) -> None:
    seen: list[int] = []

    def progress(starts: Iterable[int]) -> Iterator[int]:
        for start in starts:
            seen.append(start)
            yield start

    images = random_images(rng, 5)
    reference = MODEL(tf.constant(images)).numpy()
    criterion = Dodging(reference, 0.5)
    kept = FGSM().craft(MODEL, images, criterion, epsilons=[0.1], batch_size=2, progress=progress)
    assert seen == [0, 2, 4]
    alone = FGSM().craft(MODEL, images, criterion, epsilons=[0.1], batch_size=2)
    np.testing.assert_array_equal(kept, alone)
