"""What the attack on a face autoencoder wants: the code of another face (Teng 2021, Eq. 1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from attacks.criteria import Criterion, as_pairs

WEIGHTS: Mapping[str, float] = {
    "shape": 0.01,
    "expression": 0.01,
    "albedo": 1.0,
    "pose": 0.05,
    "light": 1.5,
}
"""The paper's lambda of each term (Section 4.1)."""


@dataclasses.dataclass(frozen=True, eq=False)
class Term:
    """One term of Eq. 1: `weight * sum_i sigma_i |a_i - t_i| / n` over n numbers of the code.

    Attributes:
      parts: where these numbers lie in the code.
      weight: lambda.
      sigma: standard deviations from the morphable model, `[n]` in the order of `parts`, or one
        for all. The paper writes a norm times a vector; inside the norm is where it makes sense.
    """

    parts: tuple[slice, ...]
    weight: float
    sigma: ArrayLike = 1.0


def equation_1(
    slices: Mapping[str, slice],
    sigmas: Mapping[str, ArrayLike] | None = None,
    weights: Mapping[str, float] | None = None,
    *,
    rotation_only: bool = False,
    only: Collection[str] = (),
) -> dict[str, Term]:
    """The five terms of Eq. 1, by name.

    Args:
      slices: where `shape`, `expression`, `albedo`, `rotation`, `translation` and `light` lie.
      sigmas: of the terms that have one, by name; the paper has them for `shape`, `expression` and
        `albedo`.
      weights: lambda of each term; those that are not named keep the paper's.
      rotation_only: leave the translation out of the term `pose`, as Eq. 1 is printed. In
        millimetres the translation makes up about half of the distance.
      only: names of terms; the others are left out, so that their part of the code may go anywhere.

    Raises:
      ValueError: a name is unknown or a slice is missing.
    """
    weights, sigmas = dict(weights or {}), dict(sigmas or {})
    for given in (weights, sigmas, only):
        for name in given:
            if name not in WEIGHTS:
                raise ValueError(f"{name!r} is no term of Eq. 1; there are {', '.join(WEIGHTS)}.")
    terms = {}
    for name, weight in WEIGHTS.items():
        if only and name not in only:
            continue
        members: tuple[str, ...] = (name,)
        if name == "pose":
            members = ("rotation",) if rotation_only else ("rotation", "translation")
        missing = [member for member in members if member not in slices]
        if missing:
            raise ValueError(f"slices must also name {', '.join(missing)}.")
        terms[name] = Term(
            tuple(slices[member] for member in members),
            weights.get(name, weight),
            sigmas.get(name, 1.0),
        )
    return terms


def entry_weights(terms: Mapping[str, Term], size: int) -> np.ndarray:
    """What each number of the code weighs: with it Eq. 1 is a weighted sum of differences.

    Args:
      terms: by name.
      size: D, numbers of a code.

    Returns:
      float32 `[D]`, `weight * sigma_i / n`; zero where no term reaches.

    Raises:
      ValueError: a slice leaves the code, a sigma has another length, a number is negative, or
        nothing weighs anything.
    """
    result = np.zeros(size, np.float64)
    for name, term in terms.items():
        for part in term.parts:
            if not 0 <= (part.start or 0) < (size if part.stop is None else part.stop) <= size:
                raise ValueError(f"{name}: {part} does not lie within a code of {size} numbers.")
        entries = np.concatenate([np.arange(size)[part] for part in term.parts])
        sigma = np.asarray(term.sigma, np.float64)
        if sigma.shape not in ((), entries.shape):
            raise ValueError(f"{name}: sigma must be [{len(entries)}], got shape {sigma.shape}.")
        if not (np.isfinite(sigma).all() and (sigma >= 0.0).all() and 0.0 <= term.weight < np.inf):
            raise ValueError(f"{name}: weight and sigma must be finite and not negative.")
        result[entries] += term.weight * sigma / len(entries)
    if not result.any():
        raise ValueError("terms weigh nothing: there is nothing to match.")
    return result.astype(np.float32)


def transplant(
    sources: tf.Tensor | np.ndarray,
    targets: tf.Tensor | np.ndarray,
    slices: Mapping[str, slice],
    only: Collection[str],
) -> np.ndarray:
    """Codes of the sources with some parts of the targets, to be matched as a whole.

    Args:
      sources: `[N, D]`.
      targets: `[N, D]`.
      slices: where the parts lie.
      only: names of the parts that come from the targets; all others are to stay.

    Returns:
      float32 `[N, D]`.

    Raises:
      ValueError: a name is not among the slices.
    """
    result = np.array(sources, np.float32)
    for name in only:
        if name not in slices:
            raise ValueError(f"{name!r} is no part of the code; there are {', '.join(slices)}.")
        result[:, slices[name]] = np.asarray(targets)[:, slices[name]]
    return result


def code_distance(codes: tf.Tensor, others: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Delta of Eq. 1, `[N]`, of codes `[N, D]` with the weights `[N, D]` of their entries.

    Its gradient is zero where an entry matches.
    """
    return tf.reduce_sum(weights * tf.abs(codes - others), axis=-1)


class SemanticMatch(Criterion):
    """The encoder takes one face for another: it gives the target's code (Eq. 1).

    Success is to have covered more than a share of the way: Delta to the target has fallen below
    (1 - `share`) of what it was. From one half on the image is nearer to its target than to itself
    as it was. Whether the people are told apart any longer is another question: put the images
    before a classifier with `AttackResult.judged_by`.

    Args:
      sources: codes of the untouched images, float `[N, D]`.
      targets: codes of the faces to be taken for, float `[N, D]`.
      terms: of Eq. 1, see `equation_1`.
      share: in (0, 1).

    Raises:
      ValueError: the shapes differ, the share is not in (0, 1), or the terms do not fit.
    """

    def __init__(
        self,
        sources: tf.Tensor | np.ndarray,
        targets: tf.Tensor | np.ndarray,
        terms: Mapping[str, Term],
        *,
        share: float = 0.5,
    ) -> None:
        sources, targets = as_pairs(sources, targets)
        if not 0.0 < share < 1.0:
            raise ValueError(f"share must lie in (0, 1), got {share}.")
        self._targets = targets
        self._weights = tf.tile(
            entry_weights(terms, int(sources.shape[1]))[np.newaxis], [len(sources), 1]
        )
        self._tolerances = (1.0 - share) * code_distance(sources, targets, self._weights)

    def __len__(self) -> int:
        return int(self._targets.shape[0])

    def tensors(self) -> tuple[tf.Tensor, ...]:
        """Target codes `[N, D]`, weights of their entries `[N, D]`, and distances `[N]`."""
        return self._targets, self._weights, self._tolerances

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """Minus Delta."""
        return -code_distance(outputs, data[0], data[1])

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """What Delta may be, minus Delta."""
        return data[2] - code_distance(outputs, data[0], data[1])
