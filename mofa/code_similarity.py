"""How alike the codes of two pictures are, and how well that tells people apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mofa import code as codes
from mofa.arrays import Array


def unit_parts(code: Array, names: Sequence[str]) -> Array:
    """Some parts of codes [M, 257], centred on their mean and brought to unit length: [M, D]."""
    chosen = np.concatenate([code[:, codes.SLICES[name]] for name in names], axis=1)
    chosen = chosen - chosen.mean(axis=0)
    return chosen / np.maximum(np.linalg.norm(chosen, axis=1, keepdims=True), 1e-9)


def auc_interval(
    similarities: Array, people: Array, resamples: int, seed: int
) -> tuple[float, float]:
    """95 % of the areas under the ROC when people are drawn with replacement.

    A person drawn twice counts twice; pairs of a picture with itself do not arise.

    Args:
      similarities: of all pairs of M pictures, as `pair_similarities` gives them.
      people: int [M].
      resamples: draws.
      seed: of the draws.

    Returns:
      The bounds.
    """
    labels, person = np.unique(people, return_inverse=True)
    first, second = np.triu_indices(len(people), 1)
    order = np.argsort(similarities, kind="stable")
    first, second = person[first[order]], person[second[order]]
    same = first == second
    rng = np.random.default_rng(seed)
    areas = []
    for _ in range(resamples):
        times = np.bincount(rng.integers(0, len(labels), len(labels)), minlength=len(labels))
        weight = np.where(same, times[first], times[first] * times[second]).astype(np.float64)
        positive, negative = weight * same, weight * ~same
        if positive.sum() and negative.sum():
            below = np.cumsum(negative)
            areas.append(float(positive @ below / (positive.sum() * negative.sum())))
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)
