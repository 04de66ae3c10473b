from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import rendering
from experiments.flags import groups
from experiments.running.result_pages import with_tables
from experiments.running.results import Measurement, Row
from experiments.running.stored_results import StoredResult

TINY = {"triangles": 40, "size": 16, "batch": 2}


@pytest.fixture
def flags_parsed() -> Iterator[None]:
    with groups.parsed([rendering.FLAGS], []):
        yield


@pytest.mark.usefixtures("flags_parsed")
def test_a_case_is_a_row() -> None:
    (row,) = rendering.run_case(json.dumps(TINY), repeats=3)
    assert row.name == "42 triangles at 16x16 in batches of 2"
    assert {name: m.count for name, m in row.columns.items()} == {
        "forward_ms": 3,
        "forward_processor_ms": 3,
        "gradient_ms": 3,
        "gradient_processor_ms": 3,
        "memory_mb": 1,
    }
    assert Row.from_json(json.loads(json.dumps(row.as_json()))) == row


@pytest.mark.usefixtures("flags_parsed")
def test_ratios_are_to_the_plain_rasteriser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "BESIDE_PLAIN", TINY)
    ours, plain = rendering.run_case("plain", repeats=1)
    assert ours.name == "42 triangles at 16x16 beside the plain rasteriser"
    assert plain.name == "plain rasteriser"
    assert set(plain.columns) == {"forward_ms", "gradient_ms"}
    for name in ("forward", "gradient"):
        time, other = ours.columns[f"{name}_ms"], plain.columns[f"{name}_ms"]
        assert time.count == other.count == 3
        assert ours.columns[f"{name}_ratio"].value == time.value / other.value


def test_times_are_of_one_image() -> None:
    time = rendering._an_image([0.02, 0.01, 0.04, 0.03, 0.05], batch=10)
    assert (time.low, time.value, time.high) == pytest.approx((2.0, 3.0, 4.0))


def test_the_result_is_one_of_the_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def measured(case: str) -> list[Row]:
        asked.append(case)
        time = Measurement(4.25, 4.0, 4.5, 9)
        if case == "vgg":
            ratio = Measurement.bare(0.04, 9)
            return [
                Row("face model beside VGG-19", {"gradient_ms": time, "gradient_ratio": ratio}),
                Row("VGG-19", {"forward_ms": time}),
            ]
        return [Row(case, {"forward_ms": time})]

    monkeypatch.setattr(rendering, "_in_a_process", measured)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)
    output = tmp_path / "result.json"
    given = ["rendering", f"--output={output}", "--repeats=9"]
    monkeypatch.setattr(sys, "argv", given)
    with groups.parsed([rendering.FLAGS], given[1:]) as rest:
        rendering.main(rest)
    assert asked == [*map(json.dumps, rendering.CASES), "vgg", "plain"]

    kept = StoredResult.read(output, "toy")
    assert kept.command == "rendering --repeats=9"
    assert len(kept.rows) == len(rendering.CASES) + 3
    page = "<!-- result: toy; rows=face model beside VGG-19,VGG-19 -->\n<!-- end -->"
    lines = with_tables(page, {"toy": kept}).splitlines()
    assert "| mesh | gradient_ms | gradient_ratio | forward_ms |" in lines
    assert "| face model beside VGG-19 | 4.2500 (4.0000 to 4.5000) | 0.0400 |  |" in lines
