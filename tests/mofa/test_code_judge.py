from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from mofa import code as codes
from mofa.code_judge import CodeJudge


def coded(shape: float, albedo: float, expression: float = 0.0) -> np.ndarray:
    """A code with one number of each part."""
    code = np.zeros(codes.SIZE, np.float32)
    for name, value in (("shape", shape), ("albedo", albedo), ("expression", expression)):
        code[codes.SLICES[name].start] = value
    return code


def test_worked_out_by_hand() -> None:
    code = np.stack([coded(1, 0, 9), coded(3, 0), coded(0, 2), coded(0, 2, 5)])
    judge = CodeJudge(np.zeros(codes.SIZE, np.float32), 0.5)
    np.testing.assert_allclose(
        judge.similarities(code[[0, 0, 2]], code[[1, 2, 3]]), [1.0, 0.0, 1.0], atol=1e-6
    )
    assert judge.embed(tf.constant(code)).shape == (4, 160)


def test_calibration_centres_and_separates() -> None:
    # One person has more shape than the mean, the other more albedo.
    everybody = coded(7, 7)
    code = np.stack([coded(2, 0), coded(3, 0.1), coded(0, 2), coded(0, 4)]) + everybody
    judge = CodeJudge.calibrated(code, np.array([0, 0, 1, 1]))
    assert -0.9 < judge.threshold < 0.9
    np.testing.assert_allclose(judge.centre, code.mean(axis=0))
    similar = judge.similarities(code[[0, 2, 0, 1]], code[[1, 3, 2, 3]])
    np.testing.assert_array_equal(similar > judge.threshold, [True, True, False, False])
    with pytest.raises(ValueError, match="A threshold needs pairs of one person"):
        CodeJudge.calibrated(code, np.arange(4))
