"""Where an attack is to begin: for those that see nothing but verdicts an image that has it."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from attacks.criteria import Criterion, check_rows
from attacks.images import check_images


class StartingFrom(Criterion):
    """Another criterion, with an image for each sample to begin with.

    An attack that sees only verdicts needs one that meets the criterion: for impersonation that is
    the reference's own photograph; for dodging anyone else's will do. `PGD(warm=True)` begins at
    whatever it is given; other attacks that climb a gradient take no notice of it.

    Args:
      goal: the criterion.
      starts: float32 `[N, H, W, 3]` in [0, 1], or uint8; of the shape of the images under attack.

    Raises:
      ValueError: they are no such images, or not one for each row of the criterion.
    """

    def __init__(self, goal: Criterion, starts: np.ndarray | tf.Tensor) -> None:
        images = check_images(starts)
        check_rows(goal, len(images))
        self._goal = goal
        self._starts = tf.constant(images)

    def __len__(self) -> int:
        return len(self._goal)

    def tensors(self) -> tuple[tf.Tensor, ...]:
        """The starts `[N, H, W, 3]`, and the data of the goal."""
        return self._starts, *self._goal.tensors()

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The goal's."""
        return self._goal.loss(outputs, *data[1:])

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The goal's."""
        return self._goal.margin(outputs, *data[1:])

    def success(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The goal's."""
        return self._goal.success(outputs, *data[1:])
