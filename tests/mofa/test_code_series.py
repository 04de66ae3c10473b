"""Series of codes change what they say and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from mofa.code_series import light_sweep, turntable


def test_turntable_and_light_change_one_thing():
    code = np.random.default_rng(0).normal(size=(2, 257)).astype(np.float32)
    turned = turntable(code, 5)
    lit = light_sweep(code, 5)
    assert turned.shape == lit.shape == (10, 257)
    np.testing.assert_array_equal(turned[:, :224], np.repeat(code[:, :224], 5, axis=0))
    assert turned[:5, 225].tolist() == pytest.approx([-1.2, -0.6, 0.0, 0.6, 1.2])
    assert not turned[:, 226:].any()
    assert not lit[:, 224:230].any()
    assert (np.ptp(lit[:5, 230:], axis=0) > 0).any()
