from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from experiments.report import LARGE, Section, inline, page, run_sections
from experiments.running.results import Measurement, Row
from experiments.running.scorecard import Claim, tables
from experiments.running.stored_results import StoredResult
from tests.experiments.running.test_stored_results import result


def test_page_shows_numbers_intervals_and_the_papers() -> None:
    text = page([Section("A title", result())])
    assert "<h2>A title</h2>" in text
    assert re.search(r'<td data-value="0.75">75.00<small>30.06 to 95.44</small>', text)
    assert '<small class="paper">paper 99.45</small>' in text
    assert ">0.1700<" in text  # no rate
    assert "none: nothing was attacked" in text
    assert text.count("<tr>") == 3


def test_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros([4, 4, 3], np.uint8))
    text = page([Section("A title", result(), (tmp_path / "a.png",))])
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert "http" not in text


def test_page_begins_with_the_claims() -> None:
    claim = Claim("resgn", "cleans <", "toy", "joint", "dodging", verdict="shape only", link="x")
    text = page([Section("A title", result())], tables([claim], {"toy": result()}))
    assert text.index("Do the papers hold?") < text.index("<nav>")
    assert "<td>cleans &lt;</td><td>99.45</td><td>75.00 (30.06 to 95.44)</td>" in text
    assert '<td class="n">4</td><td class="shape">shape only</td>' in text
    assert "Do the papers hold?" not in page([Section("A title", result())])


def test_page_escapes_what_it_is_given() -> None:
    row = Row("<script>", {"a&b": Measurement.bare(1.0, 1)})
    hostile = StoredResult("x", "e", "c <b>", None, 0, 1.0, "d", "float32", "", "<i>", (), (row,))
    text = page([Section("<h1>", hostile)])
    assert "&lt;script&gt;" in text
    assert "a&amp;b" in text
    assert "<i>" not in text
    assert "c <b>" not in text


def test_large_figures_become_smaller(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, [700, 2400, 3], np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), noise)
    assert (tmp_path / "a.png").stat().st_size > LARGE
    source = inline(tmp_path / "a.png")
    assert source.startswith("data:image/jpeg;base64,")
    assert len(source) < (tmp_path / "a.png").stat().st_size


def test_a_run_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    result().write(tmp_path / "table1" / "first")
    (tmp_path / "table1" / "first" / "toy.json").rename(tmp_path / "table1/first/result.json")
    (tmp_path / "table1" / "second").mkdir()
    (tmp_path / "table1" / "second" / "result.json").write_text("{")
    (section,) = run_sections(tmp_path)
    assert section.title == "ResGN, Table 1 (table1/first)"
