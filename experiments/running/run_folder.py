"""Folders of runs: nobody else's files are in them, and no other run gets them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from weights.errors import InputError

SETTINGS = "flags.json"
"""The file that makes a folder a run's."""


def new_folder(experiment: str, base: Path = Path("runs")) -> Path:
    """Make `runs/<experiment>/<time>`, with a number behind it where the second has one already.

    Raises:
      OSError: it cannot be made.
    """
    stem, number = datetime.now().strftime("%Y-%m-%d_%H-%M-%S"), 1
    (base / experiment).mkdir(parents=True, exist_ok=True)
    while True:
        folder = base / experiment / (stem if number == 1 else f"{stem}_{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def chosen_folder(folder: Path) -> Path:
    """Make a folder that the user named, which may be there but must hold nothing of others.

    What a run of this project left behind is told by its `flags.json`, and by the caller.

    Raises:
      InputError: it is a file, or holds something that no run left there.
      OSError: it cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; `output_dir` must name a folder.")
    folder.mkdir(parents=True, exist_ok=True)
    # Hidden files are the system's, .DS_Store for one.
    there = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if there and SETTINGS not in there:
        more = ", ..." if len(there) > 3 else ""
        raise InputError(
            f"{folder} holds other files already ({', '.join(there[:3])}{more}); choose an empty "
            "folder or a new one as `output_dir`."
        )
    return folder


def claim(folder: Path, settings: str) -> bool:
    """Write what a run was told into its folder, if no other process was faster.

    Args:
      folder: of the run.
      settings: what its `flags.json` should say.

    Returns:
      Whether the folder is this process's now.
    """
    try:
        with (folder / SETTINGS).open("x", encoding="utf-8") as file:
            file.write(settings)
    except FileExistsError:
        return False
    except OSError:  # the disk is full: half of it would make the folder nobody's
        (folder / SETTINGS).unlink(missing_ok=True)
        raise
    return True
