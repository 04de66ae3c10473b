"""Feeds damaged files to one reader until time is up: `python -m tests.faults.fuzz READER FOLDER`.

The folder holds whole files to begin with. Every file that is tried lies in it as `tried.<suffix>`,
so that what ends this process is still there afterwards.
"""

from __future__ import annotations

import contextlib
import math
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from weights.errors import InputError

MEMORY = 2 << 30
"""Bytes that may be taken beyond what the imports took."""
SECONDS_EACH = 20
INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 62)


def _image(path: Path) -> None:
    from resgn.faces.image_file import read_image

    read_image(path)


def _keras(path: Path) -> None:
    from weights import keras_h5

    keras_h5.read_attributes(path)
    keras_h5.read_layer_weights(path, keras_h5.file_shapes(path))


def _matlab(path: Path) -> None:
    from weights.mat_file import load_mat

    load_mat(path, 1 << 24)


def _small_arrays(file: Any) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of those that a check of every damaged file has the time for."""
    for name in file.names():
        shape = file.shape(name)
        if shape is not None and math.prod(shape) < 1 << 20:
            yield name, shape


def _torch(path: Path) -> None:
    from weights.torch_file import TorchFile

    file = TorchFile(path)
    for name, shape in _small_arrays(file):
        with contextlib.suppress(InputError):  # whole numbers are not read
            file.read(name, shape)


def _frozen_graph(path: Path) -> None:
    from weights.frozen_graph import FrozenGraph

    graph = FrozenGraph(path)
    for name, shape in _small_arrays(graph):
        graph.read(name, shape)


def _safetensors(path: Path) -> None:
    from weights.safetensors_file import SafetensorsFile

    file = SafetensorsFile(path)
    for name, shape in _small_arrays(file):
        file.read(name, shape)


def _dlib(path: Path) -> None:
    from weights.dlib_format import read_face_resnet

    read_face_resnet(path)


def _face_model(path: Path) -> None:
    from mofa import face_model_files

    face_model_files.read(path)


def _codes(path: Path) -> None:
    from mofa.code_files import read_codes

    read_codes(path)


READERS: dict[str, Callable[[Path], None]] = {
    "image": _image,
    "keras": _keras,
    "matlab": _matlab,
    "torch": _torch,
    "frozen_graph": _frozen_graph,
    "safetensors": _safetensors,
    "dlib": _dlib,
    "face_model": _face_model,
    "codes": _codes,
}


def damaged(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """A file with one to a few faults of all kinds."""
    result = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        size = max(1, len(result))
        # Headers decide most, so half of the faults lie near the beginning or the end.
        near = min(size, 1024)
        place = int(
            rng.choice([rng.integers(size), rng.integers(near), size - 1 - rng.integers(near)])
        )
        length = int(min(2 ** rng.uniform(0, 12), size - place))
        match rng.integers(7):
            case 0:
                result[place : place + 1] = bytes([rng.integers(256)])
            case 1:
                width = int(rng.choice([1, 2, 4, 8]))
                value = int(rng.choice(INTERESTING)) % (1 << 8 * width)
                order = "little" if rng.random() < 0.5 else "big"
                result[place : place + width] = value.to_bytes(width, order)
            case 2:
                del result[place : place + length]
            case 3:
                result[place:place] = result[place : place + length]
            case 4:
                result[place : place + length] = rng.bytes(length)
            case 5:
                start = int(rng.integers(max(1, len(other))))
                result[place : place + length] = other[start : start + length]
            case _:
                result[place : place + length] = bytes(length)
    if rng.random() < 0.1:
        del result[rng.integers(len(result) + 1) :]
    return bytes(result)


def main(reader: str, folder: Path, seconds: float, seed: int) -> int:
    """Returns the number of files that ended in something other than a clear refusal."""
    read, rng = READERS[reader], np.random.default_rng(seed)
    wholes = [(path.suffix, path.read_bytes()) for path in sorted(folder.iterdir())]
    for suffix, whole in wholes:  # imports, and a check that whole files are read
        tried = folder / f"tried{suffix}"
        tried.write_bytes(whole)
        read(tried)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    signal.signal(signal.SIGALRM, _too_long)
    bad = tries = accepted = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end and not bad:
        suffix, whole = wholes[rng.integers(len(wholes))]
        tried = folder / f"tried{suffix}"
        tried.write_bytes(damaged(whole, wholes[rng.integers(len(wholes))][1], rng))
        tries += 1
        signal.alarm(SECONDS_EACH)
        try:
            read(tried)
            accepted += 1
        except InputError as error:
            if len(str(error)) > 2000 or "\n" in str(error).strip():
                print(f"no clear sentence: {str(error)[:300]!r}")
                bad += 1
        except BaseException:
            traceback.print_exc(file=sys.stdout)
            bad += 1
        finally:
            signal.alarm(0)
    print(f"{reader}: {tries} files, {accepted} of them read, {bad} bad")
    return bad


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {SECONDS_EACH} seconds for one file")


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))))
