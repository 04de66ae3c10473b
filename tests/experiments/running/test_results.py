from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from experiments.running.results import Measurement, Row, csv_table, markdown_table, wilson_interval


def test_wilson_interval_by_hand() -> None:
    # 8 of 10, z = 1.96: z^2 = 3.8415; centre (0.8 + 0.19207) / 1.38415 = 0.71674; half
    # 1.96 * sqrt(0.016 + 0.0096036) / 1.38415 = 0.22657.
    low, high = wilson_interval(8, 10)
    assert low == pytest.approx(0.4902, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)


@pytest.mark.parametrize("hits", [0, 1, 7, 10])
def test_wilson_interval_solves_its_quadratic(hits: int) -> None:
    # Its ends are where |p - rate| equals z standard errors *of p*.
    z = 1.959963984540054
    for end in wilson_interval(hits, 10):
        assert (end - hits / 10) ** 2 == pytest.approx(z**2 * end * (1 - end) / 10, abs=1e-12)


@pytest.mark.parametrize(("hits", "count"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_interval_refuses_what_is_no_rate(hits: int, count: int) -> None:
    with pytest.raises(ValueError, match="hits must lie in"):
        wilson_interval(hits, count)


def rows() -> list[Row]:
    rate = Measurement.rate(np.array([True, True, True, False]), paper=0.9945)
    return [Row("joint", {"dodging": rate, "threshold": Measurement.bare(0.17, 4)})]


def test_table_shows_percent_interval_and_paper() -> None:
    lines = markdown_table(rows(), "losses", "Notes.", plain=("threshold",)).splitlines()
    assert lines[0] == "| losses | dodging | threshold |"
    assert lines[2] == "| joint | 75.00 (30.06 to 95.44) [99.45] | 0.1700 |"
    assert lines[-1] == "Notes."


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.17, "0.1700"), (-9.99994, "-9.9999"), (38.3988, "38.4"), (1415, "1415.0")],
)
def test_numbers_that_are_no_rates_have_as_many_digits_as_are_read(
    value: float, shown: str
) -> None:
    assert Measurement.bare(value, 1).texts(plain=True)[0] == shown


def test_csv_holds_every_number() -> None:
    table = list(csv.DictReader(io.StringIO(csv_table(rows()))))
    assert table[0]["value"] == "0.75"
    assert table[0]["count"] == "4"
    assert table[0]["paper"] == "0.9945"
    assert table[1]["column"] == "threshold"


def test_json_comes_back_the_same() -> None:
    (row,) = rows()
    assert Row.from_json(row.as_json()) == row
    assert set(row.as_json()["dodging"]) == {"value", "low", "high", "count", "paper"}


def test_findings_mark_their_row_and_stand_below() -> None:
    (trusted,) = rows()
    doubtful = Row("jpeg", trusted.columns, ("zero_gradients: all of them.",))
    lines = markdown_table([trusted, doubtful], "losses", "Notes.", ("threshold",)).splitlines()
    assert lines[2].startswith("| joint |")
    assert lines[3].startswith("| jpeg (!) |")
    assert lines[-3:] == ["Notes.", "", "(!) jpeg: zero_gradients: all of them."]
    assert Row.from_json(doubtful.as_json()) == doubtful
    assert "findings" not in trusted.as_json()
