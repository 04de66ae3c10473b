from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from experiments.face_verification.adversarial_training import CraftedThrough
from resgn.generator import GeneratorConfig, residual_generator
from resgn.training_set import Batch

EPSILON = 0.05


def target(images: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(tf.reduce_mean(images, axis=[1, 2]) - 0.4, -1)


@pytest.fixture
def batch(rng: np.random.Generator) -> Batch:
    images = tf.constant(rng.integers(60, 190, (5, 8, 8, 3)) / 255.0, tf.float32)
    return Batch(images + 1.0 / 255.0, images, tf.zeros([5, 0]), target(images))


@pytest.fixture
def cleaner() -> tf.keras.Model:
    return residual_generator(GeneratorConfig(1, 4, 3, 3, 1, image_skip=True))


@pytest.mark.parametrize("steps", [1, 3])
def test_crafts_a_share_of_the_batch_through_the_cleaner(
    batch: Batch, cleaner: tf.keras.Model, steps: int
) -> None:
    craft = CraftedThrough(target, 1.0, EPSILON, steps, share=0.5)
    made = tf.function(craft)(cleaner, batch, tf.constant(3, tf.int64)).numpy()
    before = batch.adversarial.numpy()
    changed = np.abs(made - before).max((1, 2, 3)) > 0
    np.testing.assert_array_equal(changed, [False, True, False, True, False])
    legitimate = batch.legitimate.numpy()
    # In the ball, as a file holds it: of 12.75 levels 12.
    np.testing.assert_allclose(255 * np.abs(made - legitimate)[changed].max(), 12, atol=1e-3)
    np.testing.assert_allclose(made * 255, np.rint(made * 255), atol=1e-3)

    def distance(images: np.ndarray) -> np.ndarray:
        cleaned = cleaner(tf.constant(images), training=False)
        return np.sum(np.square(target(cleaned) - batch.embeddings), -1)

    noise = np.random.default_rng(1).choice([-EPSILON, EPSILON], legitimate.shape)
    random = distance((legitimate + noise).astype(np.float32))
    assert (distance(made)[changed] > 2 * random[changed]).all()


def test_shapes_are_known_while_the_step_is_compiled(cleaner: tf.keras.Model) -> None:
    """A loop of PGD refuses a batch that is known in one place and not in another."""

    def unknown(images: tf.Tensor) -> tf.Tensor:
        return target(tf.reshape(images, tf.concat([tf.shape(images)[:1], [8, 8, 3]], 0)))

    images = tf.fill([2, 8, 8, 3], 0.5)
    batch = Batch(images, images, tf.zeros([2, 0]), target(images))
    craft = CraftedThrough(unknown, 1.0, EPSILON, 1, share=0.5)
    made = tf.function(craft)(cleaner, batch, tf.constant(0, tf.int64)).numpy()
    np.testing.assert_array_equal(np.abs(made - 0.5).max((1, 2, 3)) > 0, [False, True])


@pytest.mark.parametrize(
    ("count", "share", "expected"),
    [(4, 0.5, [1, 3]), (2, 0.5, [1]), (1, 0.5, []), (3, 1.0, [0, 1, 2]), (8, 0.25, [3, 7])],
)
def test_rows_by_hand(count: int, share: float, expected: list[int]) -> None:
    found = CraftedThrough(target, 1.0, EPSILON, 1, share).rows(count)
    np.testing.assert_array_equal(found, expected)


def test_follows_the_step_and_leaves_the_cleaner_alone(
    batch: Batch, cleaner: tf.keras.Model
) -> None:
    craft = CraftedThrough(target, 1.0, EPSILON, 1, share=1.0)
    before = cleaner.get_weights()
    first, again, other = (craft(cleaner, batch, tf.constant(step)).numpy() for step in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    for old, new in zip(before, cleaner.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
