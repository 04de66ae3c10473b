"""PyTorch's files without PyTorch: true ones, and ones that mean harm."""

from __future__ import annotations

import os
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.weights import torch_writer as writer
from weights.errors import InputError
from weights.torch_file import TorchFile

# Both files were written by PyTorch 2.13.0 on a little-endian machine:
#   conv = (torch.arange(24.).reshape(2, 3, 2, 2) - 12) / 8
#   rows = torch.arange(12.).reshape(4, 3)
#   state: "conv.weight": conv, "conv.channels_last": conv.contiguous(channels_last),
#     "linear.weight": rows[1:3], "linear.transposed": rows.t(), "bn.half", "bn.bfloat16" and
#     "bn.double": [0.5, -1.25, 3.0] of that type, "bn.num_batches_tracked": torch.tensor(7),
#     "every.second": torch.arange(6.)[::2], and a `_metadata` as modules have it
#   torch.save(state, "state_dict_zip.pt")
#   torch.save({"epoch": 3, "state_dict": state}, "state_dict_legacy.pt",
#              _use_new_zipfile_serialization=False)
DATA = Path(__file__).parent / "data"
LAYOUTS = ["state_dict_zip.pt", "state_dict_legacy.pt"]


@pytest.mark.parametrize("name", LAYOUTS)
def test_reads_what_pytorch_wrote(name: str) -> None:
    file = TorchFile(DATA / name)
    conv = (np.arange(24.0).reshape(2, 3, 2, 2) - 12) / 8
    rows = np.arange(12.0).reshape(4, 3)
    three = [0.5, -1.25, 3.0]
    expected = {
        "conv.weight": conv,
        "conv.channels_last": conv,
        "linear.weight": rows[1:3],
        "linear.transposed": rows.T,
        "bn.half": np.array(three),
        "bn.bfloat16": np.array(three),
        "bn.double": np.array(three),
    }
    assert set(file.names()) == {*expected, "bn.num_batches_tracked", "every.second"}
    for tensor, values in expected.items():
        assert file.shape(tensor) == values.shape
        read = file.read(tensor, values.shape)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, values)  # all of them are exact in every type
    assert file.shape("absent") is None
    with pytest.raises(InputError, match="tensor absent is missing"):
        file.read("absent", (1,))
    with pytest.raises(InputError, match=r"of shape \(3, 4\), the network needs .* \(4, 3\)"):
        file.read("linear.transposed", (4, 3))
    with pytest.raises(InputError, match="LongStorage"):
        file.read("bn.num_batches_tracked", ())
    with pytest.raises(InputError, match="not laid out densely"):
        file.read("every.second", (3,))


@pytest.mark.parametrize("name", LAYOUTS)
def test_truncated_anywhere_is_a_clear_error(name: str, tmp_path: Path) -> None:
    data = (DATA / name).read_bytes()
    path = tmp_path / name
    for length in range(0, len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=r"truncated|damaged|empty file|unknown|a pickle"):
            TorchFile(path).read("bn.double", (3,))


@pytest.mark.parametrize("name", LAYOUTS)
def test_flipped_bytes_never_escape_as_other_errors(
    name: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    data = (DATA / name).read_bytes()
    path = tmp_path / name
    for _ in range(300):
        damaged = bytearray(data)
        for position in rng.integers(0, len(data), 3):
            damaged[position] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            file = TorchFile(path)
            for tensor in file.names():
                shape = file.shape(tensor)
                assert shape is not None
                if np.prod(shape) < 1000:
                    file.read(tensor, shape)
        except InputError:
            pass


class _Runs:
    """Pickles to `os.system("touch ...")`."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self._target}",)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("layout", ["zip", "legacy"])
def test_a_pickle_that_would_run_code_runs_nothing(
    tmp_path: Path, protocol: int, layout: str
) -> None:
    target = tmp_path / "was_run"
    hostile = pickle.dumps({"conv.weight": _Runs(target)}, protocol)
    path = tmp_path / "hostile.pt"
    if layout == "zip":
        writer.write_zip(path, hostile)
    else:
        writer.write_legacy(path, hostile, {})
    with pytest.raises(InputError, match=r"wants to import 'posix\.system'.*nothing of it was run"):
        TorchFile(path)
    assert not target.exists()
    # The same pickle does harm where it is trusted, so the test is about something.
    pickle.loads(hostile)
    assert target.exists()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (b"\x80\x02cbuiltins\neval\n(X\x01\x00\x00\x001tR.", "wants to import 'builtins.eval'"),
        (b"\x80\x02cbuiltins\ngetattr\n.", "wants to import 'builtins.getattr'"),
        (b"\x80\x02ctorch\nload\n.", "wants to import 'torch.load'"),
        (b"\x80\x02(ios\nsystem\n.", "uses INST"),
        (b"\x80\x02}(X\x01\x00\x00\x00a)ccollections\nOrderedDict\n\x81u.", "damaged|uses NEWOBJ"),
        (b"\x80\x02\x82\x01.", "uses EXT1"),
        (b"\x80\x02N.", "no state dictionary"),
        (b"\x80\x02}.", "no state dictionary"),
        (b"\x80\x02" + b"(" * 50_000 + b".", "no state dictionary"),
        # A key nested so deeply that hashing it would overflow the C stack.
        (b"\x80\x02}N" + b"\x85" * 100_000 + b"Ns.", "damaged"),
        # Memory slot 4294967295: Python's own unpickler would allocate 64 GB for it.
        (b"\x80\x02}r\xff\xff\xff\xff.", "no state dictionary"),
        (b"\x80\x02\x8b\xff\xff\xff\x7f.", "damaged"),
        (b"\x80\x02X\xff\xff\xff\xff.", "damaged"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.", "damaged"),
        (b"\x80\x02ccollections\nOrderedDict\nK\x01R.", "damaged"),
        (b"\x80\x02e.", "damaged"),
        (b"", "damaged"),
    ],
)
def test_hostile_programs_are_refused(tmp_path: Path, program: bytes, message: str) -> None:
    path = writer.write_zip(tmp_path / "hostile.pt", program)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message):
            TorchFile(path)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (writer.tensor("0", 4, (5,)), "beyond its storage"),
        (writer.tensor("0", 5, (5,), offset=1), "beyond its storage"),
        (writer.tensor("0", 4, (5,), stride=(0,)), "not laid out densely"),
        (writer.tensor("0", 5, (5,)), "too short"),
        (writer.tensor("1", 5, (5,)), "archive/data/1 is missing"),
        (writer.tensor("../../../etc/passwd", 5, (5,)), "is missing"),
    ],
)
def test_tensors_that_lie_are_refused(tmp_path: Path, entry: bytes, message: str) -> None:
    pickled = writer.state_dict({"w": entry})
    path = writer.write_zip(tmp_path / "lies.pt", pickled, {"0": bytes(16)})
    with pytest.raises(InputError, match=message):
        TorchFile(path).read("w", (5,))


@pytest.mark.parametrize(
    ("shape", "stride"), [((-5,), (1,)), ((5,), (-1,)), ((5,), (1, 1)), ((5, 1), (1,))]
)
def test_sizes_that_make_no_sense_are_damage(
    tmp_path: Path, shape: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    pickled = writer.state_dict({"w": writer.tensor("0", 5, shape, stride)})
    with pytest.raises(InputError, match="damaged"):
        TorchFile(writer.write_zip(tmp_path / "w.pt", pickled, {"0": bytes(20)}))


def test_absurd_shape_costs_no_memory(tmp_path: Path) -> None:
    size = 1 << 40
    pickled = writer.state_dict({"w": writer.tensor("0", size, (size,))})
    path = writer.write_zip(tmp_path / "absurd.pt", pickled, {"0": bytes(16)})
    file = TorchFile(path)
    assert file.shape("w") == (size,)
    with pytest.raises(InputError, match="the network needs"):
        file.read("w", (4,))
    legacy = writer.write_legacy(tmp_path / "legacy.pt", pickled, {"0": (size, bytes(16))})
    with pytest.raises(InputError, match="truncated"):
        TorchFile(legacy)


def test_zip_bombs_are_refused(tmp_path: Path) -> None:
    good = writer.state_dict({"w": writer.tensor("0", 4, (4,))})
    # 64 MiB of zeros in 64 kB.
    bomb = writer.write_zip(
        tmp_path / "bomb.pt", good, {"0": bytes(64 << 20)}, zipfile.ZIP_DEFLATED
    )
    assert bomb.stat().st_size < 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="compressed"):
            TorchFile(bomb)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    large = b"\x80\x02" + b"N0" * (1 << 20) + b"."
    with pytest.raises(InputError, match="absurdly large"):
        TorchFile(writer.write_zip(tmp_path / "large.pt", large))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>Not found</html>", "a web page instead of weights"),
        (b"\n\n  <HTML><body>Quota exceeded", "a web page instead of weights"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
        (b"PK\x03\x04" + bytes(100), "damaged or truncated"),
        (bytes(1000), "a file of an unknown kind"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        TorchFile(path)


def test_names_out_of_a_file_are_said_in_one_line() -> None:
    path = next(DATA.glob("*.pt"))
    with pytest.raises(InputError, match=r"tensor one two is missing"):
        TorchFile(path).read("one\ntwo", ())
    with pytest.raises(InputError, match=r"tensor y{80}\.\.\. is missing"):
        TorchFile(path).read(3000 * "y", ())


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        TorchFile(tmp_path / "absent.pt")
    with pytest.raises(InputError, match="a folder"):
        TorchFile(tmp_path)


def test_other_archives(tmp_path: Path) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photo.txt", "no network")
    with pytest.raises(InputError, match=r"holds photo\.txt\); unpack it first\. A PyTorch file"):
        TorchFile(path)
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("script/data.pkl", b"\x80\x02}.")
        archive.writestr("script/constants.pkl", b"\x80\x02).")
    with pytest.raises(InputError, match="TorchScript"):
        TorchFile(tmp_path / "script.pt")


def test_other_byte_order(tmp_path: Path) -> None:
    path = tmp_path / "big.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("big/data.pkl", writer.state_dict({}))
        archive.writestr("big/byteorder", "big")
    with pytest.raises(InputError, match="big-endian"):
        TorchFile(path)


def test_numbers_that_are_none(tmp_path: Path) -> None:
    pickled = writer.state_dict({"w": writer.tensor("0", 2, (2,))})
    path = writer.write_zip(
        tmp_path / "nan.pt", pickled, {"0": struct.pack("<2f", 1.0, float("nan"))}
    )
    with pytest.raises(InputError, match="not finite"):
        TorchFile(path).read("w", (2,))


def test_parameters_are_tensors(tmp_path: Path) -> None:
    inner = writer.tensor("0", 3, (3,))
    wrapped = (
        b"ctorch._utils\n_rebuild_parameter\n(" + inner + b"\x88" + writer.ORDERED_DICT + b"tR"
    )
    values = np.array([1.0, 2.0, 3.0], "<f4")
    path = writer.write_legacy(
        tmp_path / "parameter.pt",
        writer.state_dict({"w": wrapped}),
        {"0": (3, values.tobytes())},
    )
    np.testing.assert_array_equal(TorchFile(path).read("w", (3,)), values)


@pytest.mark.parametrize("legacy", [False, True])
def test_checkpoints_of_a_training(tmp_path: Path, legacy: bool) -> None:
    """A network beside the optimizer's state, whose tensors lie deeper."""

    def dictionary(entries: dict[str, bytes]) -> bytes:
        items = b"".join(writer.text(name) + value for name, value in entries.items())
        return b"}(" + items + b"u"

    def of(**entries: bytes) -> TorchFile:
        storages = {"0": (2, struct.pack("<2f", 1.0, 2.0)), "1": (2, struct.pack("<2f", 3.0, 4.0))}
        program = b"\x80\x02" + dictionary(entries) + b"."
        path = tmp_path / "checkpoint.pt"
        if legacy:
            writer.write_legacy(path, program, storages)
        else:
            writer.write_zip(path, program, {key: data for key, (_, data) in storages.items()})
        return TorchFile(path)

    first, second = writer.tensor("0", 2, (2,)), writer.tensor("1", 2, (2,))
    moments = dictionary({"state": b"](" + dictionary({"exp_avg": second}) + b"e"})
    file = of(epoch=writer.number(3), weights=dictionary({"w": first}), optimizer=moments)
    assert file.names() == ["w"]
    np.testing.assert_array_equal(file.read("w", (2,)), [1.0, 2.0])
    # Among several the usual name is taken, the most telling before others.
    file = of(ema=dictionary({"w": first}), model=dictionary({"w": second}))
    np.testing.assert_array_equal(file.read("w", (2,)), [3.0, 4.0])
    file = of(model=dictionary({"w": first}), state_dict=dictionary({"w": second}))
    np.testing.assert_array_equal(file.read("w", (2,)), [3.0, 4.0])
    with pytest.raises(InputError, match=r"several state dictionaries \(one, two\); save one"):
        of(one=dictionary({"w": first}), two=dictionary({"w": second}))
    # Tensors right here go before any further below.
    assert of(w=first, model=dictionary({"v": second})).names() == ["w"]


def test_a_legacy_file_that_holds_itself_is_no_endless_loop(tmp_path: Path) -> None:
    program = b"\x80\x02}q\x00" + writer.text("self") + b"h\x00s."
    path = writer.write_legacy(tmp_path / "self.pt", program, {})
    with pytest.raises(InputError, match="no state dictionary"):
        TorchFile(path)
