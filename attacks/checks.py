"""Signs that a robustness result is not to be trusted (Athalye et al. 2018; Carlini et al. 2019).

Each check returns a `Finding`, or None where it finds nothing. That nothing was found proves
nothing: robustness is what remains when every attack has failed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from attacks.batches import full_size, rows_of_batches
from attacks.compiled import Compiled, CompiledPerModel
from attacks.criteria import Criterion
from attacks.images import check_images
from attacks.judging import judge
from attacks.objective import Objective
from attacks.outputs import outputs_of
from attacks.result import AttackResult
from attacks.stochastic import Model, Stochastic


@dataclasses.dataclass(frozen=True)
class Finding:
    """A reason not to trust a result.

    Attributes:
      check: name of the check, as in `docs/attacks.md`.
      message: one sentence with the numbers and what to do.
    """

    check: str
    message: str


def zero_gradients(
    model: Model,
    images: np.ndarray | tf.Tensor,
    criterion: Criterion,
    *,
    batch_size: int = 32,
    seed: int = 0,
) -> Finding | None:
    """Images at which the loss has no gradient: it is zero everywhere, or somewhere not finite.

    Such an image stands still under any gradient attack, whether or not it can be broken. Rounding,
    JPEG, a median filter, a saturated or clipped loss and overflow do this. What helps is `bpda`, a
    loss that does not saturate, or an attack without gradients such as `Square`.

    Args:
      model: as attacked.
      images: at which to look, `[N, H, W, 3]`.
      criterion: as attacked.
      batch_size: images for each call of the model.
      seed: of a random model.
    """
    images = check_images(images)
    run = _compiled_gradient(model, criterion)
    data = criterion.tensors()
    largest = np.empty(len(images))
    for start, size, rows in rows_of_batches(len(images), full_size(len(images), batch_size)):
        batch = [tf.gather(tensor, rows) for tensor in data]
        values = run(tf.constant(images[rows]), tf.constant([seed, start]), *batch)
        largest[start : start + size] = values.numpy()[:size]
    not_finite, zero = int(np.sum(~np.isfinite(largest))), int(np.sum(largest == 0.0))
    if not not_finite and not zero:
        return None
    return Finding(
        "zero_gradients",
        f"Of {len(images)} images {zero} have a gradient of zero and {not_finite} one that is not "
        "finite: gradient attacks cannot move them; use bpda for the part without gradient, or "
        "an attack without gradients.",
    )


def random_without_eot(
    model: Model, images: np.ndarray | tf.Tensor, *, tolerance: float = 1e-5, seed: int = 0
) -> Finding | None:
    """The model draws random numbers, but gradients are taken from a single draw.

    A gradient of one draw points where that draw, not the defence, is weak, so that a random
    defence looks stronger than it is. `EOT` averages the gradient over draws. A model that
    draws without a seed is found too: its results are not reproducible either.

    Args:
      model: as attacked.
      images: a few, `[N, H, W, 3]`.
      tolerance: by how much outputs may differ between two calls, relative to the largest.
      seed: of the first draw.
    """
    images = tf.constant(check_images(images))
    if isinstance(model, Stochastic):
        if model.samples > 1:
            return None
        advice = "wrap it in EOT"
    else:
        advice = "write it as a function of images and seed and wrap it in EOT"
    first, second = (
        outputs_of(model, images, tf.constant([seed, number])).numpy() for number in range(2)
    )
    change = float(np.max(np.abs(first - second)))
    if change <= tolerance * float(np.max(np.abs(first))):
        return None
    return Finding(
        "random_without_eot",
        f"Outputs change by up to {change:.2g} from one draw to the next, and each gradient sees "
        f"one draw: {advice}.",
    )


def gradient_free_wins(gradient: AttackResult, gradient_free: AttackResult) -> Finding | None:
    """An attack without gradients beats one with gradients at the same budget.

    It knows less and searches at random, so that it can only win where the gradient misleads:
    then the gradient is masked, and the result of the gradient attack is no bound.

    Args:
      gradient: of FGSM, PGD or the like.
      gradient_free: of `Square`, on the same images, model and criterion.

    Raises:
      ValueError: the two differ in budgets, norm or number of images.
    """
    _check_alike(gradient, gradient_free)
    for k, epsilon in enumerate(gradient.epsilons):
        lost, won = int(gradient.success[k].sum()), int(gradient_free.success[k].sum())
        if won > lost:
            return Finding(
                "gradient_free_wins",
                f"At epsilon {epsilon:g} an attack without gradients breaks {won} of "
                f"{gradient.success.shape[1]} images and the gradient attack only {lost}: "
                "the gradient is masked.",
            )
    return None


def success_falls_with_epsilon(result: AttackResult) -> Finding | None:
    """A larger budget breaks fewer images, though all of a smaller ball lie in the larger one.

    The attack then does not use its budget: one long step overshoots, the steps are too few, or the
    gradient does not point where it should. More steps, or the best of the smaller budgets.

    Args:
      result: of one attack for several budgets.
    """
    order = np.argsort(result.epsilons)
    counts = result.success.sum(axis=1)[order]
    return _first_fall(
        "success_falls_with_epsilon",
        [f"epsilon {result.epsilons[k]:g}" for k in order],
        counts,
        result.success.shape[1],
        "the attack does not use its budget; give it more steps.",
    )


def success_falls_with_steps(results: Mapping[int, AttackResult]) -> Finding | None:
    """More steps break fewer images.

    An attack that keeps its best iterate cannot lose by going on, up to chance in random starts: a
    step size that does not fit, a random model attacked without EOT, or a gradient that misleads.

    Args:
      results: number of steps to the result of the same attack on the same images.

    Raises:
      ValueError: the results differ in budgets, norm or number of images.
    """
    steps = sorted(results)
    for number in steps[1:]:
        _check_alike(results[steps[0]], results[number])
    for k, epsilon in enumerate(results[steps[0]].epsilons if steps else ()):
        finding = _first_fall(
            "success_falls_with_steps",
            [f"{number} steps (epsilon {epsilon:g})" for number in steps],
            np.array([results[number].success[k].sum() for number in steps]),
            results[steps[0]].success.shape[1],
            "the attack has not converged or its gradient misleads.",
        )
        if finding is not None:
            return finding
    return None


def stored_differ(
    result: AttackResult,
    stored: np.ndarray,
    model: Model,
    criterion: Criterion,
    *,
    batch_size: int = 32,
    seed: int = 0,
) -> Finding | None:
    """The images in the files do not give the success that was reported.

    Files hold 8 bits, perhaps truncated rather than rounded, perhaps compressed with loss: a table
    of what was computed in float does not describe them. Random models are judged on the same draw.

    Args:
      result: what was reported.
      stored: the images as read back, uint8 `[K, N, H, W, 3]`.
      model: by which success was judged.
      criterion: likewise.
      batch_size: likewise, since random models draw for whole batches.
      seed: likewise.

    Raises:
      ValueError: `stored` is not uint8 of the shape of the result's images.
    """
    if stored.dtype != np.uint8 or stored.shape != result.perturbed.shape:
        raise ValueError(
            f"stored must be uint8 of shape {result.perturbed.shape}, got {stored.dtype} "
            f"{stored.shape}."
        )
    _, success = judge(model, stored, criterion, batch_size=batch_size, seed=seed)
    differ = int(np.sum(success != result.success_8bit))
    if not differ:
        return None
    return Finding(
        "stored_differ",
        f"Of {success.size} stored images {differ} have another outcome than was reported: success "
        f"is {success.mean():.2%} on the files, {result.success_8bit.mean():.2%} as reported after "
        f"rounding and {result.success.mean():.2%} in float; report what the files give.",
    )


def _build_gradient(model: Model, criterion: Criterion) -> Compiled:
    def largest(images: tf.Tensor, seed: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        objective = Objective(model, criterion, data, images, None, "linf")
        _, gradient = objective.gradient(images, seed, keep_undefined=True)
        size = tf.reduce_max(tf.abs(gradient), axis=[1, 2, 3])
        finite = tf.reduce_all(tf.math.is_finite(gradient), axis=[1, 2, 3])
        return tf.where(finite, size, float("nan"))

    return largest


_compiled_gradient = CompiledPerModel(_build_gradient)


def _check_alike(first: AttackResult, second: AttackResult) -> None:
    if (first.epsilons, first.norm, first.success.shape) != (
        second.epsilons,
        second.norm,
        second.success.shape,
    ):
        raise ValueError("The results differ in budgets, norm or number of images.")


def _first_fall(
    check: str, names: list[str], counts: NDArray[np.integer], total: int, advice: str
) -> Finding | None:
    falls = np.flatnonzero(np.diff(counts) < 0)
    if not len(falls):
        return None
    k = int(falls[0])
    return Finding(
        check,
        f"With {names[k]} {counts[k]} of {total} images are broken and with {names[k + 1]} only "
        f"{counts[k + 1]}: {advice}",
    )
