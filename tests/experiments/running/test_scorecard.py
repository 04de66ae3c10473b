"""The claims of both papers: every verdict is checked against its number."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from experiments.running.result_pages import ROOT, with_scorecard
from experiments.running.results import Measurement
from experiments.running.scorecard import CLAIMS, Claim, agreement, markdown, read_claims, tables
from tests.experiments.running.test_stored_results import result
from weights.errors import InputError

# result() has 75.00 (30.06 to 95.44) against the paper's 99.45.
CLAIM = Claim("resgn", "cleans", "toy", "joint", "dodging", "at_least", verdict="no", why="Small.")


@pytest.mark.parametrize(
    ("low", "value", "high", "paper", "at_least", "near"),
    [
        (0.90, 0.95, 0.98, 0.97, True, True),
        (0.90, 0.95, 0.98, 0.99, False, False),
        (0.90, 0.95, 0.98, 0.80, True, False),
        (None, 0.95, None, 0.95, True, True),
        (None, 0.95, None, 0.96, False, False),
        (0.90, 0.95, 0.98, None, None, None),
    ],
)
def test_a_number_agrees_when_its_interval_reaches_the_papers(
    low: float | None,
    value: float,
    high: float | None,
    paper: float | None,
    at_least: bool | None,
    near: bool | None,
) -> None:
    number = Measurement(value, low, high, 10, paper)
    assert agreement(number, "at_least") is at_least
    assert agreement(number, "near") is near
    assert agreement(number, "none") is None


def drawn(claim: Claim) -> str:
    return markdown(tables([claim], {"toy": result()}))


def test_a_table_draws_every_number_from_the_result() -> None:
    lines = drawn(CLAIM).splitlines()
    assert lines[0] == "**ResGN (Su et al. 2019)**"
    assert lines[-1] == "| cleans | 99.45 | 75.00 (30.06 to 95.44) | 4 | **no** | Small. |"
    linked = drawn(dataclasses.replace(CLAIM, link="there", here="by far"))
    assert "| [cleans](#there) | 99.45 | 75.00 (30.06 to 95.44) by far |" in linked


def test_a_verdict_that_its_number_does_not_bear_is_refused() -> None:
    with pytest.raises(InputError, match=r"'yes', but 0.7500 .* says no"):
        drawn(dataclasses.replace(CLAIM, verdict="yes"))
    drawn(dataclasses.replace(CLAIM, verdict="shape only"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"result": "gone"}, "no result gone"),
        ({"row": "gone"}, "toy has no gone"),
        ({"column": "gone"}, "toy has no gone"),
        ({"row": "none", "column": "threshold"}, "row none has no threshold"),
    ],
)
def test_a_number_that_is_not_there(change: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        drawn(dataclasses.replace(CLAIM, **change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"part": "else"}, "part is one of resgn, mofa, beyond"),
        ({"compare": "far"}, "compare is one of"),
        ({"verdict": "maybe"}, "verdict is one of yes"),
        ({"verdict": "not tested"}, "not tested, yet it has a result"),
    ],
)
def test_a_claim_out_of_place(change: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        dataclasses.replace(CLAIM, **change)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scorecard.json"
    with pytest.raises(InputError, match="No such file"):
        read_claims(path)
    for text in ("{", json.dumps([{"claim": "x", "part": "resgn", "more": 1}]), "[1]"):
        path.write_text(text)
        with pytest.raises(InputError, match="is no list of claims"):
            read_claims(path)


def test_the_pages_show_the_claims_as_they_are_and_every_link_leads_somewhere() -> None:
    for name in ("RESULTS.md", "README.md"):
        page = (ROOT / name).read_text("utf-8")
        assert page == with_scorecard(page, tables(), ROOT / name), "run `make results`"
    page = (ROOT / "RESULTS.md").read_text("utf-8")
    claims = read_claims()
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
    assert {claim.link for claim in claims if claim.link} <= slugs
    assert {claim.part for claim in claims} == {"resgn", "mofa", "beyond"}
    assert CLAIMS.name in page


def test_a_page_shows_the_part_that_it_names() -> None:
    chosen = dataclasses.replace(CLAIM, claim="chosen", link="there", chosen=True)
    claims = tables([CLAIM, chosen, dataclasses.replace(CLAIM, part="mofa")], {"toy": result()})
    readme = ROOT / "README.md"

    def shown(what: str) -> list[str]:
        page = with_scorecard(f"<!-- scorecard{what} -->\n<!-- end -->", claims, readme)
        assert page.startswith(f"<!-- scorecard{what} -->\n\n")
        return [line.split(" | ")[0] for line in page.splitlines() if "75.00" in line]

    assert shown("") == ["| cleans", "| [chosen](RESULTS.md#there)", "| cleans"]
    assert shown(": mofa") == ["| cleans"]
    assert shown(": chosen") == ["| [chosen](RESULTS.md#there)"]
    with pytest.raises(InputError, match=r"has no part other: resgn, mofa, beyond, chosen"):
        shown(": other")
