"""Receiver operating characteristic of a detection score."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class RocCurve:
    """How many attacks are caught at what price: "flagged" is `score >= threshold`.

    Attributes:
      false_alarms: share of normal images flagged `[T]`, rising from 0 to 1.
      detections: share of attacked images flagged `[T]`, rising from 0 to 1.
      thresholds: `[T]`, falling from infinity.
    """

    false_alarms: np.ndarray
    detections: np.ndarray
    thresholds: np.ndarray

    def __repr__(self) -> str:
        """The area, not the points."""
        return f"<ROC of {len(self.thresholds)} thresholds, AUC {self.auc():.3f}>"

    @classmethod
    def of(cls, normal: np.ndarray, attacked: np.ndarray) -> RocCurve:
        """The curve over every threshold at which these images change.

        Args:
          normal: scores of normal images `[N]`.
          attacked: scores of attacked images `[M]`.

        Raises:
          ValueError: there are none of a kind, or a score is not finite.
        """
        normal, attacked = np.sort(checked(normal)), np.sort(checked(attacked))
        thresholds = np.append(np.inf, np.unique(np.concatenate([normal, attacked]))[::-1])

        def flagged(scores: np.ndarray) -> np.ndarray:
            # Counted before it is divided: 1 - 99 / 100 is a little more than 0.01.
            return (len(scores) - np.searchsorted(scores, thresholds, side="left")) / len(scores)

        return cls(flagged(normal), flagged(attacked), thresholds)

    def auc(self) -> float:
        """Area under the curve: how often an attacked image scores above a normal one."""
        heights = (self.detections[1:] + self.detections[:-1]) / 2.0
        return float(np.sum(np.diff(self.false_alarms) * heights))

    def detection_rate_at(self, false_alarm_rate: float) -> float:
        """The highest share of attacks caught with at most this share of false alarms."""
        return float(self.detections[self.false_alarms <= false_alarm_rate].max())


def checked(scores: np.ndarray) -> np.ndarray:
    """Scores `[N]` as float64.

    Raises:
      ValueError: another shape, none, or not finite.
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 1 or not len(scores):
        raise ValueError(f"scores: expected [N] with N > 0, got {list(scores.shape)}")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    return scores
