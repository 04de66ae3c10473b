"""Text of variable length in a Keras `.h5`, read by a process of its own.

HDF5's library loops for ever over damaged text of variable length, which recent versions of Keras
write. A process of its own, with limits on time and memory, can be ended when that happens.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

_SECONDS = 20
_MEGABYTES = 1024
_LARGEST_ANSWER = 4 << 20

# Group -> attribute -> text: one for each name of a list.
Texts = dict[str, dict[str, list[str]]]


def variable_texts(path: str | os.PathLike[str]) -> Texts:
    """The lists of names in all groups of a Keras file, and the other text of the file itself.

    Lists of names are `layer_names` and `weight_names`, whole or in pieces.

    Returns:
      Group -> attribute -> texts; empty if they cannot be read within the limits.
    """
    try:
        result = subprocess.run(
            [sys.executable, "-I", __file__, os.fspath(path)],
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (subprocess.SubprocessError, OSError):
        return {}
    if len(result.stdout) > _LARGEST_ANSWER:
        return {}
    texts: Texts = json.loads(result.stdout)
    return texts


def _main(path: str) -> None:
    """What the other process does: it prints the lists."""
    import h5py
    import numpy as np

    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEGABYTES << 20, _MEGABYTES << 20))
    except ImportError:
        pass

    def lists(group: h5py.Group, everything: bool = False) -> dict[str, list[str]]:
        return {
            name: [
                v.decode("utf8", "replace") if isinstance(v, bytes) else str(v)
                for v in np.atleast_1d(group.attrs[name]).ravel()
            ]
            for name in group.attrs
            if name.rstrip("0123456789") in ("layer_names", "weight_names")
            # A whole model as JSON is long and of no use.
            or (everything and not name.endswith("_config"))
        }

    texts: Texts = {}
    with h5py.File(path, "r") as file:
        root = file
        if "model_weights" in file and isinstance(
            file.get("model_weights", getlink=True), h5py.HardLink
        ):
            root = file["model_weights"]
        texts[file.name] = lists(file, everything=True)
        texts.setdefault(root.name, lists(root))
        for layers in [n for a, n in texts[root.name].items() if a.startswith("layer_names")]:
            for layer in layers:
                first = layer.strip("/").split("/")[0]
                if first in root and isinstance(root.get(first, getlink=True), h5py.HardLink):
                    group = root.get(layer)
                    if isinstance(group, h5py.Group):
                        texts[group.name] = lists(group)
    print(json.dumps(texts))


if __name__ == "__main__":
    _main(sys.argv[1])
