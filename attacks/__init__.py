"""Attacks on face verification and on codes; they take a differentiable callable, no network."""

from attacks.base import Attack, check_epsilons, check_images
from attacks.criteria import Criterion, Dodging, Impersonation
from attacks.fgsm import FGSM
from attacks.result import AttackResult, to_uint8

__all__ = [
    "FGSM",
    "Attack",
    "AttackResult",
    "Criterion",
    "Dodging",
    "Impersonation",
    "check_epsilons",
    "check_images",
    "to_uint8",
]
