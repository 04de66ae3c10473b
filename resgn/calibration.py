"""Thresholds and verification figures as the field reports them: ten folds, ROC, EER, TAR."""

from __future__ import annotations

import dataclasses

import numpy as np

from weights.errors import InputError


def calibrate_threshold(distances: np.ndarray, same: np.ndarray) -> float:
    """The threshold with the best accuracy on these pairs.

    Every split of the sorted distances is tried; among equally good ones the middle of the widest
    gap is taken, which is the one that new pairs disturb least.

    Args:
      distances: squared distances `[P]` in [0, 4].
      same: bool `[P]`, the truth.

    Returns:
      The threshold; "same" is `distance < threshold`.

    Raises:
      InputError: there are not both kinds of pairs.
      ValueError: a distance is not finite.
    """
    distances, same = _check_pairs(distances, same)
    order = np.argsort(distances, kind="stable")
    sorted_distances, sorted_same = distances[order], same[order]
    # Splitting before position k calls the first k pairs "same".
    correct = np.concatenate([[0], np.cumsum(sorted_same)]) + np.concatenate(
        [np.cumsum(~sorted_same[::-1])[::-1], [0]]
    )
    padded = np.concatenate([[0.0], sorted_distances, [4.0]])
    gaps = np.diff(padded)
    # No split runs between equal distances.
    best = np.where(gaps > 0, correct, -1).max()
    candidates = np.flatnonzero((correct == best) & (gaps > 0))
    split = candidates[np.argmax(gaps[candidates])]
    return float((padded[split] + padded[split + 1]) / 2.0)


def accuracy(distances: np.ndarray, same: np.ndarray, threshold: float) -> float:
    """Share of pairs with `(distance < threshold) == same`."""
    return float(np.mean((np.asarray(distances) < threshold) == np.asarray(same, bool)))


def ten_fold(
    distances: np.ndarray, same: np.ndarray, folds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """LFW's protocol: each fold is judged with the threshold of all the others.

    Args:
      distances: squared distances `[P]`.
      same: bool `[P]`.
      folds: int `[P]`, the fold of each pair; at least two folds, each with both kinds of pairs.

    Returns:
      For each pair `[P]` whether it was judged rightly, and each fold's threshold `[F]`.
    """
    distances, same = _check_pairs(distances, same)
    folds = np.asarray(folds)
    names = np.unique(folds)
    if len(names) < 2:
        raise InputError(
            f"cross-validation needs at least two folds, got {len(names)} with {len(same)} pairs. "
            "Give more pairs."
        )
    correct = np.zeros(len(same), bool)
    thresholds = np.empty(len(names))
    for row, fold in enumerate(names):
        test = folds == fold
        thresholds[row] = calibrate_threshold(distances[~test], same[~test])
        correct[test] = (distances[test] < thresholds[row]) == same[test]
    return correct, thresholds


@dataclasses.dataclass(frozen=True)
class RocCurve:
    """Receiver operating characteristic of a distance: "accepted" is `distance < threshold`.

    Attributes:
      far: false accept rates `[T]`, rising from 0 to 1.
      tar: true accept rates `[T]`, rising from 0 to 1.
      thresholds: `[T]`.
    """

    far: np.ndarray
    tar: np.ndarray
    thresholds: np.ndarray

    @classmethod
    def of(cls, distances: np.ndarray, same: np.ndarray) -> RocCurve:
        """The curve over every threshold at which these pairs change."""
        distances, same = _check_pairs(distances, same)
        thresholds = np.append(np.unique(distances), np.inf)
        genuine, impostor = np.sort(distances[same]), np.sort(distances[~same])
        return cls(
            far=np.searchsorted(impostor, thresholds, side="left") / len(impostor),
            tar=np.searchsorted(genuine, thresholds, side="left") / len(genuine),
            thresholds=thresholds,
        )

    def auc(self) -> float:
        """Area under the curve, in [0, 1]."""
        return float(np.sum(np.diff(self.far) * (self.tar[1:] + self.tar[:-1]) / 2.0))

    def equal_error_rate(self) -> float:
        """The error where false accepts and false rejects are equally frequent (interpolated)."""
        # It begins at -1, where nothing is accepted, and ends at 1.
        difference = self.far - (1.0 - self.tar)
        after = int(np.argmax(difference >= 0))
        before = after - 1
        share = -difference[before] / (difference[after] - difference[before])
        return float(self.far[before] + share * (self.far[after] - self.far[before]))

    def tar_at_far(self, far: float) -> float:
        """The highest true accept rate whose false accept rate is at most `far`."""
        return float(self.tar[self.far <= far].max())


def _check_pairs(distances: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    distances = np.asarray(distances, np.float64)
    same = np.asarray(same, bool)
    if distances.ndim != 1 or distances.shape != same.shape:
        raise ValueError(
            f"distances and same must both be [P], got {distances.shape} and {same.shape}."
        )
    if not np.isfinite(distances).all():
        raise ValueError("distances must be finite.")
    if same.all() or not same.any():
        raise InputError(
            f"pairs of the same person and of different people are both needed; of {len(same)} "
            f"pairs {np.count_nonzero(same)} are of the same person. Give more of both."
        )
    return distances, same
