"""Which weight files the project knows, which of them are here, and how to get the others.

Run it with

    python -m experiments.weights

It looks into the project's own folder for weights (`~/.cache/resgn/weights`), into the caches of
Keras, deepface and PyTorch, and into `--weights_dir`. It takes a second or two, reads every file
that it can verify by a hash, and downloads nothing. `--network=facenet` lists FaceNet's alone.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from experiments.flags import command_line, weight_flags
from experiments.flags.groups import FlagGroup
from weights import folders, registry
from weights.errors import InputError

FLAGS = FlagGroup(weight_flags.FLAGS)

_WEIGHTS_DIR = FLAGS.path("weights_dir", None, "A folder to look into before the usual ones.")


_STATES = {True: "verified", False: "DIFFERS", None: "found"}


def main(arguments: list[str]) -> None:
    """Print the table."""
    del arguments
    if _WEIGHTS_DIR.value is not None and not Path(_WEIGHTS_DIR.value).is_dir():
        raise InputError(f"--weights_dir={_WEIGHTS_DIR.value}: no such folder.")
    print(table(weight_flags.NETWORK.value, _WEIGHTS_DIR.value))


def table(network: str | None = None, weights_dir: str | None = None) -> str:
    """The table and, below it, how to get what is missing.

    Args:
      network: only the files of this network.
      weights_dir: a folder to look into before the usual ones.
    """
    chosen = [known for known in registry.KNOWN if network in (None, known.network)]
    rows = [("network", "file", "state", "where")]
    missing, differing = [], []
    for known in chosen:
        path = registry.find(known, weights_dir)
        if path is None:
            missing.append(known)
            rows.append((known.network, known.name, "missing", "-"))
            continue
        state = registry.verify(known, path)
        if state is False:
            differing.append(known)
        rows.append((known.network, known.name, _STATES[state], str(path)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
    lines.insert(1, "-" * max(len(line) for line in lines[:1]))
    lines += [
        "",
        "verified: the published file, by its hash. found: present; no hash of it is published, "
        "so its content is checked when it is read.",
    ]
    if differing:
        names = ", ".join(known.name for known in differing)
        lines += [f"DIFFERS: not the published file, damaged or changed: {names}."]
    if missing:
        lines += ["", f"Missing. A file belongs into {folders.weights_folder()}, or anywhere:"]
    for known in missing:
        lines += [
            "",
            f"{known.name}: {known.title}",
            *_indented(f"by {known.publisher}; licence: {known.licence}"),
            *_indented(f"get it: {known.get}"),
            *_indented(f"use it: as {known.files[0]} in the folder above, or --{known.setting}"),
        ]
    return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, 98, initial_indent="    ", subsequent_indent="        ")


if __name__ == "__main__":
    command_line.run(main, FLAGS)
