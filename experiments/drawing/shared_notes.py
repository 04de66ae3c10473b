"""Notes of tables that stand together: what several of them say is said once."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence

LONG = 50
"""Characters; a shorter sentence stays below its table, as short as a reference would be."""
_END = re.compile(r"(?<=\.) (?!\d)|(?<=;) (?=`)")


@dataclasses.dataclass(frozen=True)
class SharedNotes:
    """Sentences that stand below several tables.

    Attributes:
      shared: each once, in the order in which they come first.
    """

    shared: tuple[str, ...]

    @classmethod
    def of(cls, notes: Sequence[str]) -> SharedNotes:
        """Those of some tables' notes."""
        counts = Counter(each for note in notes for each in dict.fromkeys(sentences(note)))
        shared = (each for each, n in counts.items() if n > 1 and len(each) >= LONG)
        return cls(tuple(shared))

    def split(self, note: str) -> tuple[str, list[int]]:
        """What a note alone says, and the numbers, from 1, of what it shares with others."""
        own = [each for each in sentences(note) if each not in self.shared]
        numbers = {self.shared.index(each) + 1 for each in sentences(note) if each in self.shared}
        return " ".join(own), sorted(numbers)


def sentences(note: str) -> list[str]:
    """A note's sentences, in order; joined by spaces they are the note again."""
    return _END.split(note) if note else []
