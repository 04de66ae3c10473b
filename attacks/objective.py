"""What an attack climbs: the criterion on the outputs of the model, seen from the pixels."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from attacks.apart import apart
from attacks.criteria import Criterion
from attacks.norms import Norm, projection, random_start, where_finite
from attacks.outputs import loss_of, margin_of, outputs_of, success_of
from attacks.starting_from import StartingFrom
from attacks.stochastic import Model, Stochastic


class Objective:
    """A batch under attack, within a function that is being compiled.

    Attributes:
      images: float32 `[N, H, W, 3]` in [0, 1], untouched.
      norm: of the budget.
      mask: None, or float32 `[N, H, W, 1]`: 1 where an attack may change pixels, 0 elsewhere.
    """

    def __init__(
        self,
        model: Model,
        criterion: Criterion,
        data: tuple[tf.Tensor, ...],
        images: tf.Tensor,
        mask: tf.Tensor | None,
        norm: Norm,
    ) -> None:
        self._model = model
        self._criterion = criterion
        self._data = data
        self.images = images
        self.mask = mask
        self.norm = norm

    def outputs(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The model's outputs `[N, D]`; a random model draws from `seed`, int `[2]`."""
        return outputs_of(self._model, x, seed)

    def margin(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """`[N]`, above 0 where x succeeds; of a random model the mean over its samples."""

        def once(x: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
            return margin_of(self._criterion, self.outputs(x, draw), self._data)

        return self._mean(once, x, seed)

    def verdict(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Bool `[N]`, does x succeed? Of a random model by the majority of its samples."""

        def once(x: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
            won = success_of(self._criterion, self.outputs(x, draw), self._data)
            return tf.cast(won, tf.float32)

        return self._mean(once, x, seed) > 0.5

    @property
    def starts(self) -> tf.Tensor | None:
        """Where to begin, `[N, H, W, 3]`, if a criterion `StartingFrom` says so.

        Raises:
          ValueError: they have another shape than the images under attack.
        """
        if not isinstance(self._criterion, StartingFrom):
            return None
        starts, shape = self._data[0], self.images.shape[1:]
        if starts.shape[1:] != shape:
            height, width = shape[:2]
            raise ValueError(
                f"starts must be [N, {height}, {width}, 3], as the images under attack; got shape "
                f"{starts.shape}."
            )
        return starts

    def gradient(
        self,
        x: tf.Tensor,
        seed: tf.Tensor,
        *,
        look: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
        of_margin: bool = False,
        keep_undefined: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Margin and gradient of one and the same forward pass.

        Args:
          x: `[N, H, W, 3]`.
          seed: int `[2]`, for random models and for `look`.
          look: transforms the images, with a seed, before the model sees them.
          of_margin: take the gradient of the margin rather than that of the loss.
          keep_undefined: return what is not finite as it is.

        Returns:
          The margin `[N]` at x (at its transform if there is a `look`), and the gradient of the
          loss `[N, H, W, 3]`, zero outside the mask and wherever it is not finite.
        """

        def once(x: tf.Tensor, draw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(x)
                outputs = self.outputs(x if look is None else look(x, draw), draw)
                margin = margin_of(self._criterion, outputs, self._data)
                climbed = margin if of_margin else loss_of(self._criterion, outputs, self._data)
            gradient = tape.gradient(climbed, x, unconnected_gradients="zero")
            return margin, gradient

        margin, gradient = self._mean(once, x, seed)
        return margin, self._usable(gradient, keep_undefined)

    def loss_and_gradient(self, x: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The loss `[N]` at x and its gradient, as `gradient` has it."""

        def once(x: tf.Tensor, draw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = loss_of(self._criterion, self.outputs(x, draw), self._data)
            return loss, tape.gradient(loss, x, unconnected_gradients="zero")

        loss, gradient = self._mean(once, x, seed)
        return loss, self._usable(gradient)

    def _usable(self, gradient: tf.Tensor, keep_undefined: bool = False) -> tf.Tensor:
        if not keep_undefined:
            gradient = where_finite(gradient, 0.0)
        return gradient if self.mask is None else gradient * self.mask

    def ball(self, epsilon: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
        """Projects into the ball of radius epsilon, into [0, 1], onto the mask: `projection`."""
        return projection(self.images, epsilon, self.norm, self.mask)

    def project(self, x: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        """The same once; a loop takes `ball` before it begins."""
        return self.ball(epsilon)(x)

    def random_start(self, epsilon: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """A uniform draw from the ball of radius epsilon `[N]`, projected."""
        return self.project(random_start(self.images, epsilon, self.norm, seed), epsilon)

    def _mean(self, once: Callable, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """EOT: the mean of what `once` returns of x over as many draws as the model asks for."""
        samples = self._model.samples if isinstance(self._model, Stochastic) else 1
        once = apart(once)
        if samples == 1:
            return once(x, seed)

        def add(i: tf.Tensor, sums: tuple) -> tuple:
            draw = once(x, tf.random.experimental.stateless_fold_in(seed, i))
            return i + 1, tf.nest.map_structure(tf.add, sums, draw)

        first = once(x, tf.random.experimental.stateless_fold_in(seed, 0))
        _, sums = tf.while_loop(
            lambda i, _: i < samples, add, (tf.constant(1), first), parallel_iterations=1
        )
        return tf.nest.map_structure(lambda total: total / samples, sums)
