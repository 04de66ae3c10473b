"""How the networks of other cleaners are trained for a table's rows."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.face_verification import cleaners
from experiments.face_verification.settings import VerificationSettings
from experiments.running.devices import ONE
from resgn.cleaners import Cleaner
from weights.errors import InputError


@pytest.mark.parametrize("name", ["joint", "texture+verification", cleaners.ADVERSARIAL])
def test_a_row_whose_loss_has_a_term_of_weight_0_is_refused(name: str) -> None:
    settings = VerificationSettings.smoke()
    cleaners.check_cleaner(name, SimpleNamespace(settings=settings))
    off = SimpleNamespace(settings=settings.but(texture_weight=0.0))
    message = f"`texture_weight` is 0, and the row {re.escape(name)} learns from that loss"
    with pytest.raises(InputError, match=message):
        cleaners.check_cleaner(name, off)
    for other in ("pixel+verification", "texture"):  # a term alone weighs 1
        cleaners.check_cleaner(other, off)


def test_which_cleaners_are_random() -> None:
    experiment = SimpleNamespace(settings=VerificationSettings.smoke())
    rows = ["none", "joint", "randomization", *cleaners.INPUT]
    assert cleaners.random_cleaners(rows, experiment) == ["gaussian_noise"]


@pytest.mark.parametrize("name", cleaners.TRAINED)
@pytest.mark.parametrize(
    ("precision", "expected"),
    [("mixed_float16", "float32"), ("mixed_bfloat16", "mixed_bfloat16"), ("float32", "float32")],
)
def test_no_loss_is_unscaled_in_float16(
    name: str, precision: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESGN_CACHE_DIR", str(tmp_path))
    settings = VerificationSettings.smoke().but(precision=precision, seed=7)
    faces = np.zeros((2, 8, 8, 3), np.uint8)
    pairs = SimpleNamespace(
        images=faces, adversarial=faces, probe=np.array([0, 1]), reference=np.array([1, 0])
    )
    experiment = SimpleNamespace(
        settings=settings,
        devices=ONE,
        sets=SimpleNamespace(training=lambda epsilon: pairs),
        preparing=contextlib.nullcontext(),
    )
    asked = []

    def train(*arguments: object) -> Cleaner:
        asked.append(arguments[-3])
        return Cleaner("toy", lambda images, _: images)

    monkeypatch.setattr(cleaners, f"train_{name}", train)
    cleaners.make_cleaner(name, experiment, SimpleNamespace(folder=tmp_path), 0.03)
    assert [(config.precision, config.seed) for config in asked] == [(expected, 7)]
