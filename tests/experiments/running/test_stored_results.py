from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from experiments.running.result_ages import Age, Ages
from experiments.running.result_pages import brought_up_to_date, full_page, index, with_tables
from experiments.running.results import Measurement, Row
from experiments.running.stored_results import (
    FOLDER,
    StoredResult,
    duration,
    read_all,
    without_paths,
)
from weights.errors import InputError


def result(name: str = "toy") -> StoredResult:
    rate = Measurement.rate(np.array([True, True, True, False]), paper=0.9945)
    rows = (
        Row("joint", {"dodging": rate, "threshold": Measurement.bare(0.17, 4)}),
        Row("none", {"dodging": rate}, ("nothing was attacked",)),
    )
    return StoredResult(
        name,
        "table1",
        "python -m experiments.table1",
        "0123456789ab",
        3,
        125.4,
        "a processor, 2 cores",
        "mixed_bfloat16",
        "losses",
        "Notes.",
        ("threshold",),
        rows,
    )


def test_what_is_kept_comes_back_the_same(tmp_path: Path) -> None:
    assert read_all(result().write(tmp_path).parent) == {"toy": result()}


def test_a_table_says_where_it_comes_from() -> None:
    lines = result().markdown().splitlines()
    assert lines[0] == (
        "`python -m experiments.table1`, seed 3, mixed bfloat16, commit `0123456789ab`, "
        "2 min 5 s on a processor, 2 cores."
    )
    assert lines[2] == "| losses | dodging | threshold |"
    assert lines[4] == "| joint | 75.00 (30.06 to 95.44) [99.45] | 0.1700 |"
    assert lines[-1] == "(!) none: nothing was attacked"


def test_rows_and_columns_are_chosen() -> None:
    (row,) = result().chosen(["joint"], ["threshold"])
    assert row.name == "joint"
    assert list(row.columns) == ["threshold"]
    with pytest.raises(InputError, match="toy has no jumping"):
        result().chosen([], ["jumping"])


def test_columns_stand_in_the_order_that_was_chosen() -> None:
    kept = result()
    late = dataclasses.replace(kept, rows=kept.rows[::-1])
    for order in (["threshold", "dodging"], ["dodging", "threshold"]):
        heading = late.markdown((), order).splitlines()[2]
        assert heading == f"| losses | {' | '.join(order)} |"


def test_between_the_comments_stands_what_was_kept() -> None:
    page = "Before.\n<!-- result: toy; columns=dodging -->\nold | numbers\n<!-- end -->\nAfter.\n"
    once = with_tables(page, {"toy": result()})
    assert once.startswith("Before.\n<!-- result: toy; columns=dodging -->\n\n`python -m")
    assert once.endswith("<!-- end -->\nAfter.\n")
    assert "| joint | 75.00 (30.06 to 95.44) [99.45] |" in once
    assert "old" not in once
    assert "threshold" not in once
    assert with_tables(once, {"toy": result()}) == once
    with pytest.raises(InputError, match=r"docs/results/ has no toy; known are other\."):
        with_tables(page, {"other": result()})


def test_names_with_commas_stand_between_bars() -> None:
    kept = result()
    rows = (*kept.rows, dataclasses.replace(kept.rows[1], name="none,pgd"))
    kept = dataclasses.replace(kept, rows=rows)
    page = "<!-- result: toy; rows=joint|none,pgd -->\n<!-- end -->"
    lines = with_tables(page, {"toy": kept}).splitlines()
    assert [line.split(" | ")[0] for line in lines if "75.00" in line] == [
        "| joint",
        "| none,pgd (!)",
    ]


def test_paths_of_the_machine_stay_out() -> None:
    given = "python -m experiments.table1 --data_dir=/a/b,/c --rows=joint --output_dir=/x --resume"
    given += " --output=/y.json"
    assert without_paths(given) == "python -m experiments.table1 --data_dir=... --rows=joint"
    assert without_paths("python -m experiments.scan /a/b --nocalibrate") == (
        "python -m experiments.scan ... --nocalibrate"
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(41.6, "42 s"), (425, "7 min 5 s"), (7384, "2 h 3 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("text", ["", "[]", '{"experiment": "a"}'])
def test_a_damaged_result_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"result\.json is no result of a run"):
        StoredResult.read(path)


def test_a_name_that_is_no_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--name takes a to z.*'\.\./toy'"):
        result("../toy").write(tmp_path)


def test_every_page_holds_the_kept_numbers() -> None:
    pages = brought_up_to_date(read_all())
    late = [path.name for path, text in pages.items() if path.read_text("utf-8") != text]
    assert not late, "run `make results`"
    assert {"RESULTS.md", "README.md"} <= {path.name for path in pages}
    assert len(list(FOLDER.glob("*.md"))) == len(list(FOLDER.glob("*.json"))) + 1


def test_a_page_of_its_own_has_what_a_chosen_table_leaves_out() -> None:
    kept = result()
    page = "<!-- result: toy; columns=dodging -->\n<!-- end -->"
    short, whole = with_tables(page, {"toy": kept}), full_page(kept, Age())
    for left_out in (kept.notes, kept.device, "threshold"):
        assert left_out in whole
        assert left_out not in short
    assert "([all of it, and how](docs/results/toy.md))" in short
    assert "(results/toy.md)" in with_tables(page, {"toy": kept}, FOLDER.parent)
    assert "| [toy](toy.md) | `python -m" in index({"toy": kept}, Ages(None, {}))


def test_what_speaks_against_a_row_stays_beside_it() -> None:
    kept = result()
    warned = dataclasses.replace(kept.rows[0], findings=("its gradient is masked",))
    kept = dataclasses.replace(kept, rows=(warned, *kept.rows[1:]))
    page = with_tables("<!-- result: toy -->\n<!-- end -->", {"toy": kept})
    assert f"(!) {warned.name}: its gradient is masked" in page


def test_every_kept_result_names_a_commit_and_no_path() -> None:
    for path in FOLDER.glob("*.json"):
        data = json.loads(path.read_text("utf-8"))
        assert data["commit"], path
        assert "/" not in data["command"], path
