"""Attacks and results show themselves in one line."""

from __future__ import annotations

import numpy as np

import attacks
from attacks import (
    APGD,
    BIM,
    DIFGSM,
    FGSM,
    MIFGSM,
    PGD,
    TIFGSM,
    AttackResult,
    CarliniWagner,
    DeepFool,
    FixedPointAttack,
    HopSkipJump,
    MinimumEpsilon,
    PerturbationAttack,
    Square,
    Trace,
    UniversalPerturbation,
)

PGD_LIKE = "norm='linf', steps={}, restarts=1, relative_step={}, random_start={}, keep_best={}"
TRANSFER = f"{PGD_LIKE.format(10, 0.1, False, False)}, warm=False, decay=1"


def test_attacks_name_their_settings_which_are_by_default_those_of_the_papers() -> None:
    for attack, settings in (
        (FGSM(), "norm='linf'"),
        (FGSM("l2"), "norm='l2'"),
        (PGD(), f"{PGD_LIKE.format(40, 0.0625, True, True)}, warm=False"),
        (BIM(), f"{PGD_LIKE.format(10, 0.1, False, True)}, warm=False"),
        (MIFGSM(), TRANSFER),
        (DIFGSM(), f"{TRANSFER}, probability=0.5, smallest=0.9"),
        (TIFGSM(), f"{TRANSFER}, probability=0, smallest=0.9, sigma=2.33333"),
        (APGD(), "norm='linf', steps=100, restarts=1"),
        (
            CarliniWagner(),
            "norm='l2', steps=100, searches=6, first_weight=1, learning_rate=0.02, confidence=0",
        ),
        (DeepFool(), "norm='l2', steps=50, overshoot=0.02"),
        (HopSkipJump(), "norm='l2', queries=5000, draws=100, overshoot=0.02"),
        (Square(), "norm='linf', queries=1000, area=0.8"),
        (Square(norm="l2"), "norm='l2', queries=1000, area=0.1"),
        (
            PerturbationAttack(),
            "norm='linf', lower=-0.4, upper=0.4, steps=50, learning_rate=0.1, "
            "perturbation_weight=0.001, project=True",
        ),
        (FixedPointAttack(), "steps=50, momentum=0.9, starts=1, inner=1, seed=0, candidates=3"),
        (UniversalPerturbation(), "steps=100, batch_size=16, relative_step=0.1"),
    ):
        assert repr(attack) == f"{type(attack).__name__}({settings})"


def test_results_are_short() -> None:
    images = np.zeros((2, 4, 8, 9, 3), np.float32)
    success = np.array([[True, False, False, False], [True, True, True, False]])
    result = AttackResult(
        (0.02, 0.03), images, images.astype(np.uint8), success, success & ~success[:1], images
    )
    assert repr(result) == (
        "AttackResult(4 images [8, 9, 3], linf, success: epsilon 0.02 25.0% (0.0% in 8 bits), "
        "epsilon 0.03 75.0% (50.0% in 8 bits))"
    )
    found = MinimumEpsilon(np.array([0.0, 0.25, 0.5, np.inf]), "l2")
    assert (
        repr(found)
        == "MinimumEpsilon(4 images, l2, breaks 25% 0, 50% 0.25, 75% 0.5, 25.0% unbroken)"
    )
    trace = Trace(images[0], np.array([[1.0, 2.0], [0.5, 0.75]]), np.zeros((2, 2)))
    assert repr(trace) == "Trace(2 images, 2 steps, mean loss 1.5 to 0.625)"


def test_what_is_exported_is_sorted_and_there() -> None:
    for name in attacks.__all__:
        assert getattr(attacks, name) is not None
    assert not any(name.startswith("check_") for name in attacks.__all__)
    assert {"Undetected", "with_score", "code_distance", "zero_gradients"} <= set(attacks.__all__)
