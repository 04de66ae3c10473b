"""The files behind a run, by what they hold: a path or a name says nothing of that."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import weights as weights_room
from resgn.bring_your_own import is_own
from weights import files, registry
from weights.packaged import packaged

ENDINGS = (".h5", ".json")
"""Of the weight files that come along."""

_KNOWN = {known.name: known for known in registry.KNOWN}


def hashes(settings: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of every file that decides a run beside its photographs.

    Args:
      settings: values by name, as JSON holds them. Those count that are texts, or lists of texts,
        and name a file, a checkpoint, a weight file of `weights.registry` or, as
        `package.module:callable`, a module. Folders do not.

    Returns:
      64 hexadecimal digits each, by `name=value` of the setting, or by the path of a file that
      comes along with the project: settings that name nothing take one of those.

    Raises:
      OSError: a file cannot be read.
    """
    found = {}
    for name, value in settings.items():
        for text in value if isinstance(value, list) else [value]:
            path = _file(text) if isinstance(text, str) else None
            if path:
                # A checkpoint's numbers stand beside its index.
                prefix = path.removesuffix(".index")
                several = os.path.isfile(f"{prefix}.index")
                found[f"{name}={text}"] = files.content_hash(prefix if several else path)
    return found | {name: files.sha256(path) for name, path in _coming_along()}


def _file(text: str) -> str | None:
    """The file that a text names, or what a checkpoint's files begin with; None without any."""
    path = os.path.expanduser(text)
    if os.path.isfile(path) or os.path.isfile(f"{path}.index"):
        return path
    if text in _KNOWN:
        found = registry.find(_KNOWN[text])
        return str(found) if found and found.is_file() else None
    return _source(text.partition(":")[0]) if is_own(text) else None


def _source(module: str) -> str | None:
    """The file of a module; None where there is no such module, or it has no file."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError, TypeError):  # it is no module's name
        return None
    origin = spec.origin if spec else None
    return origin if origin and os.path.isfile(origin) else None


def _coming_along() -> Iterator[tuple[str, Path]]:
    """Name and place of each weight file that is installed with the project."""
    folder = Path(weights_room.__file__).parent
    for path in sorted(folder.iterdir()):
        if path.suffix in ENDINGS:
            yield f"{folder.name}/{path.name}", path
    for inside in (known.inside for known in registry.KNOWN if known.inside):
        installed = packaged(inside)
        if installed is not None:
            yield inside, installed
