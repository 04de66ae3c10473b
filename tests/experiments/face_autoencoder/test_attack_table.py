"""The rows that are measured in another way than the others, on a victim one can see through."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from attacks import equation_1
from experiments.face_autoencoder import attack_table
from experiments.face_autoencoder.attack_table import AttackTable, AttackTableSettings
from experiments.face_autoencoder.mofa_victim import Attacked, AttackedPairs, Victim
from mofa import code as codes
from tests.experiments.face_autoencoder.test_mofa_victim import ByAngle, encode, picture

TERMS = equation_1(codes.SLICES)


def pairs(blues: list[tuple[float, float]], people: list[tuple[int, int]]) -> AttackedPairs:
    """Sources and targets of this much blue, 180 degrees each, and whose they are."""
    ends = np.array(blues).T
    sources, targets = (np.stack([picture(0.0, blue) for blue in end]) for end in ends)
    first, second = np.array(people).T
    victim = Victim(encode, {"code": ByAngle()})
    found = AttackedPairs.of(victim, sources, targets)
    return AttackedPairs(
        victim,
        found.sources,
        found.targets,
        found.source_codes,
        found.target_codes,
        people=(first, second),
    )


def table(
    monkeypatch: pytest.MonkeyPatch, known: AttackedPairs, *rows: str, **changes: Any
) -> AttackTable:
    """A table of these pairs, of which twice as many are drawn where a row wants more."""
    monkeypatch.setattr(attack_table, "through_jpeg", lambda images: images)

    def other(images: tf.Tensor, training: bool) -> tf.Tensor:
        return encode(images[..., ::-1])  # red and blue exchanged

    experiment = SimpleNamespace(
        victim=known.victim,
        terms=TERMS,
        terms_of_all={**TERMS, "pose": TERMS["albedo"]},
        pairs=lambda count: known.part(np.arange(count) % len(known)),
        about=lambda pairs: "Some pairs.",
        files=SimpleNamespace(network=lambda path: other),
    )
    settings = AttackTableSettings.smoke().but(rows=rows, pairs=len(known), **changes)
    return AttackTable(experiment, settings)


def test_universal_counts_sources_that_are_told_apart_from_the_one_target(monkeypatch) -> None:
    # The second looks like the first target, the third is the same person in another light.
    known = pairs(
        [(0.0, 1.0), (0.9, 0.1), (0.0, 0.9), (0.1, 0.8)], [(0, 4), (1, 5), (4, 6), (3, 7)]
    )
    found = table(monkeypatch, known, "universal")
    # The first becomes the target, the last stays; what becomes of the others does not count.
    images = np.stack([picture(0.0, blue) for blue in (1.0, 1.0, 1.0, 0.1)])
    found._made["universal"] = Attacked(images, images)
    columns = found.row("universal").columns
    assert {cell.count for cell in columns.values()} == {2}
    assert columns["success"].value == 0.5
    assert columns["way"].value == pytest.approx(0.5, abs=1e-4)


def test_transfer_is_measured_through_the_other_encoder(monkeypatch) -> None:
    known = pairs([(0.0, 1.0)] * 4, [(0, 2), (0, 3), (1, 4), (1, 5)])
    found = table(monkeypatch, known, "transfer", transfer_encoder="other.h5")
    # Red alone turns the other encoder's embedding: there sources and targets are one person.
    images = np.stack([picture(red, 0.0) for red in (0.5, 0.5, 0.0, 0.0)])
    found._made["transfer"] = Attacked(images, images)
    cell, expected = (
        found.row("transfer").columns["source_similarity"],
        known.measured(np.array([0.0, 0.0, 1.0, 1.0])),
    )
    # The interval allows for the people that pairs share.
    assert (cell.value, cell.low, cell.high) == pytest.approx(
        (expected.value, expected.low, expected.high), abs=1e-4
    )


@pytest.mark.parametrize("row", ["universal", "transfer"])
def test_the_notes_say_what_is_different_for_a_row(monkeypatch, row: str) -> None:
    known = pairs([(0.0, 1.0), (0.0, 0.9)], [(0, 2), (1, 2)])
    assert table(monkeypatch, known, "mofa").about() == "Some pairs."
    about = table(monkeypatch, known, "mofa", row, transfer_encoder="other.h5").about()
    assert about.startswith(f"Some pairs. {row}: ")
