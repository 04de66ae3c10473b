"""Valid JSON, whatever was measured."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from experiments.running.json_files import as_text, read_kept, write_json
from experiments.running.results import Measurement, Row, csv_table, markdown_table
from experiments.running.run import Place, Run


def strictly(text: str) -> Any:
    """Read JSON as other readers do, which know neither Infinity nor NaN."""

    def refuse(name: str) -> NoReturn:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_numbers_that_json_does_not_have_are_null() -> None:
    data = {
        "a": [1.5, math.inf, (-math.inf, {"b": math.nan})],
        "c": np.float64(math.inf),
        "d": "NaN",
        "e": 3,
        "f": None,
    }
    assert strictly(as_text(data)) == {
        "a": [1.5, None, [None, {"b": None}]],
        "c": None,
        "d": "NaN",
        "e": 3,
        "f": None,
    }


def test_files_are_whole_and_valid(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": math.inf, "y": [1]})
    assert strictly((tmp_path / "a.json").read_text()) == {"x": None, "y": [1]}
    with pytest.raises(TypeError):
        write_json(tmp_path / "b.json", {"x": object()})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[]", b'{"y": 1}', b"null"])
def test_what_cannot_be_read_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "kept.json"

    def read(data: Any) -> int:
        return int(data["x"])

    assert read_kept(path, read) is None
    assert read_kept(path / "below", read) is None
    path.write_text('{"x": 3}')
    assert read_kept(path, read) == 3
    path.write_bytes(damage)
    assert read_kept(path, read) is None
    assert read_kept(path / "below", read) is None  # a file where a folder should be


def test_a_run_that_measured_nothing_finite_writes_valid_files(tmp_path: Path) -> None:
    run = Run("table1", {"limit": math.inf}, Place(tmp_path / "run"))
    row = Row("least", {"median": Measurement.bare(math.inf, 3), "mean": _mean_of_nan()})
    run.measured("least", lambda: row)
    run.log("least", 1, {"loss": math.nan})
    table = run.finish([row], "float32", "row", plain=("median", "mean"), fallen={"x": math.inf})
    assert "| least | none | none |" in table
    for path in (tmp_path / "run").rglob("*.json"):
        strictly(path.read_text())
    for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines():
        strictly(line)
    (stored,) = strictly((tmp_path / "run" / "result.json").read_text())["rows"]
    assert stored["median"]["value"] is None
    # A run that goes on reads it back and shows the same; its flags are the same ones.
    again = Run("table1", {"limit": math.inf}, Place(tmp_path / "run", resume=True))
    back = again.measured("least", lambda: pytest.fail("measured again"))
    assert markdown_table([back], "row", plain=("median", "mean")) == markdown_table(
        [row], "row", plain=("median", "mean")
    )
    assert csv_table([back]) == csv_table([row])
    assert "least,median,,,,3," in csv_table([row])


def _mean_of_nan() -> Measurement:
    return Measurement.mean(np.array([math.nan, 1.0]))
