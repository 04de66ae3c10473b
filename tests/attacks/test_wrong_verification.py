from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import PGD, Dodging, Impersonation, WrongVerification
from tests.attacks.toy import RandomProjection


def test_pairs_of_both_kinds_are_judged_as_each_would_be(rng: np.random.Generator) -> None:
    references, outputs = rng.normal(size=(2, 40, 5)).astype(np.float32)
    outputs[:3] = references[:3]
    same = np.arange(40) % 2 == 0
    criterion = WrongVerification(references, same, 1.5)
    pairs = criterion.tensors()
    for kind, rows in ((Dodging, same), (Impersonation, ~same)):
        alone = kind(references[rows], 1.5)
        for method in ("loss", "margin", "success"):
            expected = getattr(alone, method)(tf.constant(outputs[rows]), *alone.tensors())
            found = getattr(criterion, method)(tf.constant(outputs), *pairs).numpy()[rows]
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    some = criterion.select(slice(3, 9))
    assert len(some) == 6
    np.testing.assert_array_equal(some.tensors()[0], references[3:9])


def test_at_the_threshold_itself_two_are_not_one_person() -> None:
    # "Same person" is a distance below the threshold: here it is 2, exactly.
    references, outputs = np.array([[3.0, 0.0]] * 2), tf.constant([[0.0, 2.0]] * 2)
    for threshold, fooled in ((2.0, [True, False]), (2.01, [False, True]), (1.99, [True, False])):
        both = WrongVerification(references, np.array([True, False]), threshold)
        np.testing.assert_array_equal(both.success(outputs, *both.tensors()), fooled)
        for kind, expected in ((Dodging, fooled[0]), (Impersonation, fooled[1])):
            alone = kind(references, threshold)
            np.testing.assert_array_equal(alone.success(outputs, *alone.tensors()), [expected] * 2)


def test_one_compiled_attack_serves_both_kinds(rng: np.random.Generator) -> None:
    model, attack = RandomProjection(4), PGD(3, random_start=False)
    images = rng.uniform(0.3, 0.7, (4, 4, 4, 3)).astype(np.float32)
    references = rng.normal(size=(4, 5))
    same = np.array([True, False, True, False])
    both = attack.craft(model, images, WrongVerification(references, same, 1.0), epsilons=[0.1])
    assert attack.traces == 1
    for kind, rows in ((Dodging, same), (Impersonation, ~same)):
        criterion = kind(references[rows], 1.0)
        alone = attack.craft(model, images[rows], criterion, epsilons=[0.1])
        np.testing.assert_allclose(both[:, rows], alone, atol=1e-6)


def test_refuses_what_does_not_fit() -> None:
    references = np.ones((3, 5))
    with pytest.raises(ValueError, match="one for each of 3 references; got shape \\(2,\\)"):
        WrongVerification(references, np.ones(2, bool), 1.0)
    with pytest.raises(ValueError, match="threshold must lie in \\(0, 4\\)"):
        WrongVerification(references, np.ones(3, bool), 4.0)
    with pytest.raises(ValueError, match="references must be \\[N, D\\]"):
        WrongVerification(references[0], np.ones(5, bool), 1.0)
