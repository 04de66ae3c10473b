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


def test_the_threshold_lies_where_most_pairs_are_far_from_it() -> None:
    """By hand: means of 0.4 and 1.0, of which only the first one swings."""
    same = np.array([True, False])
    distances = np.array([[0.2, 0.6], [1.0, 1.0]])
    assert noisy_threshold(distances, same, sigmas=0.0) == pytest.approx(0.7)
    spread = np.std([0.2, 0.6], ddof=1)
    assert noisy_threshold(distances, same, sigmas=1.0) == pytest.approx((0.4 + spread + 1.0) / 2)
    assert noisy_threshold(distances[:, :1], same) == pytest.approx((0.2 + 1.0) / 2)
