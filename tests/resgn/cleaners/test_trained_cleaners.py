from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from resgn.cleaners.apegan import (
    ApeGanConfig,
    content_loss,
    cross_entropy,
    discriminator,
    generator,
    train_apegan,
)
from resgn.cleaners.base import Cleaner
from resgn.cleaners.epochs import shuffled, train_epochs
from resgn.cleaners.magnet import MagNetConfig, reformer, train_magnet
from weights.errors import InputError

APEGAN = ApeGanConfig(maps=4, epochs=30, batch_size=8, learning_rate=3e-3, generator_steps=1)
MAGNET = MagNetConfig(maps=8, epochs=80, batch_size=8, learning_rate=1e-2)

Train = Callable[..., Cleaner]


def pairs(count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Flat colours, and the same with a perturbation of one sign each pixel."""
    rng = np.random.default_rng(0)
    colours = rng.integers(60, 190, (count, 1, 1, 3))
    legitimate = np.broadcast_to(colours, (count, 8, 8, 3)).astype(np.uint8)
    noise = 30 * rng.choice([-1, 1], legitimate.shape)
    return (legitimate + noise).astype(np.uint8), legitimate


def apegan(folder: Path, report=lambda epoch, losses: None, **changes: object) -> Cleaner:
    return train_apegan(*pairs(), dataclasses.replace(APEGAN, **changes), folder, report)


def magnet(folder: Path, report=lambda epoch, losses: None, **changes: object) -> Cleaner:
    return train_magnet(pairs()[1], dataclasses.replace(MAGNET, **changes), folder, report)


@pytest.mark.parametrize(
    ("train", "losses"),
    [(apegan, {"content", "adversarial", "discriminator"}), (magnet, {"reconstruction"})],
)
def test_learns_to_clean_and_reports_every_loss(
    train: Train, losses: set[str], tmp_path: Path
) -> None:
    seen: list[dict[str, float]] = []
    attacked, legitimate = (array / np.float32(255) for array in pairs())
    cleaner = train(tmp_path, lambda epoch, each: seen.append(each))
    cleaned = cleaner(tf.constant(attacked)).numpy()
    assert all(set(each) == losses for each in seen)
    before = np.mean(np.square(attacked - legitimate))
    assert np.mean(np.square(cleaned - legitimate)) < 0.6 * before
    assert cleaned.min() >= 0.0
    assert cleaned.max() <= 1.0


class KilledError(Exception):
    pass


def test_a_killed_training_ends_with_the_same_cleaner(tmp_path: Path) -> None:
    def kill(epoch: int, losses: dict[str, float]) -> None:
        raise KilledError

    images = tf.constant(pairs()[0][:4], tf.float32) / 255.0
    expected = apegan(tmp_path / "whole", epochs=2)(images).numpy()
    with pytest.raises(KilledError):
        apegan(tmp_path / "killed", kill, epochs=2)
    epochs: list[int] = []
    resumed = apegan(tmp_path / "killed", lambda epoch, losses: epochs.append(epoch), epochs=2)
    assert epochs == [2]
    np.testing.assert_array_equal(resumed(images).numpy(), expected)


def test_losses_by_hand() -> None:
    # A difference of 0.1 in [0, 1] is 0.2 in [-1, 1].
    images = tf.fill((2, 4, 4, 3), 0.4)
    assert float(content_loss(images + 0.1, images)) == pytest.approx(0.2, rel=1e-5)
    logits = tf.constant([0.0, 2.0])
    expected = (math.log(2) + math.log(1 + math.exp(-2))) / 2
    assert float(cross_entropy(logits, 1.0)) == pytest.approx(expected, rel=1e-5)
    expected = (math.log(2) + math.log(1 + math.exp(2))) / 2
    assert float(cross_entropy(logits, 0.0)) == pytest.approx(expected, rel=1e-5)


def test_sizes_are_the_authors() -> None:
    # Kernels 5x5, a bias each, BatchNorm of 4 numbers for each map but in the last layers.
    made = 25 * (3 * 64 + 64 * 128 + 128 * 64 + 64 * 3) + 64 + 128 + 64 + 3 + 4 * (64 + 128 + 64)
    assert generator().count_params() == made
    judge = 25 * (3 * 64 + 64 * 128 + 128 * 256) + 64 + 128 + 256 + 4 * (128 + 256) + 257
    assert discriminator().count_params() == judge
    # conv 32, pool, conv 32 | conv 32, up, conv 32 | conv 3, all 3x3.
    assert reformer().count_params() == 9 * (3 * 32 + 3 * 32 * 32 + 32 * 3) + 4 * 32 + 3
    for model in (generator(8), reformer(8, pools=2)):
        assert model(tf.zeros((1, 16, 24, 3))).shape == (1, 16, 24, 3)
    assert discriminator(8)(tf.zeros((5, 16, 16, 3))).shape == (5,)


def test_not_a_number_stops_and_names_the_loss(tmp_path: Path) -> None:
    batch = lambda epoch: iter([(tf.zeros(1),)])  # noqa: E731
    with pytest.raises(InputError, match="stopped in epoch 1 at step 1: the content loss became"):
        train_epochs(
            1, batch, lambda _: {"content": tf.constant(math.nan)}, tf.train.Checkpoint(), tmp_path
        )


def test_every_image_once_in_an_order_of_its_own_each_epoch() -> None:
    numbers = np.arange(12, dtype=np.uint8)
    first, again, other = (
        np.concatenate([batch[0].numpy() for batch in shuffled((numbers, numbers), 4, 1, epoch)])
        for epoch in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(np.sort(first), numbers)
    assert not np.array_equal(first, other)
    assert len(next(shuffled((numbers,), 100, 1, 0))[0]) == 12


def test_refuses_what_cannot_be(tmp_path: Path) -> None:
    odd = np.zeros((2, 10, 8, 3), np.uint8)
    with pytest.raises(InputError, match="multiples of 4"):
        train_apegan(odd, odd, APEGAN, tmp_path)
    with pytest.raises(InputError, match="multiples of 8"):
        train_magnet(pairs()[1][:, :4], dataclasses.replace(MAGNET, pools=3), tmp_path)
    for name, value in (("maps", 0), ("learning_rate", 0.0), ("generator_steps", 0)):
        with pytest.raises(InputError, match=name):
            ApeGanConfig(**{name: value})
    for name, value in (("epochs", 0), ("noise", -1.0), ("learning_rate", math.nan)):
        with pytest.raises(InputError, match=name):
            MagNetConfig(**{name: value})
