"""Where the project keeps things between runs, and where weight files lie."""

from __future__ import annotations

import os
from pathlib import Path

from weights.errors import InputError


def cache_folder(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Where results are kept between runs; the folder need not exist.

    Args:
      cache_dir: the user's choice; otherwise `RESGN_CACHE_DIR`, otherwise `resgn` in
        `XDG_CACHE_HOME` or `~/.cache`.

    Raises:
      InputError: none of them is known.
    """
    chosen = cache_dir or os.environ.get("RESGN_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored.
    return (Path(base) if os.path.isabs(base) else _home() / ".cache") / "resgn"


def weights_folder() -> Path:
    """Where a user's weight files belong: `weights` in the cache folder."""
    return cache_folder() / "weights"


def search_folders() -> list[Path]:
    """Where weight files are looked for: the user's folder, then the caches of other tools."""
    home = _home()
    keras = _named_by("KERAS_HOME", home / ".keras")
    deepface = _named_by("DEEPFACE_HOME", home)
    torch = _named_by("TORCH_HOME", home / ".cache" / "torch")
    return [
        weights_folder(),
        keras / "models",
        keras / "models" / "vggface",
        deepface / ".deepface" / "weights",
        torch / "checkpoints",
        torch / "hub" / "checkpoints",
        Path(__file__).parent,  # what the project trained itself
    ]


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:  # a container whose user has no name, for one
        raise InputError(
            "No home folder is known: set the environment variable RESGN_CACHE_DIR to a folder for "
            "what is kept between runs, and HOME to any folder."
        ) from error


def _named_by(variable: str, otherwise: Path) -> Path:
    """The folder that an environment variable names, if it names one."""
    named = os.environ.get(variable)
    return Path(named).expanduser() if named else otherwise
