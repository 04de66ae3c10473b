from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from attacks import FGSM, AttackResult, Stochastic, judge, worst_case
from tests.attacks.toy import Above, Linear


def result_of(
    value: float, success: list[bool], success_8bit: list[bool], margin: list[float]
) -> AttackResult:
    return AttackResult(
        (0.1,),
        np.full((1, len(success), 2, 2, 3), value, np.float32),
        np.full((1, len(success), 2, 2, 3), 10 * value, np.uint8),
        np.array([success]),
        np.array([success_8bit]),
        np.array([margin], np.float32),
    )


def test_worst_case_takes_8_bits_before_float_before_margin() -> None:
    first = result_of(0.1, [True, True, False, False], [True, False, False, False], [1, 5, -1, -2])
    second = result_of(0.2, [False, True, True, False], [False, True, False, False], [2, 1, 1, -1])
    worst = worst_case([first, second])
    np.testing.assert_allclose(worst.perturbed[0, :, 0, 0, 0], [0.1, 0.2, 0.2, 0.2])
    assert worst.stored[0, :, 0, 0, 0].tolist() == [1, 2, 2, 2]
    assert worst.success.tolist() == [[True, True, True, False]]
    assert worst.success_8bit.tolist() == [[True, True, False, False]]
    assert worst.margin.tolist() == [[1.0, 1.0, 1.0, -1.0]]


def test_worst_case_of_one_is_that_one() -> None:
    one = result_of(0.1, [True, False], [False, False], [1, -1])
    worst = worst_case([one])
    for field in dataclasses.fields(one):
        np.testing.assert_array_equal(getattr(worst, field.name), getattr(one, field.name))


def test_worst_case_refuses_none_and_others() -> None:
    one = result_of(0.1, [True], [True], [1])
    with pytest.raises(ValueError, match="at least one result"):
        worst_case([])
    with pytest.raises(ValueError, match="differ in budgets"):
        worst_case([one, dataclasses.replace(one, norm="l2")])


def test_transfer_is_judged_by_the_other_model(rng: np.random.Generator) -> None:
    images = rng.uniform(0.3, 0.7, (3, 4, 4, 3)).astype(np.float32)
    model, other = Linear(4, seed=0), Linear(4, seed=1)
    levels = Above(model(images).numpy()[:, 0] + 1.0)
    result = FGSM()(model, images, levels, epsilons=[0.1])
    assert result.success.all()

    same = result.judged_by(model, levels)
    np.testing.assert_array_equal(same.margin, result.margin)
    outputs = other(result.perturbed[0]).numpy()[:, 0]
    kept = other(result.stored[0] / np.float32(255)).numpy()[:, 0]
    between = (kept[2] - outputs[2]) / 2.0  # of the last image rounding decides
    assert abs(between) > 1e-4
    passed = result.judged_by(other, Above(outputs + np.array([-0.1, 0.1, between])), batch_size=2)
    assert passed.success.tolist() == [[True, False, between < 0.0]]
    assert passed.success_8bit.tolist() == [[True, False, between > 0.0]]
    np.testing.assert_allclose(passed.margin, [[0.1, -0.1, -between]], atol=1e-5)
    np.testing.assert_array_equal(passed.perturbed, result.perturbed)
    np.testing.assert_array_equal(passed.stored, result.stored)
    with pytest.raises(ValueError, match="criterion has 2 rows for 3 images"):
        result.judged_by(other, Above(np.zeros(2)))


def test_a_random_judge_draws_by_the_seed_for_images_and_for_files(
    rng: np.random.Generator,
) -> None:
    images = rng.uniform(0.3, 0.7, (24, 4, 4, 3)).astype(np.float32)
    model = Linear(4)
    levels = Above(model(images).numpy()[:, 0])
    result = FGSM()(model, images, levels, epsilons=[0.01, 0.02])
    noisy = Stochastic(lambda x, seed: model(x) + tf.random.stateless_normal([len(x), 1], seed))
    passed = result.judged_by(noisy, levels, seed=5, batch_size=7)
    margin, success = judge(noisy, result.perturbed, levels, seed=5, batch_size=7)
    _, success_8bit = judge(noisy, result.stored, levels, seed=5, batch_size=7)
    np.testing.assert_array_equal(passed.margin, margin)
    np.testing.assert_array_equal(passed.success, success)
    np.testing.assert_array_equal(passed.success_8bit, success_8bit)
    for settings in ({"seed": 6, "batch_size": 7}, {"seed": 5}):
        other = result.judged_by(noisy, levels, **settings)
        assert (other.success != success).any()
        assert (other.success_8bit != success_8bit).any()
