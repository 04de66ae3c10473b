"""Thresholds as a file, and the scores that they belong to."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from detector.threshold_file import read_thresholds, write_thresholds
from weights.errors import InputError
from weights.made_for import Content

LIMITS = {"l1": 3.0, "js": 0.25}
GOES_WITH = {role: Content(16 * digit, f"{role}.h5") for role, digit in
             (("detector", "1"), ("encoder", "2"), ("identity_code", "3"))}  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_thresholds(tmp_path / "thresholds.json", LIMITS, 0.01, 2.0, GOES_WITH)
    return tmp_path / "thresholds.json"


def test_what_was_written_is_read(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    judge = read_thresholds(path, 2.0, GOES_WITH)
    assert judge.thresholds == LIMITS
    scores = {"l1": np.array([2.9, 3.0, 0.0]), "js": np.array([0.0, 0.0, 0.26])}
    assert judge.flags(scores).tolist() == [False, True, True]
    assert json.loads(path.read_text())["rate"] == 0.01
    assert judge.false_alarms is None
    write_thresholds(path, LIMITS, 0.01, 2.0, GOES_WITH, false_alarms=0.14)
    assert read_thresholds(path, 2.0, GOES_WITH).false_alarms == 0.14
    assert not caplog.records


@pytest.mark.parametrize("role", GOES_WITH)
def test_thresholds_of_other_scores_are_refused(
    path: Path, role: str, caplog: pytest.LogCaptureFixture
) -> None:
    used = GOES_WITH | {role: Content("f" * 16, "mine.h5")}
    with pytest.raises(InputError, match=rf"was made for the .* {role}\.h5, not for mine\.h5"):
        read_thresholds(path, 2.0, used)
    with caplog.at_level(logging.WARNING):
        assert read_thresholds(path, 2.0, used, allow_mismatch=True).thresholds == LIMITS
    assert len(caplog.records) == 1


def test_thresholds_of_another_temperature_are_refused(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InputError, match=r"of temperature 2, not of 1\. Give `temperature=2`"):
        read_thresholds(path, 1.0, GOES_WITH)
    with caplog.at_level(logging.WARNING):
        read_thresholds(path, 1.0, GOES_WITH, allow_mismatch=True)
    assert "not of 1" in caplog.text
    # Without the divergence there is no temperature.
    write_thresholds(path, {"l2": 1.0}, 0.01, 2.0, GOES_WITH)
    assert read_thresholds(path, 1.0, GOES_WITH).thresholds == {"l2": 1.0}


def test_a_file_of_before_goes_on_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = tmp_path / "thresholds.json"
    old.write_text(json.dumps({"rate": 0.01, "thresholds": LIMITS}))
    with caplog.at_level(logging.WARNING):
        assert read_thresholds(old, 1.0, GOES_WITH).thresholds == LIMITS
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "holds no thresholds"),
        ("[]", "holds no thresholds"),
        ('{"rate": 1}', "holds no thresholds"),
        ('{"thresholds": {"l1": "much"}}', "holds no thresholds"),
        ('{"thresholds": {"l1": 1.0}, "temperature": "warm"}', "holds no thresholds"),
        (f'{{"thresholds": {{"l1": 1{"0" * 400}}}}}', "holds no thresholds"),
        ('{"thresholds": {}}', "must name thresholds of l1"),
        ('{"thresholds": {"l3": 1.0}}', "must name thresholds of l1"),
        ('{"thresholds": {"l1": NaN}}', "is not finite"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_thresholds(tmp_path / "a.json")
    with pytest.raises(InputError, match="no such file"):
        read_thresholds(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("limits", "rate", "message"),
    [
        ({"l1": float("nan")}, 0.01, r"the threshold of l1 is not finite \(nan\)"),
        ({"l2": 1.0, "js": float("inf")}, 0.01, r"the threshold of js is not finite \(inf\)"),
        ({"l3": 1.0}, 0.01, "must name thresholds of l1"),
        ({}, 0.01, "must name thresholds of l1"),
        ({"l1": 1.0}, float("nan"), "not JSON compliant"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(
    tmp_path: Path, limits: dict[str, float], rate: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_thresholds(tmp_path / "a.json", limits, rate, 1.0, GOES_WITH)
    assert not list(tmp_path.iterdir())
