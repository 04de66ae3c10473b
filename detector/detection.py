"""From scores to verdicts: thresholds from a validation half, figures from the other.

An image is flagged as attacked where `score >= threshold`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from detector.roc import RocCurve, checked

FALSE_ALARM_RATES = (0.01, 0.001)
"""Shares of normal images that may be flagged, at which detection is reported."""


def false_alarm_threshold(normal: np.ndarray, rate: float) -> float:
    """The threshold that flags at most a share of normal images (Meng and Chen 2017).

    It needs no attack: the highest scores of normal images are given up, as many as the rate
    allows. Fewer than `1 / rate` images allow none, and the threshold lies just above all of them.

    Args:
      normal: scores of normal images `[N]`.
      rate: in [0, 1).

    Raises:
      ValueError: no score, one that is not finite, or a rate out of range.
    """
    normal = np.sort(checked(normal))
    if not 0.0 <= rate < 1.0:
        raise ValueError(f"rate must lie in [0, 1), got {rate}")
    # 0.29 * 100 is a little below 29.
    allowed = int(np.floor(rate * len(normal) + 1e-9))
    highest_kept = normal[len(normal) - 1 - allowed]
    above = normal[normal > highest_kept]
    # Equal scores are flagged together or not at all.
    return float(above[0]) if len(above) else float(np.nextafter(highest_kept, np.inf))


def best_accuracy_threshold(normal: np.ndarray, attacked: np.ndarray) -> float:
    """The threshold with the best accuracy on these images (Teng 2021, Table 2).

    Every split of the sorted scores is tried; among equally good ones the middle of the widest gap
    is taken, which is the one that new images disturb least.

    Args:
      normal: scores of normal images `[N]`.
      attacked: scores of attacked images `[M]`.

    Raises:
      ValueError: none of a kind, or a score that is not finite.
    """
    normal, attacked = checked(normal), checked(attacked)
    levels = np.unique(np.concatenate([normal, attacked]))
    # Split k flags the levels from k on; the last one flags nothing.
    passed = np.append(np.searchsorted(np.sort(normal), levels, side="left"), len(normal))
    missed = np.append(np.searchsorted(np.sort(attacked), levels, side="left"), len(attacked))
    correct = passed + len(attacked) - missed
    best = np.flatnonzero(correct == correct.max())
    # To flag all or nothing is a last resort and has no gap.
    gaps = np.concatenate([[0.0], np.diff(levels), [0.0]])
    split = int(best[np.argmax(gaps[best])])
    if split == 0:
        return float(levels[0])
    if split == len(levels):
        return float(np.nextafter(levels[-1], np.inf))
    middle = float((levels[split - 1] + levels[split]) / 2.0)
    return middle if middle > levels[split - 1] else float(levels[split])


def flagged(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Which images look attacked, bool `[N]`: `score >= threshold`, compared in double precision.

    In single precision a threshold just above a score would fall upon it.
    """
    return np.asarray(scores, np.float64) >= threshold


@dataclasses.dataclass(frozen=True, eq=False)
class ScoreSet:
    """One score of normal and of attacked images.

    Attributes:
      normal: `[N]`.
      attacked: `[M]`.
    """

    normal: np.ndarray
    attacked: np.ndarray

    def __repr__(self) -> str:
        """How many, not the scores."""
        return f"<scores of {len(self.normal)} normal and {len(self.attacked)} attacked images>"

    def __post_init__(self) -> None:
        checked(self.normal)
        checked(self.attacked)


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """Thresholds of one score, all from the same validation images.

    Attributes:
      best_accuracy: see `best_accuracy_threshold`.
      false_alarm: rate -> see `false_alarm_threshold`.
    """

    best_accuracy: float
    false_alarm: Mapping[float, float]

    @classmethod
    def of(cls, validation: ScoreSet, rates: Sequence[float] = FALSE_ALARM_RATES) -> Thresholds:
        """Settle every threshold on the validation half."""
        return cls(
            best_accuracy_threshold(validation.normal, validation.attacked),
            {rate: false_alarm_threshold(validation.normal, rate) for rate in rates},
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Verdicts:
    """What a threshold says of test images.

    Attributes:
      threshold: the threshold.
      false_alarms: bool `[N]`, normal images that were flagged.
      detections: bool `[M]`, attacked images that were flagged.
    """

    threshold: float
    false_alarms: np.ndarray
    detections: np.ndarray

    def __repr__(self) -> str:
        """Rates, not the single verdicts."""
        return (
            f"<threshold {self.threshold:.4g}: {self.detections.mean():.1%} of the attacked and "
            f"{self.false_alarms.mean():.1%} of the normal images flagged>"
        )

    @classmethod
    def of(cls, threshold: float, test: ScoreSet) -> Verdicts:
        """Apply a threshold."""
        return cls(threshold, flagged(test.normal, threshold), flagged(test.attacked, threshold))

    @property
    def correct(self) -> np.ndarray:
        """Bool `[N + M]`: normal images that passed, then attacked ones that were flagged."""
        return np.concatenate([~self.false_alarms, self.detections])

    @property
    def accuracy(self) -> float:
        """Share of right verdicts."""
        return float(np.mean(self.correct))


@dataclasses.dataclass(frozen=True, eq=False)
class DetectionResult:
    """How well one score tells attacked from normal images that no threshold has seen.

    Attributes:
      best_accuracy: with the threshold that was best on the validation half.
      false_alarm: rate -> with the threshold that the validation half's normal images gave.
      roc: of the test half.
    """

    best_accuracy: Verdicts
    false_alarm: Mapping[float, Verdicts]
    roc: RocCurve

    def __repr__(self) -> str:
        """Accuracy and area under the curve."""
        return f"<accuracy {self.best_accuracy.accuracy:.1%}, AUC {self.roc.auc():.3f}>"

    @classmethod
    def of(cls, thresholds: Thresholds, test: ScoreSet) -> DetectionResult:
        """Judge the test half."""
        return cls(
            Verdicts.of(thresholds.best_accuracy, test),
            {r: Verdicts.of(t, test) for r, t in thresholds.false_alarm.items()},
            RocCurve.of(test.normal, test.attacked),
        )


def validation_half(groups: np.ndarray, seed: int) -> np.ndarray:
    """Which images serve to settle thresholds; the others are for testing.

    All images of a group (a person; an image and its attacked versions) are on one side. Groups
    are drawn, the large ones first, to the side that has fewer images.

    Args:
      groups: int `[N]`, the group of each image.
      seed: the same seed gives the same halves.

    Returns:
      Bool `[N]`, true for the validation half.

    Raises:
      ValueError: there are fewer than two groups.
    """
    names, members = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"two halves need at least two groups, got {len(names)}")
    counts = np.bincount(members)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(names))
    order = order[np.argsort(-counts[order], kind="stable")]
    in_validation = np.zeros(len(names), bool)
    sizes = [0, 0]
    for group in order:
        side = int(sizes[1] < sizes[0]) if sizes[0] != sizes[1] else int(rng.integers(2))
        in_validation[group] = side == 1
        sizes[side] += int(counts[group])
    return in_validation[members]
