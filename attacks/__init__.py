"""Attacks on face verification and on codes; they take a differentiable callable, no network."""

from attacks.adaptive import Composition, bpda, through
from attacks.base import Attack
from attacks.criteria import Criterion, Dodging, Impersonation
from attacks.fgsm import FGSM
from attacks.images import check_epsilons, check_images, check_mask
from attacks.judging import judge
from attacks.pgd import BIM, PGD
from attacks.result import AttackResult, to_uint8, worst_case
from attacks.stochastic import EOT, Model, Stochastic

__all__ = [
    "BIM",
    "EOT",
    "FGSM",
    "PGD",
    "Attack",
    "AttackResult",
    "Composition",
    "Criterion",
    "Dodging",
    "Impersonation",
    "Model",
    "Stochastic",
    "bpda",
    "check_epsilons",
    "check_images",
    "check_mask",
    "judge",
    "through",
    "to_uint8",
    "worst_case",
]
