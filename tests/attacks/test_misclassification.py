from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import FGSM, Misclassification


def logits(images: tf.Tensor) -> tf.Tensor:
    """Red, green and blue are the classes."""
    return 4.0 * tf.reduce_mean(images, axis=[1, 2])


def test_loss_and_margin_by_hand() -> None:
    wanted = Misclassification(np.array([0, 2]), 3)
    outputs = tf.constant([[2.0, 1.0, 0.0], [0.5, 3.0, 1.0]])
    expected = [np.log(np.exp([2, 1, 0]).sum()) - 2.0, np.log(np.exp([0.5, 3, 1]).sum()) - 1.0]
    np.testing.assert_allclose(wanted.loss(outputs, *wanted.tensors()), expected, rtol=1e-6)
    np.testing.assert_allclose(wanted.margin(outputs, *wanted.tensors()), [-1.0, 2.0])
    assert list(wanted.success(outputs, *wanted.tensors()).numpy()) == [False, True]
    assert len(wanted) == 2


def test_fgsm_goes_away_from_the_label() -> None:
    images = np.full((1, 4, 4, 3), 0.5, np.float32)
    images[..., 0] = 0.6
    found = FGSM()(logits, images, Misclassification(np.array([0]), 3), epsilons=[0.02, 0.1])
    np.testing.assert_allclose(found.perturbed[0, 0, 0, 0], [0.58, 0.52, 0.52], atol=1e-6)
    np.testing.assert_array_equal(found.success[:, 0], [False, True])


def test_labels_that_are_none_are_refused() -> None:
    for labels, classes, message in (
        ([0, 3], 3, r"labels must lie in \[0, 3\)"),
        ([-1], 3, r"labels must lie in \[0, 3\)"),
        ([0], 1, "classes must be at least 2, got 1"),
        ([[0]], 3, r"labels must be int \[N\]"),
        ([0.5], 3, r"labels must be int \[N\]"),
    ):
        with pytest.raises(ValueError, match=message):
            Misclassification(np.array(labels), classes)
