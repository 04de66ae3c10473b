"""Models, and those that draw random numbers: EOT averages gradients over their draws."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

Deterministic = Callable[[tf.Tensor], tf.Tensor]
"""A differentiable function from float32 images `[N, H, W, 3]` in [0, 1] to outputs `[N, D]`."""


class Stochastic:
    """A model or cleaner that draws random numbers; every gradient sees a new draw.

    Args:
      function: of images `[N, H, W, 3]` and a seed, int `[2]`, stateless: the same seed gives the
        same draw. Differentiable in the images.
      samples: draws that are averaged for each gradient.

    Raises:
      ValueError: `samples` is below 1.
    """

    def __init__(
        self, function: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], samples: int = 1
    ) -> None:
        if samples < 1:
            raise ValueError(f"samples must be at least 1, got {samples}.")
        self.function = function
        self.samples = samples

    def __call__(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """One draw."""
        return self.function(images, seed)


class EOT(Stochastic):
    """Expectation over transformation (Athalye et al. 2018): the mean gradient over draws.

    The draws of one gradient run one after the other inside the compiled function, so that memory
    does not grow with them. Success is judged on a single new draw, as the defender makes one.

    Args:
      model: a `Stochastic`, or a function of images and seed as it takes one.
      samples: draws for each gradient.
    """

    def __init__(
        self,
        model: Stochastic | Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
        samples: int = 10,
    ) -> None:
        super().__init__(model.function if isinstance(model, Stochastic) else model, samples)


Model = Deterministic | Stochastic
