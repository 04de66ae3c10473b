"""The frame of every attack: it batches, compiles, clips, and decides success.

An attack itself is only its step: see `fgsm.py`.
"""

from __future__ import annotations

import abc
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from attacks.criteria import Criterion
from attacks.result import AttackResult

Model = Callable[[tf.Tensor], tf.Tensor]
"""A differentiable function from float32 images `[N, H, W, 3]` in [0, 1] to outputs `[N, D]`."""

Compiled = Callable[..., tuple[tf.Tensor, tf.Tensor, tf.Tensor]]


def check_epsilons(epsilons: Sequence[float]) -> tuple[float, ...]:
    """Return the budgets as floats.

    Raises:
      ValueError: there is none, or one is not in (0, 1].
    """
    values = tuple(float(epsilon) for epsilon in epsilons)
    if not values:
        raise ValueError("epsilons must name at least one budget.")
    for value in values:
        if not 0.0 < value <= 1.0:  # also refuses NaN
            raise ValueError(
                f"epsilon must lie in (0, 1], in the unit of images in [0, 1]; got {value}. "
                "7.65 grey levels of 255 are 0.03."
            )
    return values


class Attack(abc.ABC):
    """Base of all attacks on images in [0, 1] with a budget in the L-infinity norm."""

    def __init__(self) -> None:
        # Keyed weakly: a compiled function must not keep a network alive that its user dropped.
        self._compiled: Any = weakref.WeakKeyDictionary()
        self.traces = 0

    @abc.abstractmethod
    def perturb(
        self,
        loss: Callable[[tf.Tensor], tf.Tensor],
        images: tf.Tensor,
        epsilons: tf.Tensor,
    ) -> tf.Tensor:
        """The attack's own step, compiled together with the model.

        Args:
          loss: differentiable, from images `[N, H, W, 3]` to what is to be increased, `[N]`.
          images: float32 `[N, H, W, 3]` in [0, 1].
          epsilons: float32 `[K]`.

        Returns:
          `[K, N, H, W, 3]`. What leaves the ball or [0, 1] is clipped by the base class.
        """

    def __call__(
        self,
        model: Model,
        images: np.ndarray | tf.Tensor,
        criterion: Criterion,
        *,
        epsilons: Sequence[float],
        batch_size: int = 32,
        progress: Callable[[Iterable[int]], Iterable[int]] | None = None,
    ) -> AttackResult:
        """Attack every image.

        Args:
          model: from images `[N, H, W, 3]` to outputs `[N, D]`, with its own normalisation inside.
          images: float32 `[N, H, W, 3]` in [0, 1], or uint8.
          criterion: what to reach, with one row of data for each image.
          epsilons: the budgets, each in (0, 1], in the unit of images in [0, 1].
          batch_size: images for each call of the model.
          progress: wraps the iteration over batches, e.g. `tqdm.tqdm`.

        Returns:
          An `AttackResult` with `perturbed [K, N, H, W, 3]` and `success [K, N]`.

        Raises:
          ValueError: shapes, range or budgets are not as above.
        """
        budgets = check_epsilons(epsilons)
        images = check_images(images)
        if len(criterion) != len(images):
            raise ValueError(
                f"criterion has {len(criterion)} rows for {len(images)} images; it needs one each."
            )
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}.")
        count = len(images)
        perturbed = np.empty((len(budgets), *images.shape), np.float32)
        success = np.empty((len(budgets), count), bool)
        success_8bit = np.empty((len(budgets), count), bool)

        run = self._function(model, criterion)
        epsilon_tensor = tf.constant(budgets, tf.float32)
        data = criterion.tensors()
        # Few images take a smaller power of two, and a last batch is filled up by repeating its
        # rows: few shapes, few traces.
        full = min(batch_size, 1 << (count - 1).bit_length())
        starts: Iterable[int] = range(0, count, full)
        for start in progress(starts) if progress else starts:
            size = min(full, count - start)
            rows = start + np.arange(full) % size
            batch = tf.constant(images[rows])
            results = run(batch, epsilon_tensor, *(tf.gather(tensor, rows) for tensor in data))
            for target, result in zip((perturbed, success, success_8bit), results, strict=True):
                target[:, start : start + size] = result.numpy()[:, :size]
        return AttackResult(budgets, perturbed, success, success_8bit)

    def _function(self, model: Model, criterion: Criterion) -> Compiled:
        """The compiled attack on this model; one trace for each shape and kind of criterion."""
        functions = self._compiled.setdefault(model, {})
        kind = type(criterion)
        if kind not in functions:
            functions[kind] = self._compile(weakref.proxy(model), criterion)
        return functions[kind]

    def _compile(self, model: Model, criterion: Criterion) -> Compiled:
        # `loss` and `success` take their data as arguments, so any criterion of this type serves.
        def run(
            images: tf.Tensor, epsilons: tf.Tensor, *data: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            self.traces += 1
            perturbed = self.perturb(lambda x: criterion.loss(model(x), *data), images, epsilons)
            radius = tf.reshape(epsilons, [-1, 1, 1, 1, 1])
            perturbed = tf.clip_by_value(perturbed, images - radius, images + radius)
            perturbed = tf.clip_by_value(perturbed, 0.0, 1.0)

            def succeeded(candidates: tf.Tensor) -> tf.Tensor:
                return tf.map_fn(
                    lambda x: criterion.success(model(x), *data),
                    candidates,
                    fn_output_signature=tf.bool,
                )

            rounded = tf.round(perturbed * 255.0) / 255.0
            return perturbed, succeeded(perturbed), succeeded(rounded)

        return tf.function(run, reduce_retracing=False)


def check_images(images: np.ndarray | tf.Tensor) -> np.ndarray:
    """Return images as float32 `[N, H, W, 3]` in [0, 1]; uint8 is divided by 255.

    Raises:
      ValueError: another shape, no image, values that are not finite or outside [0, 1].
    """
    array = np.asarray(images)
    if array.ndim != 4 or array.shape[-1] != 3 or 0 in array.shape:
        raise ValueError(f"images must be [N, H, W, 3] with N, H, W > 0, got shape {array.shape}.")
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(255.0)
    array = array.astype(np.float32)
    if not (np.isfinite(array).all() and array.min() >= 0.0 and array.max() <= 1.0):
        raise ValueError(
            f"images must be finite and lie in [0, 1], got [{array.min()}, {array.max()}]; "
            "divide 8-bit values by 255."
        )
    return array
