"""Pairs with their probes under FGSM, crafted once and kept in the user's cache."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import numpy as np

from experiments.face_verification.adversarial_sets import attacked
from experiments.running.devices import Devices
from resgn.legitimate_pairs import LegitimatePairs
from resgn.target import Target
from resgn.verification_set import VerificationSet

SPREAD_STEPS = 3
"""Intensities of training examples where the spread is above 1."""

FROM_ZERO_STEPS = 6
"""The same where they begin with none: 0, 2, 4, 6, 8 and 10 grey levels up to 4/3 of 0.03."""


class AttackedSets:
    """The parts of the legitimate pairs at every intensity that is asked for.

    Args:
      legitimate: the pairs.
      target: under attack.
      names: what names the target, its weights by content.
      spread: training examples have intensities up to this many times that of the attack.
      devices: share out the crafting.
    """

    def __init__(
        self,
        legitimate: LegitimatePairs,
        target: Target,
        names: Sequence[str],
        spread: float,
        devices: Devices,
    ) -> None:
        self._legitimate, self._target, self._spread = legitimate, target, spread
        self._identity, self._devices = json.dumps(list(names)), devices
        self._sets: dict[tuple[str, float], VerificationSet] = {}

    def attacked(self, part: str, epsilon: float) -> VerificationSet:
        """One part under FGSM.

        Args:
          part: `train`, `validation` or `test`.
          epsilon: budget in (0, 1].
        """
        self.craft(part, [epsilon])
        return self._sets[part, epsilon]

    def craft(self, part: str, epsilons: Sequence[float], keep: bool = True) -> None:
        """Craft the sets of several intensities together, which is faster than one by one.

        Args:
          part: `train`, `validation` or `test`.
          epsilons: budgets in (0, 1].
          keep: put them into the user's cache; otherwise they stay here alone.
        """
        missing = [epsilon for epsilon in epsilons if (part, epsilon) not in self._sets]
        sets = attacked(
            self._legitimate, part, self._target, self._identity, missing, keep, self._devices
        )
        self._sets.update({(part, epsilon): made for epsilon, made in sets.items()})

    def training_intensities(self, epsilon: float, from_zero: bool = False) -> tuple[float, ...]:
        """The FGSM budgets that a ResGN against one intensity learns from: it, or up to more.

        Args:
          epsilon: the intensity.
          from_zero: begin with no attack at all, so that ResGN meets every weaker one.
        """
        top = min(1.0, self._spread * epsilon)
        if from_zero:
            return tuple(float(e) for e in np.linspace(0.0, top, FROM_ZERO_STEPS).round(6))
        if self._spread == 1.0:
            return (epsilon,)
        return tuple(float(e) for e in np.linspace(epsilon, top, SPREAD_STEPS).round(6))

    def training(self, epsilon: float, from_zero: bool = False) -> VerificationSet:
        """The training pairs, their probes under each of `training_intensities` in turn."""
        epsilons = self.training_intensities(epsilon, from_zero)
        self.craft("train", [each for each in epsilons if each])
        sets = [
            self._sets["train", each] if each else self.unattacked("train") for each in epsilons
        ]
        adversarial = sets[0].adversarial.copy()
        for number, each in enumerate(sets):
            adversarial[number :: len(sets)] = each.adversarial[number :: len(sets)]
        return dataclasses.replace(sets[0], adversarial=adversarial)

    def unattacked(self, part: str) -> VerificationSet:
        """The same pairs with every probe as it was: an attack of intensity 0."""
        pairs, legitimate = self._legitimate.parts[part], self._legitimate
        return VerificationSet(
            legitimate.images,
            legitimate.embeddings,
            pairs.probe,
            pairs.reference,
            pairs.same,
            legitimate.images[pairs.probe],
            legitimate.threshold,
        )
