"""Damaged files of every kind that is read: a clear refusal or a result, never a crash.

RESGN_FUZZ_SECONDS=600 make test-faults ARGS="-k fuzz"      # ten minutes for each reader
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import tensorflow as tf
from PIL import Image

from mofa import face_model_files
from tests.experiments.command import ROOT
from tests.faults.fuzz import READERS
from tests.mofa.conftest import make_model
from tests.weights.safetensors_writer import write_arrays
from weights import dlib_format, keras_h5

pytestmark = pytest.mark.faults

SECONDS = float(os.environ.get("RESGN_FUZZ_SECONDS", "20"))


def write_whole_files(reader: str, folder: Path) -> None:
    """Small files of all the layouts that a reader knows."""
    rng = np.random.default_rng(0)
    if reader == "image":
        picture = Image.fromarray(rng.integers(0, 256, (24, 20, 3), np.uint8))
        exif = picture.getexif()
        exif[0x0112] = 6
        for kind in ("PNG", "PPM", "BMP", "WEBP", "TIFF", "GIF"):
            picture.save(folder / f"x.{kind.lower()}", kind)
        picture.save(folder / "x.jpg", "JPEG", exif=exif, progressive=True)
        picture.convert("CMYK").save(folder / "y.jpg", "JPEG")
        picture.save(folder / "y.gif", save_all=True, append_images=[picture.rotate(90)])
        picture.convert("P").save(folder / "y.png", transparency=0)
        picture.save(folder / "y.tiff", compression="tiff_lzw")
        sixteen = rng.integers(0, 65536, (24, 20), np.uint16)
        Image.fromarray(sixteen).save(folder / "z.png")
    elif reader == "keras":
        layer = tf.keras.layers
        model = tf.keras.Sequential(
            [layer.Conv2D(2, 3, input_shape=(4, 4, 3)), layer.BatchNormalization()]
        )
        keras_h5.save_weights(model, folder / "x.h5", {"source": "x", "mean": [1.0, 2.0]})
        model.save_weights(folder / "y.h5")
        model.save(folder / "z.h5")
    elif reader == "matlab":
        cell = np.empty((1, 2), object)
        cell[0, 0], cell[0, 1] = np.arange(3.0), {"deep": np.eye(2), "name": "text"}
        content = {"net": {"layers": cell}, "text": "abc", "x": rng.normal(size=(5, 4))}
        scipy.io.savemat(folder / "x.mat", content)
        scipy.io.savemat(folder / "y.mat", content, do_compression=True)
    elif reader == "torch":
        for path in (ROOT / "tests" / "weights" / "data").glob("*.pt"):
            shutil.copy(path, folder)
    elif reader == "frozen_graph":
        with tf.Graph().as_default() as graph:
            for name, shape in (("a", (3, 3, 3, 2)), ("b/c", (7,)), ("d", ())):
                tf.constant(rng.normal(size=shape).astype(np.float32), name=name)
        (folder / "x.pb").write_bytes(graph.as_graph_def().SerializeToString())
    elif reader == "safetensors":
        arrays = {"layer.weight": rng.normal(size=(3, 4)).astype("<f4"), "b": np.arange(3.0)}
        arrays["half"] = np.ones((2, 1, 2), "<f2")
        write_arrays(folder / "x.safetensors", arrays, {"b": "F64", "half": "F16"})
    elif reader == "dlib":
        shutil.copy(dlib_format.packaged_path(), folder / "x.dat")
    elif reader == "face_model":
        model = make_model()
        face_model_files.write(model, folder / "x.h5")
        with h5py.File(folder / "x.h5", "a") as file:
            file["more/text"] = "variable"
    else:
        np.save(folder / "x.npy", rng.normal(size=(2, 257)).astype(np.float32))
        np.savetxt(folder / "x.txt", rng.normal(size=(1, 257)))
        (folder / "x.json").write_text(str(rng.normal(size=257).tolist()))


@pytest.mark.parametrize("reader", READERS)
def test_fuzz(reader: str, tmp_path: Path) -> None:
    write_whole_files(reader, tmp_path)
    seed = time.time_ns() % 2**32  # another one each time; it is printed where it matters
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.fuzz", reader, str(tmp_path), str(SECONDS), str(seed)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        timeout=SECONDS + 300,
    )
    said = done.stdout[-3000:] + done.stderr[-2000:]
    assert done.returncode == 0, f"seed {seed}, the file is {tmp_path}/tried.*\n{said}"
    print(done.stdout.strip().splitlines()[-1])
