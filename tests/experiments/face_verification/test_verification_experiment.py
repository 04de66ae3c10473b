from __future__ import annotations

import types
from pathlib import Path

import numpy as np
import pytest

from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.flags import verification_flags
from weights.errors import InputError


@pytest.fixture
def experiment(in_process, tmp_path: Path):
    """The experiment that flags describe."""

    def make(*flags: str) -> VerificationExperiment:
        made: list[VerificationExperiment] = []

        def main(_: list[str]) -> None:
            made.append(verification_flags.experiment())
            made[0].legitimate  # noqa: B018, under the toy target

        in_process(
            types.SimpleNamespace(main=main, FLAGS=verification_flags.FLAGS),
            *flags,
            output=tmp_path,
        )
        return made[0]

    return make


def test_training_examples_have_intensities_in_turn(in_process, tmp_path: Path) -> None:
    changes: list[np.ndarray] = []
    plain: list[np.ndarray] = []

    def main(_: list[str]) -> None:
        made = verification_flags.experiment()
        assert made.sets.training_intensities(0.03) == (0.03, 0.045, 0.06)
        pairs = made.sets.training(0.03)
        before = pairs.images[pairs.probe].astype(int)
        changes.append(np.abs(pairs.adversarial - before).max((1, 2, 3)))
        alone = made.sets.attacked("train", 0.03)
        plain.append(np.abs(alone.adversarial - before).max((1, 2, 3)))

    in_process(
        types.SimpleNamespace(main=main, FLAGS=verification_flags.FLAGS),
        "--train_spread=2",
        output=tmp_path,
    )
    # 7.65, 11.475 and 15.3 levels, of which the whole ones are stored.
    np.testing.assert_array_equal(changes[0], np.resize([7, 11, 15], 16))
    np.testing.assert_array_equal(plain[0], np.full(16, 7))


def test_without_a_spread_there_is_one_intensity(experiment) -> None:
    assert experiment("--train_spread=1").sets.training_intensities(0.03) == (0.03,)
    assert experiment("--train_spread=3").sets.training_intensities(0.5) == (0.5, 0.75, 1.0)


def test_training_examples_from_no_attack_up(in_process, tmp_path: Path) -> None:
    changes: list[np.ndarray] = []

    def main(_: list[str]) -> None:
        made = verification_flags.experiment()
        assert made.sets.training_intensities(0.03, True) == (0.0, 0.012, 0.024, 0.036, 0.048, 0.06)
        pairs = made.sets.training(0.03, from_zero=True)
        before = pairs.images[pairs.probe].astype(int)
        changes.append(np.abs(pairs.adversarial - before).max((1, 2, 3)))

    in_process(
        types.SimpleNamespace(main=main, FLAGS=verification_flags.FLAGS),
        "--train_spread=2",
        output=tmp_path,
    )
    np.testing.assert_array_equal(changes[0], np.resize([0, 3, 6, 9, 12, 15], 16))


@pytest.mark.parametrize("value", ["0.9", "-1"])
def test_a_spread_below_one_is_refused(experiment, value: str) -> None:
    with pytest.raises(InputError, match="`train_spread` must be 1 or more"):
        experiment(f"--train_spread={value}")


@pytest.mark.parametrize("value", ["inf", "nan"])
def test_a_spread_without_end_is_refused(experiment, value: str) -> None:
    with pytest.raises(InputError, match=f"--train_spread={value}: must be a finite number"):
        experiment(f"--train_spread={value}")
