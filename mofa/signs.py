"""Bases that come out alike on every machine.

Principal components are determined up to their sign, and where several have the same variance up to
a rotation among them; which of these comes out depends on the library, the processor and the last
digits. A code must mean the same face everywhere, so both are settled here: by fixed vectors that
have no symmetry in common with a face, whose projections are far from zero.
"""

from __future__ import annotations

import numpy as np

from mofa.arrays import Array

_ALIKE = 1e-6
"""Relative difference of standard deviations within which rounding may mix two modes."""


def settled(basis: Array, std: Array) -> Array:
    """The same modes with signs, and rotations among equal ones, that follow from their span.

    Args:
      basis: float [D, K], orthonormal columns.
      std: float [K], descending.

    Returns:
      float64 [D, K]. The first of some equal modes is the one nearest to the first fixed vector,
      the next the nearest to the second among those that are left, and so on; all lie on the same
      side as their vector.
    """
    result = np.array(basis, np.float64)
    first = 0
    for last in range(1, len(std) + 1):
        if last < len(std) and std[last - 1] - std[last] <= _ALIKE * std[0]:
            continue
        block = result[:, first:last]
        turn, triangle = np.linalg.qr(block.T @ _fixed_vectors(len(result), last - first))
        signs = np.where(np.diag(triangle) < 0.0, -1.0, 1.0)
        result[:, first:last] = block @ (turn * signs)
        first = last
    return result


def agreeing(basis: Array, other: Array) -> Array:
    """The sign with which each mode points the same way as another model's: float64 [K].

    Args:
      basis: float [D, K].
      other: float [D, K].
    """
    return np.where(np.sum(basis * other, axis=0) < 0.0, -1.0, 1.0)


def _fixed_vectors(size: int, count: int) -> Array:
    """float64 [size, count]: waves whose frequency rises, which look random and are not."""
    place = np.arange(1, size + 1, dtype=np.float64)[:, None]
    rate = np.sqrt(2.0) + np.sqrt(3.0) * np.arange(count)
    # The phase of a chirp in whole turns, so that no library's sine sees a large number.
    return np.cos(2.0 * np.pi * np.mod(0.5 * rate * place * (place % 1024.0), 1.0))
