"""The 68 landmarks."""

from __future__ import annotations

from mofa import landmarks


def test_mirrored_landmarks_are_an_involution():
    assert [landmarks.MIRROR[landmarks.MIRROR[k]] for k in range(68)] == list(range(68))
    assert len(set(landmarks.NAMES)) == 68
