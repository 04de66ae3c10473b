"""What both papers claim, and what became of it here: the one screen above all tables.

`docs/scorecard.json` holds the claims. Whatever is a number is read from `docs/results/`; a
verdict on a number is checked against its interval, so that none can outlive what it rests on.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.running.results import Measurement
from experiments.running.stored_results import FOLDER, StoredResult, read_all
from weights.errors import InputError

CLAIMS = FOLDER.parent / "scorecard.json"

PARTS = {
    "resgn": "ResGN (Su et al. 2019)",
    "mofa": "The attack on MoFA (Teng 2021)",
    "beyond": "Beyond both papers",
}
VERDICTS = ("yes", "shape only", "no", "not tested")
"""`shape only`: the same order or course as in the paper, other numbers."""
COMPARISONS = ("at_least", "near", "none")
"""When a number agrees with the paper's: its interval reaches up to it; holds it; or it does not
matter, because the claim is about an order or a course."""

HEADINGS = ("claim", "paper", "here", "n", "verdict", "why, on what")


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim and its verdict.

    Attributes:
      part: of `PARTS`.
      claim: in a sentence.
      result: of `docs/results/`; None for what was not measured.
      row: of the result.
      column: of the result.
      compare: of `COMPARISONS`.
      paper: what the paper has, in words, where the result does not hold its number.
      here: what is here, in words, where it is no single number.
      verdict: of `VERDICTS`; empty where the paper claims nothing.
      why: a sentence on the difference, or on what it was measured.
      link: the section of RESULTS.md.
      chosen: whether a page that has room for few lines shows it.
    """

    part: str
    claim: str
    result: str | None = None
    row: str = ""
    column: str = ""
    compare: str = "none"
    paper: str = ""
    here: str = ""
    verdict: str = ""
    why: str = ""
    link: str = ""
    chosen: bool = False

    def __post_init__(self) -> None:
        for name, value, known in (
            ("part", self.part, tuple(PARTS)),
            ("compare", self.compare, COMPARISONS),
            ("verdict", self.verdict, (*VERDICTS, "")),
        ):
            if value not in known:
                raise InputError(
                    f"{CLAIMS.name}, {self.claim!r}: {name} is one of {', '.join(known)}, not "
                    f"{value!r}."
                )
        if self.verdict == "not tested" and self.result:
            raise InputError(f"{CLAIMS.name}, {self.claim!r}: not tested, yet it has a result.")

    def measured(self, results: Mapping[str, StoredResult]) -> tuple[Measurement, bool] | None:
        """The number, and whether it is no rate; None where the claim has none.

        Raises:
          InputError: there is no such number.
        """
        if self.result is None or not self.row:
            return None
        if self.result not in results:
            raise InputError(f"{CLAIMS.name}, {self.claim!r}: no result {self.result}.")
        result = results[self.result]
        (row,) = result.chosen([self.row], [self.column])
        if self.column not in row.columns:
            raise InputError(f"{self.result}: row {self.row} has no {self.column}.")
        return row.columns[self.column], self.column in result.plain

    def check(self, number: Measurement) -> None:
        """Refuse a verdict that the number does not bear.

        Raises:
          InputError: "yes" where it falls short, or "no" where it does not.
        """
        agrees = agreement(number, self.compare)
        if agrees is None or self.verdict not in ("yes", "no"):
            return
        if agrees != (self.verdict == "yes"):
            raise InputError(
                f"{CLAIMS.name}, {self.claim!r}: the verdict is {self.verdict!r}, but "
                f"{number.value:.4f} ({number.low} to {number.high}) against the paper's "
                f"{number.paper} says {'yes' if agrees else 'no'}."
            )

    def cells(self, results: Mapping[str, StoredResult]) -> dict[str, str]:
        """What a table shows, by `HEADINGS`.

        Raises:
          InputError: a number is missing, or the verdict does not fit it.
        """
        paper, here, count = self.paper, self.here, ""
        found = self.measured(results)
        if found is not None:
            number, plain = found
            self.check(number)
            value, interval, of_paper = number.texts(plain)
            paper = paper or of_paper
            here = " ".join(filter(None, (value, interval and f"({interval})", here)))
            count = str(number.count)
        values = (self.claim, paper, here, count, self.verdict, self.why)
        return dict(zip(HEADINGS, values, strict=True))


def agreement(number: Measurement, compare: str) -> bool | None:
    """Whether a number agrees with the paper's; None where that cannot be said.

    Args:
      number: with its interval; without one, the value stands for both ends.
      compare: of `COMPARISONS`.
    """
    if compare == "none" or number.paper is None:
        return None
    low = number.value if number.low is None else number.low
    high = number.value if number.high is None else number.high
    return high >= number.paper and (compare == "at_least" or low <= number.paper)


def read_claims(path: Path = CLAIMS) -> list[Claim]:
    """The claims, in the order of the file.

    Raises:
      InputError: the file is missing, damaged, or has an unknown field.
    """
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
        return [Claim(**entry) for entry in entries]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}.") from error
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} is no list of claims: {error}.") from error


@dataclasses.dataclass(frozen=True)
class Table:
    """The claims of one part.

    Attributes:
      part: of `PARTS`.
      claims: what is claimed.
      rows: for each claim its cells, by `HEADINGS`.
    """

    part: str
    claims: tuple[Claim, ...]
    rows: tuple[dict[str, str], ...]

    @property
    def heading(self) -> str:
        """Of the part."""
        return PARTS[self.part]

    @property
    def links(self) -> tuple[str, ...]:
        """For each claim the section of RESULTS.md, or nothing."""
        return tuple(claim.link for claim in self.claims)

    def of(self, chosen: Sequence[Claim]) -> Table:
        """The same with some of the claims."""
        kept = [(c, row) for c, row in zip(self.claims, self.rows, strict=True) if c in chosen]
        return Table(self.part, tuple(c for c, _ in kept), tuple(row for _, row in kept))


def tables(
    claims: Sequence[Claim] | None = None, results: Mapping[str, StoredResult] | None = None
) -> list[Table]:
    """A table for each part that has claims.

    Args:
      claims: those of `docs/scorecard.json` by default.
      results: those of `docs/results/` by default.

    Raises:
      InputError: a number is missing, or a verdict does not fit it.
    """
    claims = read_claims() if claims is None else claims
    results = read_all() if results is None else results
    drawn = []
    for part in PARTS:
        chosen = tuple(claim for claim in claims if claim.part == part)
        drawn.append(Table(part, chosen, tuple(claim.cells(results) for claim in chosen)))
    return [table for table in drawn if table.rows]


def of_part(drawn: Sequence[Table], part: str | None) -> list[Table]:
    """Those of one part, those that are chosen, or all.

    Args:
      drawn: all tables.
      part: of `PARTS`, `chosen`, or None for all.

    Raises:
      InputError: there is no such part.
    """
    if part is None:
        return list(drawn)
    if part == "chosen":
        few = [table.of([claim for claim in table.claims if claim.chosen]) for table in drawn]
        return [table for table in few if table.rows]
    if part not in PARTS:
        raise InputError(f"The scorecard has no part {part}: {', '.join(PARTS)}, chosen.")
    return [table for table in drawn if table.part == part]


def markdown(drawn: Sequence[Table], page: str = "") -> str:
    """The tables, with links into RESULTS.md.

    Args:
      drawn: which.
      page: that page as seen from where the tables stand; empty on itself.
    """
    parts = []
    for table in drawn:
        lines = [f"**{table.heading}**", "", _line(HEADINGS), _line(["---"] * len(HEADINGS))]
        for row, link in zip(table.rows, table.links, strict=True):
            claim, verdict = row["claim"], row["verdict"]
            lines.append(
                _line(
                    {
                        **row,
                        "claim": f"[{claim}]({page}#{link})" if link else claim,
                        "verdict": verdict and f"**{verdict}**",
                    }.values()
                )
            )
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
