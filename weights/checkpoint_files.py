"""Which files a TensorFlow checkpoint consists of; TensorFlow itself is not needed to tell."""

from __future__ import annotations

import os
import re
from pathlib import Path

from weights import file_kinds
from weights.errors import InputError

_ENDING = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")


def checkpoint_prefix(path: str | os.PathLike[str]) -> Path:
    """The prefix that TensorFlow knows a checkpoint by; from what a user may give.

    Args:
      path: the prefix (`model-20170512-110547.ckpt-250000`), one of the files, or the folder that
        holds just one checkpoint.

    Raises:
      InputError: there is no checkpoint, or a folder holds several.
    """
    path = Path(path)
    if path.is_dir():
        prefixes = sorted({_ENDING.sub("", str(p)) for p in path.glob("*.index")})
        if not prefixes:
            raise InputError(
                f"{path}: {file_kinds.describe(path)}. A checkpoint of TensorFlow 1 "
                "(`*.index`) is needed."
            )
        if len(prefixes) > 1:
            names = ", ".join(Path(p).name for p in prefixes[:5])
            raise InputError(f"{path}: several checkpoints ({names}); give one of them.")
        return Path(prefixes[0])
    prefix = Path(_ENDING.sub("", str(path)))
    if not data_files(prefix):
        raise InputError(
            f"{path}: no such checkpoint; a file {prefix.name}.data-00000-of-00001 and a file "
            f"{prefix.name}.index belong together in {prefix.parent}."
        )
    return prefix


def is_prefix(path: Path) -> bool:
    """Whether a path that may be no file itself is what a checkpoint's files begin with."""
    return bool(path.name) and (Path(f"{path}.index").is_file() or bool(data_files(path)))


def data_files(prefix: Path) -> list[Path]:
    """The files that hold a checkpoint's numbers: several of version 2, one of version 1."""
    pieces = sorted(prefix.parent.glob(f"{_escape(prefix.name)}.data-?????-of-?????"))
    if pieces:
        return pieces if Path(f"{prefix}.index").is_file() else []
    return [prefix] if prefix.is_file() else []


def _escape(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)
