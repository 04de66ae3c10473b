"""Where weight files lie: the project's own folder for them, and the caches of other tools."""

from __future__ import annotations

import os
from pathlib import Path


def weights_folder() -> Path:
    """Where a user's weight files belong.

    `weights` in the project's cache folder: `RESGN_CACHE_DIR`, else `resgn` in `XDG_CACHE_HOME`
    or `~/.cache`.
    """
    chosen = os.environ.get("RESGN_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser() / "weights"
    base = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()
    return cache / "resgn" / "weights"


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
