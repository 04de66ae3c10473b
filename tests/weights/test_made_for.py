"""Files that belong together know each other by content."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from weights import made_for
from weights.errors import InputError
from weights.made_for import Content, attributes, check, content, entry, read


def h5(path: Path, number: float = 1.0, **attrs: object) -> Path:
    with h5py.File(path, "w") as file:
        file["layer/kernel"] = np.full([3, 4], number)
        file["layer/name"] = "variable length"
        file["empty"] = np.zeros([0, 3])
        file.attrs["network"] = np.bytes_(b"toy")
        for name, value in attrs.items():
            file.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value
    return path


def test_content_is_what_a_file_holds(tmp_path):
    first = content(h5(tmp_path / "a.h5"))
    assert re.fullmatch("[0-9a-f]{16}", first.digest)
    assert first.name == "a.h5"
    assert content(h5(tmp_path / "b.h5")).digest == first.digest
    assert content(h5(tmp_path / "c.h5", 2.0)).digest != first.digest
    assert content(h5(tmp_path / "d.h5", width=0.5)).digest != first.digest
    with h5py.File(h5(tmp_path / "e.h5"), "r+") as file:
        file["layer"].attrs["more"] = 1
    assert content(tmp_path / "e.h5").digest != first.digest
    with h5py.File(h5(tmp_path / "f.h5"), "r+") as file:
        file.move("layer/kernel", "layer/bias")
    assert content(tmp_path / "f.h5").digest != first.digest


def test_a_stamp_changes_no_content(tmp_path):
    path = h5(tmp_path / "a.h5")
    before = content(path)
    stamp = attributes({"encoder": Content("0" * 16, "e.h5")})
    with h5py.File(path, "r+") as file:
        for name, text in stamp.items():
            file.attrs[name] = np.bytes_(text.encode())
    assert content(path) == before
    assert read(path) == {"encoder": Content("0" * 16, "e.h5")}


def test_large_numbers_are_read_in_blocks(tmp_path, monkeypatch):
    rows = np.arange(4000.0).reshape(100, 40)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["rows"] = rows
        file["one"] = 3.0
    whole = content(tmp_path / "a.h5")
    monkeypatch.setattr(made_for, "_BLOCK", 999)
    assert content(tmp_path / "a.h5") == whole
    rows[-1, -1] += 1.0
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["rows"][...] = rows
    assert content(tmp_path / "a.h5") != whole


def test_content_of_other_files_and_folders(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "x.obj").write_text("v 0 0 0")
    folder = content(tmp_path / "m")
    assert content(tmp_path / "m" / "x.obj").digest != folder.digest
    (tmp_path / "m" / "x.obj").rename(tmp_path / "m" / "y.obj")
    assert content(tmp_path / "m") != folder
    (tmp_path / "a.mat").write_bytes(b"abc")
    # The published test vector of SHA-256.
    assert content(tmp_path / "a.mat").digest == "ba7816bf8f01cfea"
    assert content(tmp_path / "a.mat", tmp_path / "m" / "y.obj").digest != "ba7816bf8f01cfea"


@pytest.fixture
def encoder(tmp_path):
    return h5(tmp_path / "encoder.h5", 3.0)


def test_a_file_goes_with_what_it_was_made_for(tmp_path, encoder, caplog):
    stamp = attributes({"encoder": content(encoder)})
    path = h5(tmp_path / "classifier.h5", **stamp)
    with caplog.at_level(logging.WARNING):
        check(path, {"encoder": encoder})
        check(path, {"encoder": encoder.rename(tmp_path / "renamed.h5")})
    assert not caplog.records


def test_another_file_is_refused_and_the_fitting_one_named(tmp_path, encoder, caplog):
    other = h5(tmp_path / "other.h5", 4.0)
    path = h5(tmp_path / "classifier.h5", **attributes({"encoder": content(encoder)}))
    fits = h5(tmp_path / "fits.h5", **attributes({"encoder": content(other)}))
    says_nothing = h5(tmp_path / "old.h5")
    absent = tmp_path / "absent.h5"
    with pytest.raises(InputError) as problem:
        check(path, {"encoder": other}, others=[path, fits, says_nothing, absent])
    assert str(problem.value) == (
        "classifier.h5 was made for the encoder encoder.h5, not for other.h5, with which fits.h5 "
        "goes. Give files that belong together, or `allow_mismatch` to go on all the same."
    )
    with caplog.at_level(logging.WARNING):
        check(path, {"encoder": other}, allow_mismatch=True)
    assert len(caplog.records) == 1
    assert "not for other.h5" in caplog.text


def test_files_of_one_name_are_told_apart_by_their_hash(tmp_path, encoder):
    path = h5(tmp_path / "classifier.h5", **attributes({"encoder": content(encoder)}))
    before = content(encoder).digest
    after = content(h5(encoder, 5.0)).digest
    with pytest.raises(InputError, match=rf"encoder.h5 \({before}\), not for .* \({after}\)\."):
        check(path, {"encoder": encoder})


@pytest.mark.parametrize("stamp", [{}, {"made_for_encoder": "of a later project"}])
def test_a_file_that_does_not_say_goes_on_with_one_warning(tmp_path, encoder, caplog, stamp):
    path = h5(tmp_path / "classifier.h5", **stamp)
    with caplog.at_level(logging.WARNING):
        check(path, {"encoder": encoder, "detector": encoder})
    assert len(caplog.records) == 1
    assert "does not say which encoder and detector it was made for" in caplog.text


def test_json_says_it_under_a_key(tmp_path, encoder):
    path = tmp_path / "thresholds.json"
    path.write_text(json.dumps({"rate": 0.01} | entry({"detector": content(encoder)})))
    check(path, {"detector": encoder})
    with pytest.raises(InputError, match=r"thresholds.json was made for the detector encoder.h5"):
        check(path, {"detector": h5(tmp_path / "b.h5", 9.0)})
    path.write_text(json.dumps({"rate": 0.01}))
    assert read(path) == {}
    for text in ("[]", "{", '"x"'):
        path.write_text(text)
        with pytest.raises(InputError, match="cannot be read"):
            read(path)


def test_roles_are_those_that_are_known():
    with pytest.raises(ValueError, match=r"made_for knows face_model, .*got 'decoder'"):
        attributes({"decoder": Content("0" * 16, "x")})
    assert Content.parse(str(Content("0" * 16, "a file.h5"))) == Content("0" * 16, "a file.h5")
    for text in ("", "0" * 16, "0" * 15 + " x", "g" * 16 + " x"):
        assert Content.parse(text) is None
