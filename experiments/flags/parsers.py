"""What the text of a flag may be: paths, and numbers of an interval."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Sequence
from typing import Any

from absl import flags


@dataclasses.dataclass(frozen=True)
class Interval:
    """Finite numbers between two ends.

    Attributes:
      text: as it is written, `(0, 1]` or `[0, inf)`: a square bracket where the end belongs to it.
    """

    text: str

    def __contains__(self, number: float) -> bool:
        low, high = (float(end) for end in self.text[1:-1].split(","))
        below = low <= number if self.text[0] == "[" else low < number
        above = number <= high if self.text[-1] == "]" else number < high
        return math.isfinite(number) and below and above

    def __str__(self) -> str:
        """What a number must do, for messages."""
        low, high = (end.strip() for end in self.text[1:-1].split(","))
        if high != "inf":
            return f"lie in {self.text}"
        if low == "-inf":
            return "be a finite number"
        return f"be {low} or more" if self.text[0] == "[" else f"be above {low}"


class NumberParser(flags.FloatParser):
    """A number of an interval; neither infinite nor NaN.

    Args:
      interval: where it must lie.
    """

    def __init__(self, interval: Interval) -> None:
        super().__init__()
        self._interval = interval

    def parse(self, argument: Any) -> float:
        """The number.

        Raises:
          ValueError: it is none, or outside.
        """
        return _number(argument, self._interval)


class NumbersParser(flags.ArgumentParser[list[float]]):
    """Numbers of an interval with commas between them, each once.

    Args:
      interval: where each must lie.
      empty: whether there may be none.
    """

    def __init__(self, interval: Interval, empty: bool = False) -> None:
        self._interval, self._empty = interval, empty

    def parse(self, argument: Any) -> list[float]:
        """The numbers.

        Raises:
          ValueError: one is none, outside, or there twice; or there are none.
        """
        numbers = [_number(text, self._interval) for text in _parts(argument)]
        if not numbers and not self._empty:
            raise ValueError("at least one number is needed")
        if len(set(numbers)) != len(numbers):
            raise ValueError("a number stands there twice")
        return numbers


class PathParser(flags.ArgumentParser[str]):
    """A path; `~` is the user's home, which a shell leaves as it is behind `=`."""

    def parse(self, argument: str) -> str:
        """The path.

        Raises:
          ValueError: it is empty, or the home of nobody known.
        """
        return _path(argument)


class PathsParser(flags.ArgumentParser[list[str]]):
    """Paths with commas between them."""

    def parse(self, argument: Any) -> list[str]:
        """The paths.

        Raises:
          ValueError: one is empty, or the home of nobody known.
        """
        return [_path(text) for text in _parts(argument)]


class NumbersSerializer(flags.ArgumentSerializer[Sequence[float]]):
    """Numbers as their parser reads them."""

    def serialize(self, value: Sequence[float]) -> str:
        """Their text."""
        return ",".join(f"{number:g}" for number in value)


def _parts(argument: str | Sequence[Any]) -> Sequence[Any]:
    """What stands between commas; a default is a list already."""
    return flags.ListParser().parse(argument) if isinstance(argument, str) else argument


def _number(argument: Any, interval: Interval) -> float:
    try:
        number = float(argument)
    except ValueError as error:
        raise ValueError(f"{argument!r} is no number") from error
    if number not in interval:
        raise ValueError(f"must {interval}")
    return number


def _path(argument: str) -> str:
    if not argument.strip():
        raise ValueError("names nothing; leave the flag out for its default")
    path = os.path.expanduser(argument)
    if path.startswith("~"):
        raise ValueError("no home folder is known; a file that is called so is ./~...")
    return path
