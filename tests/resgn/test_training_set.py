from __future__ import annotations

import numpy as np
import tensorflow as tf

from resgn.training_set import Batch, TrainingSet, View

IMAGES = np.arange(10 * 2 * 2 * 3, dtype=np.uint8).reshape(10, 2, 2, 3)
SOURCE = np.arange(10)[::-1] // 2
DATA = TrainingSet(
    adversarial=IMAGES,
    source=SOURCE,
    legitimate=IMAGES[:5] + 100,
    features=np.arange(5, dtype=np.float32)[:, None],
    embeddings=np.arange(10, dtype=np.float32).reshape(5, 2),
    views=(
        View(
            np.arange(30, dtype=np.float32).reshape(5, 2, 3),
            np.arange(15, dtype=np.float32).reshape(5, 3),
        ),
    ),
)


def rows_of(batches: tf.data.Dataset) -> list[list[int]]:
    """Which examples are in each batch."""
    return [(batch.adversarial.numpy()[:, 0, 0, 0] // 12).tolist() for batch in batches]


def test_order_depends_on_seed_and_epoch_alone() -> None:
    first = rows_of(DATA.batches(4, seed=1, epochs=range(1)))
    assert first == rows_of(DATA.batches(4, seed=1, epochs=range(1)))
    second = rows_of(DATA.batches(4, seed=1, epochs=range(1, 2)))
    assert first != second
    assert first != rows_of(DATA.batches(4, seed=2, epochs=range(1)))
    assert len(first) == 2  # the rest of two examples is left out
    assert rows_of(DATA.batches(4, seed=1, epochs=range(2))) == first + second
    assert len({row for batch in first for row in batch}) == 8


def test_what_belongs_together_stays_together() -> None:
    for batch in DATA.batches(3, seed=0, epochs=range(2)):
        rows = batch.adversarial.numpy()[:, 0, 0, 0] // 12
        source = SOURCE[rows]
        np.testing.assert_array_equal(batch.legitimate, DATA.legitimate[source])
        np.testing.assert_array_equal(batch.features, DATA.features[source])
        np.testing.assert_array_equal(batch.embeddings, DATA.embeddings[source])
        (view,) = batch.views
        np.testing.assert_array_equal(view.matrices, DATA.views[0].matrices[source])
        np.testing.assert_array_equal(view.embeddings, DATA.views[0].embeddings[source])


def test_the_parts_of_all_machines_make_up_the_batch() -> None:
    # Two machines with two devices each: each device in turn gets its quarter.
    whole = rows_of(DATA.batches(8, seed=3, epochs=range(2)))
    parts = [
        rows_of(
            DATA.batches(8, seed=3, epochs=range(2), part=tf.distribute.InputContext(2, machine, 4))
        )
        for machine in range(2)
    ]
    for step, batch in enumerate(whole):
        quarters = [parts[machine][2 * step + device] for machine in (0, 1) for device in (0, 1)]
        assert [row for quarter in quarters for row in quarter] == batch


def test_images_become_floats_in_the_unit_interval() -> None:
    images = tf.constant([[[[0, 51, 255]]]], tf.uint8)
    batch = Batch(images, images, tf.zeros([1, 0]), tf.zeros([1, 2])).to_float()
    np.testing.assert_allclose(batch.adversarial.numpy().ravel(), [0.0, 0.2, 1.0], rtol=1e-6)
    assert batch.legitimate.dtype == tf.float32
