"""Two runs that start at the same moment and share one empty cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.experiments.command import assert_both_end_well, result, start

pytestmark = pytest.mark.faults


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("table1", ("--preset=smoke", "--rows=joint,none")),
        ("train_mofa", ("--preset=smoke",)),
    ],
)
def test_both_end_with_the_same_numbers(
    module: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    both = [start(module, *arguments, f"--output_dir={f}", cache=tmp_path) for f in folders]
    assert_both_end_well(both)
    assert result(folders[0])["rows"] == result(folders[1])["rows"]
    assert not list(tmp_path.rglob("*.tmp*"))


def test_two_in_one_folder(tmp_path: Path) -> None:
    """Nobody's result is mixed with the other's: both have the same flags, so both are right."""
    both = [
        start("verification", "--dataset=orl", f"--output_dir={tmp_path}/run", cache=tmp_path)
        for _ in range(2)
    ]
    codes = []
    for process in both:
        _, error = process.communicate(timeout=900)
        assert "Traceback" not in error
        codes.append(process.returncode)
    assert 0 in codes
    assert len(result(tmp_path / "run")["rows"]) == 1
