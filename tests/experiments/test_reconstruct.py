"""Names of the files that belong to one face."""

from __future__ import annotations

import itertools

import pytest

from experiments.face_autoencoder.reconstructed_faces import free_name


@pytest.mark.parametrize("stems", itertools.permutations(["face", "face", "face_2", "Face"]))
def test_no_two_faces_share_files(stems: tuple[str, ...]) -> None:
    names: list[str] = []
    for stem in stems:
        names.append(free_name(stem, names))
    assert len({name.lower() for name in names}) == len(names)


def test_the_first_keeps_its_name() -> None:
    assert free_name("face", []) == "face"
    assert free_name("face", ["face_2"]) == "face"
    assert free_name("face", ["face", "face_2"]) == "face_3"
    assert free_name("face_2", ["face", "face_2"]) == "face_2_2"
    assert free_name("panel", []) == "panel_2"  # panel.png shows all faces
