"""The modes of the open face model."""

from __future__ import annotations

import numpy as np
import pytest

from mofa.open_face_model.modes import align, opposites, principal


def test_opposite_targets_are_paired():
    names = ["asym-jaw-1-l", "asym-jaw-1-r", "head-oval", "l-nose-up", "l-nose-down", "nose-incr"]
    names += ["nose-decr"]
    assert opposites(sorted(names)) == [
        ("asym-jaw-1-l", "asym-jaw-1-r"),
        ("head-oval",),
        ("l-nose-up", "l-nose-down"),
        ("nose-incr", "nose-decr"),
    ]


def test_alignment_removes_similarity(rng):
    # Turned about z by 0.4, doubled and moved: aligned it is the reference again.
    reference = rng.normal(size=(30, 3))
    turn = np.array([[np.cos(0.4), -np.sin(0.4), 0], [np.sin(0.4), np.cos(0.4), 0], [0, 0, 1]])
    moved = 2.0 * reference @ turn.T + np.array([5.0, 6.0, 7.0])
    aligned = align(np.stack([moved, reference]), reference)
    np.testing.assert_allclose(aligned, np.stack([reference, reference]), atol=1e-9)


@pytest.mark.parametrize("samples", [40, 400])
def test_principal_components(samples, rng):
    # Three orthogonal directions with standard deviations 5, 2 and 1 of 90 numbers.
    basis = np.linalg.qr(rng.normal(size=(90, 3)))[0]
    draws = rng.normal(size=(samples, 3))
    draws = np.linalg.qr(draws)[0] * np.sqrt(samples) * [5.0, 2.0, 1.0]
    modes = principal(draws @ basis.T, 3)
    np.testing.assert_allclose(modes.std, [5.0, 2.0, 1.0], rtol=1e-5)
    np.testing.assert_allclose(np.abs(modes.basis.T @ basis), np.eye(3), atol=1e-4)
