from __future__ import annotations

import types
from pathlib import Path

import numpy as np
import pytest

from experiments import table1  # noqa: F401, defines the flags of a run
from experiments.face_verification.verification_experiment import VerificationExperiment
from weights.errors import InputError


@pytest.fixture
def experiment(in_process, tmp_path: Path):
    """The experiment that flags describe."""

    def make(*flags: str) -> VerificationExperiment:
        made: list[VerificationExperiment] = []

        def main(_: list[str]) -> None:
            made.append(VerificationExperiment.from_flags())
            made[0].legitimate  # noqa: B018, under the toy target

        in_process(types.SimpleNamespace(main=main), *flags, output=tmp_path)
        return made[0]

    return make


def test_training_examples_have_intensities_in_turn(in_process, tmp_path: Path) -> None:
    changes: list[np.ndarray] = []
    plain: list[np.ndarray] = []

    def main(_: list[str]) -> None:
        made = VerificationExperiment.from_flags()
        assert made.training_intensities(0.03) == (0.03, 0.045, 0.06)
        pairs = made.training_pairs(0.03)
        before = pairs.images[pairs.probe].astype(int)
        changes.append(np.abs(pairs.adversarial - before).max((1, 2, 3)))
        alone = made.attacked("train", 0.03)
        plain.append(np.abs(alone.adversarial - before).max((1, 2, 3)))

    in_process(types.SimpleNamespace(main=main), "--train_spread=2", output=tmp_path)
    # 0.03, 0.045 and 0.06 of 255, rounded.
    np.testing.assert_array_equal(changes[0], np.resize([8, 11, 15], 16))
    np.testing.assert_array_equal(plain[0], np.full(16, 8))


def test_without_a_spread_there_is_one_intensity(experiment) -> None:
    assert experiment("--train_spread=1").training_intensities(0.03) == (0.03,)
    assert experiment("--train_spread=3").training_intensities(0.5) == (0.5, 0.75, 1.0)


@pytest.mark.parametrize("value", ["0.9", "-1", "inf", "nan"])
def test_a_spread_below_one_is_refused(experiment, value: str) -> None:
    with pytest.raises(InputError, match="--train_spread must be 1 or more"):
        experiment(f"--train_spread={value}")
