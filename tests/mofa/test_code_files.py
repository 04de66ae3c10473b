"""Reading codes, and what happens to damaged files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mofa.code_files import read_codes
from weights.errors import InputError


def test_code_files(tmp_path):
    code = np.arange(257, dtype=np.float32)
    np.save(tmp_path / "one.npy", code)
    (tmp_path / "one.json").write_text(json.dumps(code.tolist()))
    np.savetxt(tmp_path / "one.csv", code[None], delimiter=",")
    for name in ("one.npy", "one.json", "one.csv"):
        np.testing.assert_allclose(read_codes(tmp_path / name), code[None])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", b"nothing", "could not be read as codes"),
        ("a.json", b'{"a": 1}', "could not be read as codes"),
        ("a.json", b"[1, 2, 3]", r"has shape \(1, 3\)"),
        ("a.txt", b"one two", "could not be read as codes"),
        ("a.txt", b"nan " * 257, "not finite"),
    ],
)
def test_bad_code_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_codes(tmp_path / name)


def test_missing_code_file(tmp_path):
    with pytest.raises(InputError, match="could not be read as codes"):
        read_codes(tmp_path / "absent.npy")
