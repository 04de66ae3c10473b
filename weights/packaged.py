"""Files inside installed packages, found without importing the package."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def packaged(inside: str) -> Path | None:
    """Where a file or folder of an installed package lies.

    Args:
      inside: the package's module, then the path in it: `face_recognition_models/models/x.dat`.

    Returns:
      Its path; None if the package is not installed or does not hold it.
    """
    module, _, rest = inside.partition("/")
    # find_spec of a top-level module does not import it.
    spec = importlib.util.find_spec(module)
    folders = spec.submodule_search_locations if spec is not None else None
    for folder in folders or ():
        path = Path(folder) / rest
        if path.exists():
            return path
    return None
