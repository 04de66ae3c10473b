from __future__ import annotations

import numpy as np
import tensorflow as tf

from resgn.target import embed_all
from resgn.verification_set import VerificationSet


def embed(images: tf.Tensor) -> tf.Tensor:
    """Unit vector at the angle that the image's mean brightness says, in radians."""
    angle = tf.reduce_mean(images, axis=[1, 2, 3])
    return tf.stack([tf.cos(angle), tf.sin(angle)], -1)


def level(value: int) -> np.ndarray:
    return np.full((2, 2, 3), value, np.uint8)


def make() -> VerificationSet:
    # Angles value / 255: images 0, 1 close together, image 2 far away. With angle difference t the
    # squared distance is 2 - 2 cos t: 0.0001 for (0, 1), about 0.83 for (0, 2).
    images = np.stack([level(10), level(12), level(250)])
    return VerificationSet(
        images=images,
        embeddings=embed_all(embed, images),
        probe=np.array([0, 0, 1]),
        reference=np.array([1, 2, 2]),
        same=np.array([True, False, False]),
        adversarial=np.stack([level(240), level(245), level(12)]),
        threshold=0.5,
    )


def test_columns_by_hand() -> None:
    # Attacked probes: 240 against 12 is far, dodging succeeds; 245 against 250 is near,
    # impersonation succeeds; 12 against 250 is far, this one failed.
    outcomes = make().outcomes(embed)
    assert outcomes["dodging"].tolist() == [False]
    assert outcomes["impersonation"].tolist() == [False, True]
    assert outcomes["legitimate"].tolist() == [True, True, True]


def test_a_defence_sees_probes_alone() -> None:
    # A defence that turns everything black: near images 0 and 1, far from 2.
    outcomes = make().outcomes(lambda images: embed(tf.zeros_like(images)))
    assert outcomes["dodging"].tolist() == [True]
    assert outcomes["impersonation"].tolist() == [True, True]
    assert outcomes["legitimate"].tolist() == [True, True, True]


def test_batches_have_one_shape_and_do_not_change_the_result(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (11, 2, 2, 3), dtype=np.uint8)
    traces = 0

    @tf.function
    def counted(batch: tf.Tensor) -> tf.Tensor:
        nonlocal traces
        traces += 1
        return embed(batch)

    np.testing.assert_allclose(
        embed_all(counted, images, 4), embed(images / np.float32(255)), atol=1e-6
    )
    assert traces == 1
