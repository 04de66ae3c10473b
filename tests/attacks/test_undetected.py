from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import PGD, Dodging
from attacks.undetected import Undetected

REFERENCES = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)


def test_loss_and_margin_by_hand() -> None:
    goal = Dodging(REFERENCES, 1.0)
    criterion = Undetected(goal, threshold=0.5, weight=2.0)
    # Squared distances 2 and 0 to the references; scores 0.2 and 0.7.
    outputs = tf.constant([[0.0, 3.0, 0.2], [0.0, 5.0, 0.7]])
    data = criterion.tensors()
    np.testing.assert_allclose(criterion.loss(outputs, *data), [2.0 - 0.4, 0.0 - 1.4], atol=1e-6)
    np.testing.assert_allclose(criterion.margin(outputs, *data), [0.3, -1.0], atol=1e-6)
    np.testing.assert_array_equal(criterion.success(outputs, *data), [True, False])
    assert len(criterion) == 2


def test_an_attack_keeps_the_score_down() -> None:
    def model(images: tf.Tensor) -> tf.Tensor:
        mean = tf.reduce_mean(images, axis=[1, 2])
        # Red moves the goal and the score alike, blue the goal alone.
        turn = 3.0 * (mean[:, 0] + mean[:, 2])
        return tf.stack([tf.cos(turn), tf.sin(turn), 4.0 * mean[:, 0]], -1)

    images = np.full((2, 2, 2, 3), 0.3, np.float32)
    goal = Dodging(np.tile(model(images - 0.05)[:1, :2], (2, 1)), 0.5)
    attack = PGD(20, random_start=False, keep_best=False)

    def score(weight: float) -> float:
        criterion = Undetected(goal, 1.0, weight)
        found = attack.craft(model, images, criterion, epsilons=[0.2])[0]
        return float(model(found)[0, 2])

    assert score(0.0) == pytest.approx(2.0, abs=1e-3)  # 4 (0.3 + 0.2)
    assert score(10.0) == pytest.approx(0.4, abs=1e-3)  # 4 (0.3 - 0.2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"threshold": np.inf}, "threshold must be finite"), ({"weight": -1.0}, "weight must be 0")],
)
def test_refuses_bad_numbers(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Undetected(Dodging(REFERENCES, 1.0), **({"threshold": 0.5} | settings))
