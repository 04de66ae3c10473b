"""Attacks on face verification and on codes; they take a differentiable callable, no network."""

import os

# As in the other rooms: oneDNN's kernels also on processors without AVX-512. Which Keras the
# callable is made of is not decided here.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from attacks.adaptive import Composition, bpda, through
from attacks.apgd import APGD
from attacks.base import Attack
from attacks.carlini_wagner import CarliniWagner
from attacks.checks import (
    Finding,
    gradient_free_wins,
    random_without_eot,
    stored_differ,
    success_falls_with_epsilon,
    success_falls_with_steps,
    zero_gradients,
)
from attacks.criteria import Criterion, Dodging, Impersonation
from attacks.deepfool import DeepFool
from attacks.eight_bits import round_within, stored, whole_levels, with_levels
from attacks.eyeglasses import eyeglasses
from attacks.fgsm import FGSM
from attacks.fixed_point import FixedPointAttack, Solver
from attacks.hop_skip_jump import HopSkipJump
from attacks.identity_swap import IdentitySwap
from attacks.judging import judge
from attacks.minimization import MinimizationAttack
from attacks.minimum_epsilon import MinimumEpsilon, minimum_epsilon
from attacks.misclassification import Misclassification
from attacks.momentum import DIFGSM, MIFGSM, TIFGSM
from attacks.pgd import BIM, PGD
from attacks.result import AttackResult, worst_case
from attacks.semantic import PerturbationAttack, Trace
from attacks.semantic_match import SemanticMatch, Term, code_distance, equation_1, transplant
from attacks.square import Square
from attacks.staged_pgd import Staged, StagedPGD
from attacks.starting_from import StartingFrom
from attacks.stochastic import EOT, Model, Stochastic
from attacks.undetected import QUIET, Undetected, eased, with_score
from attacks.universal import UniversalPerturbation
from attacks.wrong_verification import WrongVerification

__all__ = [
    "APGD",
    "BIM",
    "DIFGSM",
    "EOT",
    "FGSM",
    "MIFGSM",
    "PGD",
    "QUIET",
    "TIFGSM",
    "Attack",
    "AttackResult",
    "CarliniWagner",
    "Composition",
    "Criterion",
    "DeepFool",
    "Dodging",
    "Finding",
    "FixedPointAttack",
    "HopSkipJump",
    "IdentitySwap",
    "Impersonation",
    "MinimizationAttack",
    "MinimumEpsilon",
    "Misclassification",
    "Model",
    "PerturbationAttack",
    "SemanticMatch",
    "Solver",
    "Square",
    "Staged",
    "StagedPGD",
    "StartingFrom",
    "Stochastic",
    "Term",
    "Trace",
    "Undetected",
    "UniversalPerturbation",
    "WrongVerification",
    "bpda",
    "code_distance",
    "eased",
    "equation_1",
    "eyeglasses",
    "gradient_free_wins",
    "judge",
    "minimum_epsilon",
    "random_without_eot",
    "round_within",
    "stored",
    "stored_differ",
    "success_falls_with_epsilon",
    "success_falls_with_steps",
    "through",
    "transplant",
    "whole_levels",
    "with_levels",
    "with_score",
    "worst_case",
    "zero_gradients",
]
