"""Attacks and results show themselves in one line."""

from __future__ import annotations

import numpy as np

import attacks
from attacks import (
    FGSM,
    PGD,
    AttackResult,
    FixedPointAttack,
    MinimumEpsilon,
    PerturbationAttack,
    Trace,
    UniversalPerturbation,
)


def test_attacks_name_their_settings() -> None:
    assert repr(FGSM("l2")) == "FGSM(norm='l2')"
    assert repr(PGD(40)) == (
        "PGD(norm='linf', steps=40, restarts=1, relative_step=0.0625, random_start=True, "
        "keep_best=True, warm=False)"
    )
    assert repr(PerturbationAttack(5)) == (
        "PerturbationAttack(norm='linf', lower=-0.4, upper=0.4, steps=5, learning_rate=0.1, "
        "perturbation_weight=0.001, project=True)"
    )
    assert repr(FixedPointAttack(3)) == (
        "FixedPointAttack(steps=3, momentum=0.9, starts=1, inner=1, seed=0)"
    )
    assert repr(UniversalPerturbation(3, 4)) == (
        "UniversalPerturbation(steps=3, batch_size=4, relative_step=0.1)"
    )


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
        == "MinimumEpsilon(4 images, l2, breaks 25% 0.25, 50% 0.5, 75% inf, 25.0% unbroken)"
    )
    trace = Trace(images[0], np.array([[1.0, 2.0], [0.5, 0.75]]), np.zeros((2, 2)))
    assert repr(trace) == "Trace(2 images, 2 steps, mean loss 1.5 to 0.625)"


def test_what_is_exported_is_sorted_and_there() -> None:
    for name in attacks.__all__:
        assert getattr(attacks, name) is not None
    assert not any(name.startswith("check_") for name in attacks.__all__)
    assert {"Undetected", "with_score", "code_distance", "zero_gradients"} <= set(attacks.__all__)
