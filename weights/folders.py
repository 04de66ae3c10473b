"""Where the project keeps things between runs, and where weight files lie."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Where results are kept between runs; the folder need not exist.

    Args:
      cache_dir: the user's choice; otherwise `RESGN_CACHE_DIR`, otherwise `resgn` in
        `XDG_CACHE_HOME` or `~/.cache`.
    """
    chosen = cache_dir or os.environ.get("RESGN_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored.
    return (Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()) / "resgn"


def weights_folder() -> Path:
    """Where a user's weight files belong: `weights` in the cache folder."""
    return cache_folder() / "weights"


def search_folders() -> list[Path]:
    """Where weight files are looked for: the user's folder, then the caches of other tools."""
    home = Path.home()
    keras = Path(os.environ.get("KERAS_HOME", home / ".keras"))
    deepface = Path(os.environ.get("DEEPFACE_HOME", home))
    torch = Path(os.environ.get("TORCH_HOME", home / ".cache" / "torch"))
    return [
        weights_folder(),
        keras / "models",
        keras / "models" / "vggface",
        deepface / ".deepface" / "weights",
        torch / "checkpoints",
        torch / "hub" / "checkpoints",
        Path(__file__).parent,  # what the project trained itself
    ]
