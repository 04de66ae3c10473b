from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from resgn.generator import GeneratorConfig
from resgn.smoothing import GaussianNoise, noisy_threshold
from resgn.training import Trainer, TrainingConfig
from tests.resgn.toy_training import LOSS, dataset
from weights.errors import InputError

CONFIG = TrainingConfig(epochs=2, batch_size=4, learning_rate=3e-3, schedule="constant", seed=7)
GENERATOR = GeneratorConfig(1, 8, 3, 3, 1, image_skip=True)


def drawn(noise: GaussianNoise, number: int) -> np.ndarray:
    images = tf.fill([3, 16, 16, 3], 0.9)
    return noise(images, tf.constant(number, tf.int64)).numpy() - 0.9


def test_is_normal_of_that_strength_and_leaves_the_range() -> None:
    found = drawn(GaussianNoise(0.25), 0)
    assert found.std() == pytest.approx(0.25, rel=0.05)
    assert stats.kstest(found.ravel() / 0.25, "norm").pvalue > 1e-3
    assert found.max() > 0.1


def test_follows_seed_and_number() -> None:
    first = drawn(GaussianNoise(0.25), 3)
    np.testing.assert_array_equal(first, drawn(GaussianNoise(0.25), 3))
    for other in (drawn(GaussianNoise(0.25), 4), drawn(GaussianNoise(0.25, seed=1), 3)):
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("sigma", [0.0, -0.1, float("nan")])
def test_no_noise(sigma: float) -> None:
    with pytest.raises(InputError, match="`sigma` must be above 0"):
        GaussianNoise(sigma)


def test_training_shows_noisy_images_to_the_network_and_to_its_statistics(tmp_path) -> None:
    """Each step has its own number; those by which statistics are measured are no step's."""
    data, numbers = dataset(), []

    def noise(images: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        tf.py_function(lambda n: numbers.append(int(n)), [number], [])
        return images + 100.0

    trainer = Trainer(GENERATOR, LOSS, CONFIG, tmp_path, noise=noise)
    model = trainer.train(data, lambda model: {"rate": 0.5})
    assert [number for number in numbers if number >= 0] == [0, 1, 2, 3]
    assert {number for number in numbers if number < 0} == {-1, -2}
    # BatchNorm behind the first convolution was measured on images a hundred brighter.
    mean = np.abs(model.get_layer("block1a_bn").moving_mean.numpy()).max()
    quiet = Trainer(GENERATOR, LOSS, CONFIG, tmp_path / "quiet").train(
        data, lambda _: {"rate": 0.5}
    )
    assert mean > 10 * np.abs(quiet.get_layer("block1a_bn").moving_mean.numpy()).max()


def test_learns_to_take_noise_away(tmp_path) -> None:
    data, noise = dataset(40), GaussianNoise(0.2)
    config = TrainingConfig(
        epochs=30, batch_size=4, learning_rate=3e-3, schedule="constant", average=0.5
    )
    trainer = Trainer(GENERATOR, LOSS, config, tmp_path, noise=noise)
    model = trainer.train(data, lambda model: {"rate": 0.5})
    clean = data.legitimate / np.float32(255)
    noisy = noise(tf.constant(clean), tf.constant(-50, tf.int64)).numpy()
    before, after = (np.mean(np.square(x - clean)) for x in (noisy, model(noisy).numpy()))
    assert after < 0.5 * before


def test_the_threshold_gives_the_largest_mean_radius() -> None:
    """By hand: means of 0.4 and 1.0, the first one swings four times as far as the second."""
    same = np.array([True, False])
    swing = np.array([-1.0, 1.0]) / np.sqrt(2)
    distances = np.stack([0.4 + 0.2 * swing, 1.0 + 0.05 * swing])
    np.testing.assert_allclose(distances.std(axis=1, ddof=1), [0.2, 0.05])
    # 2.5 spreads below the second it has all that a pair can have, and gives the rest to the first.
    assert noisy_threshold(distances, same) == pytest.approx(1.0 - 2.5 * 0.05)
    # Whatever leaves both with all that they can have: the middle between 0.6 and 0.95.
    assert noisy_threshold(distances, same, most=1.0) == pytest.approx((0.6 + 0.95) / 2)


@pytest.mark.parametrize("impostors", [1.0, 1.5, 3.0])
def test_the_threshold_is_the_best_of_a_fine_grid_however_many_pairs_a_kind_has(
    impostors: float,
) -> None:
    rng = np.random.default_rng(3)
    same = np.arange(90) < 60
    means = np.where(same, rng.normal(0.7, 0.3, 90), rng.normal(1.4, 0.2, 90))
    distances = means[:, None] + rng.uniform(0.05, 0.3, (90, 1)) * rng.normal(size=(90, 40))

    def value(threshold: float) -> float:
        radius = (threshold - distances.mean(1)) * np.where(same, 1, -1) / distances.std(1, ddof=1)
        radius = np.clip(radius, 0.0, 2.5)
        return float(radius[same].mean() + impostors * radius[~same].mean())

    best = max(value(threshold) for threshold in np.linspace(0, 2, 2001))
    threshold = noisy_threshold(distances, same, impostors=impostors)
    found = value(threshold)
    assert best - 1e-9 <= found <= best + 0.01
    # Each pair of two people thrice: nothing changes.
    again = np.r_[np.arange(90), np.repeat(np.arange(60, 90), 2)]
    repeated = noisy_threshold(distances[again], same[again], impostors=impostors)
    assert repeated == pytest.approx(threshold)


def test_of_single_draws_the_threshold_tells_most_pairs_apart() -> None:
    distances = np.array([[0.4], [0.6], [0.5], [1.0], [1.1]])
    same = np.array([True, True, False, False, False])
    assert noisy_threshold(distances, same, impostors=1.0) == pytest.approx((0.6 + 1.0) / 2)
    # One of one person less, or one of two: 1/2 against 1/3, until the latter weigh more.
    assert noisy_threshold(distances, same, impostors=1.6) == pytest.approx((0.4 + 0.5) / 2)


def test_a_threshold_needs_both_kinds() -> None:
    with pytest.raises(InputError, match="give both"):
        noisy_threshold(np.ones((3, 2)), np.ones(3, bool))
