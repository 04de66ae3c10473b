"""MagNet (Meng and Chen 2017): several detectors and a reformer, all trained on normal images.

An image is refused as soon as one detector flags it; what passes is reformed by an autoencoder.
MagNet's own scores are the mean `|x - AE(x)|^p` and the Jensen-Shannon divergence; the norms here
order images as those means do, so their thresholds give the same verdicts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from detector.detection import false_alarm_threshold, flagged

FALSE_ALARM_RATE = 0.001
"""Of each detector, as in the authors' code."""
TINY = 1e-12
"""Least threshold to divide by."""


@dataclasses.dataclass(frozen=True)
class MagNetDetector:
    """Detectors of which each has a veto.

    Attributes:
      thresholds: detector -> threshold; flagged is `score >= threshold`.
      false_alarms: share of normal images of further people that all of them together flagged when
        that was measured; None where it was not.
    """

    thresholds: Mapping[str, float]
    false_alarms: float | None = None

    @classmethod
    def calibrated(
        cls, normal: Mapping[str, np.ndarray], rate: float = FALSE_ALARM_RATE
    ) -> MagNetDetector:
        """Thresholds from normal images alone.

        Args:
          normal: detector -> scores of normal images `[N]` that its autoencoder was not trained on.
          rate: share of them that each detector may flag; together they may flag more.

        Raises:
          ValueError: no detector, no score, or a rate out of range.
        """
        if not normal:
            raise ValueError("at least one detector is needed")
        return cls({name: false_alarm_threshold(scores, rate) for name, scores in normal.items()})

    def flags(self, scores: Mapping[str, np.ndarray]) -> np.ndarray:
        """Which images some detector flags, bool `[N]`.

        Args:
          scores: detector -> scores `[N]`; every detector of `thresholds`.
        """
        verdicts = [flagged(scores[name], limit) for name, limit in self.thresholds.items()]
        return np.any(verdicts, axis=0)

    def excess(self, scores: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """How far the worst score lies above its threshold, as a share of that; differentiable.

        Args:
          scores: detector -> scores `[N]`; every detector of `thresholds`.

        Returns:
          float32 `[N]`, 0 or more where some detector flags.
        """
        above = [scores[name] / max(limit, TINY) - 1.0 for name, limit in self.thresholds.items()]
        return tf.reduce_max(tf.stack(above), axis=0)
