"""Data sets of faces by name."""

from __future__ import annotations

import dataclasses
import os

from resgn.faces.celeba import load_celeba
from resgn.faces.dataset import FaceDataset
from resgn.faces.folder import load_folder
from resgn.faces.lfw import load_lfw
from resgn.faces.orl import load_orl
from weights.errors import InputError

DATASETS = ("orl", "lfw", "celeba", "folder")
"""Names that `load_dataset` knows."""


def load_dataset(
    name: str, data_dir: str | os.PathLike[str] | None = None, skip_damaged: bool = False
) -> FaceDataset:
    """List a data set.

    Args:
      name: `orl` (no `data_dir`), `lfw`, `celeba` or `folder`.
      data_dir: where the data set is.
      skip_damaged: leave out photographs that cannot be read; otherwise they are an error once
        they are needed.

    Returns:
      Its files and people, in the same order on every machine.

    Raises:
      InputError: `name` is unknown, `data_dir` is not given where one is needed, or is missing,
        empty, or of another layout.
    """
    if name not in DATASETS:
        raise InputError(f"No data set is called {name!r}; there are {', '.join(DATASETS)}.")
    if name == "orl":
        return load_orl()
    if data_dir is None or not str(data_dir):
        raise InputError(f"The data set {name} needs `data_dir`, the folder where it is.")
    dataset = {"lfw": load_lfw, "celeba": load_celeba, "folder": load_folder}[name](data_dir)
    return dataclasses.replace(dataset, skip_damaged=skip_damaged)
