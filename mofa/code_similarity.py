"""How alike the codes of two pictures are, and how well that tells people apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mofa import code as codes
from mofa.arrays import Array
from mofa.people import drawn_again, tail


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
    return intervals_over_people(similarities, people, 0.0, resamples, seed)["auc"]


def intervals_over_people(
    similarities: Array, people: Array, threshold: float, resamples: int, seed: int
) -> dict[str, tuple[float, float]]:
    """95 % of what verification achieves when people are drawn with replacement.

    Args:
      similarities, people, resamples, seed: see `auc_interval`.
      threshold: similarity above which two pictures are one person.

    Returns:
      The bounds of `auc`, `true_accepts` (of pairs of one person) and `false_accepts` (of pairs of
      two).
    """
    first, second = np.triu_indices(len(people), 1)
    order = np.argsort(similarities, kind="stable")
    first, second = first[order], second[order]
    same, accepted = people[first] == people[second], similarities[order] > threshold
    found: dict[str, list[float]] = {"auc": [], "true_accepts": [], "false_accepts": []}
    for times in drawn_again(people, resamples, seed):
        weight = np.where(same, times[first], times[first] * times[second]).astype(np.float64)
        positive, negative = weight * same, weight * ~same
        all_positive, all_negative = positive.sum(), negative.sum()
        if all_positive and all_negative:
            below = np.cumsum(negative)
            found["auc"].append(float(positive @ below / (all_positive * all_negative)))
            found["true_accepts"].append(float(positive @ accepted / all_positive))
            found["false_accepts"].append(float(negative @ accepted / all_negative))
    outside = tail(len(np.unique(people)))
    ends = {n: np.quantile(values, [outside, 1.0 - outside]) for n, values in found.items()}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}
