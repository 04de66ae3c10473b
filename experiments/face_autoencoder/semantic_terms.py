"""Eq. 1 of the attack on MoFA with the numbers of a morphable model (Teng 2021, Section 3.2)."""

from __future__ import annotations

from collections.abc import Collection

from attacks import Term, equation_1
from mofa import code as codes
from mofa.morphable_model import MorphableModel


def semantic_terms(
    model: MorphableModel, *, rotation_only: bool = False, only: Collection[str] = ()
) -> dict[str, Term]:
    """The terms of Eq. 1 over MoFA's code.

    Args:
      model: whose standard deviations, in mm and in albedo, weigh shape, expression and albedo.
      rotation_only: leave the translation out, see `attacks.equation_1`.
      only: names of terms; the others are left out.

    Raises:
      ValueError: a name is unknown.
    """
    sigmas = {
        "shape": model.identity.std,
        "expression": model.expression.std,
        "albedo": model.albedo.std,
    }
    return equation_1(codes.SLICES, sigmas, rotation_only=rotation_only, only=only)
