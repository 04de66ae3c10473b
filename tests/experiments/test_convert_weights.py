"""The commands that list and convert weight files, as a user runs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from resgn.dlib_resnet import dlib_resnet
from resgn.vgg_face import vgg_face
from tests.experiments import command
from weights import keras_h5
from weights.errors import InputError


@pytest.fixture
def small_vgg_face(tmp_path: Path) -> Path:
    """A VGG-Face of another project: no attributes, names as rcmalli's."""
    path = tmp_path / "theirs.h5"
    keras_h5.save_weights(vgg_face(width=1 / 16, classes=5, output="fc8"), path)
    return path


def test_table_says_what_is_here_and_how_to_get_the_rest(tmp_path: Path) -> None:
    done = command.run("weights", "--network=facenet", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "20170512-110547" in done.stdout
    assert "get it: github.com/davidsandberg/facenet" in done.stdout
    assert str(tmp_path / "weights") in done.stdout
    assert "dlib" not in done.stdout
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "20170512-110547.pb").write_bytes(b"x")
    everything = command.run("weights", f"--weights_dir={tmp_path / 'mine'}", cache=tmp_path)
    table = everything.stdout.split("\n\n")[0].splitlines()
    rows = {line.split()[1]: line for line in table if len(line.split()) > 2}
    assert "verified" in rows["dlib"]
    assert "found" in rows["20170512-110547"]
    assert "found" in rows["small"]
    wrong = command.run("weights", "--weights_dir=/absent", cache=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.lstrip() == "error: --weights_dir=/absent: no such folder.\n"


def test_converted_networks_are_the_same(tmp_path: Path, small_vgg_face: Path) -> None:
    output = tmp_path / "ours.h5"
    output.write_bytes(b"an old file")
    done = command.run(
        "convert_weights",
        "--network=vgg_face",
        f"--source={small_vgg_face}",
        f"--output={output}",
        "--channel_order=RGB",
        "--force",
    )
    assert done.returncode == 0, done.stderr
    assert "source: theirs.h5" in done.stdout
    attributes = keras_h5.read_attributes(output)
    assert attributes["source"] == "theirs.h5"
    assert attributes["channel_order"] == "RGB"
    assert attributes["width"] == 1 / 16
    assert len(attributes["sha256"]) == 64
    images = np.random.default_rng(0).uniform(size=(5, 40, 40, 3)).astype(np.float32)
    ours = vgg_face(output)(images).numpy()
    theirs = vgg_face(small_vgg_face, channel_order="RGB")(images).numpy()
    distances = [((x[:, None] - x[None]) ** 2).sum(-1) for x in (ours, theirs)]
    np.testing.assert_array_equal(*distances)


def test_dlib_converted_and_loaded_again(tmp_path: Path) -> None:
    output = tmp_path / "dlib.h5"
    done = command.run("convert_weights", "--network=dlib", "--source=dlib", f"--output={output}")
    assert done.returncode == 0, done.stderr
    images = np.random.default_rng(0).uniform(size=(2, 150, 150, 3)).astype(np.float32)
    np.testing.assert_array_equal(dlib_resnet(output)(images), dlib_resnet()(images))


MISTAKES = {
    "": "--network is needed",
    "--network=facenet": "--output is needed",
    "--network=facenet --output=x.h5": "--source is needed",
    "--network=facenet --output=x.h5 --source=/absent": "/absent: no such file",
    "--network=facenet --output=x.pb --source=page": "should end in .h5",
    "--network=facenet --output=folder.h5 --source=page": "is a folder",
    "--network=facenet --output=page.h5 --source=page": "exists already; --force replaces it",
    "--network=facenet --output=x.h5 --source=page": "a web page instead",
    "--network=vgg_face --output=x.h5 --source=page": "a web page instead",
    "--network=vgg19 --output=x.h5 --source=page": "a web page instead",
    "--network=dlib --output=x.h5 --source=page": "truncated or another one",
    "--network=vgg_face --output=x.h5 --source=page --moving_averages": "is for --network=facenet",
    "--network=dlib --output=x.h5 --source=page --channel_order=BGR": "is for --network=vgg_face",
    "--network=morphable_model --output=x.h5 --source=page": "needs no conversion",
    "--network=facenet --output=page.h5 --source=page.h5 --force": "is the source itself",
}


def test_mistakes_are_named_and_leave_nothing(tmp_path: Path) -> None:
    # All in one process of their own, since starting takes seconds.
    program = f"""
        from experiments import convert_weights
        from experiments.flags import groups
        from weights.errors import InputError
        for arguments in {list(MISTAKES)!r}:
            with groups.parsed([convert_weights.FLAGS], arguments.split()):
                try:
                    convert_weights.main([])
                    print("no error")
                except InputError as error:
                    print(error)
    """
    (tmp_path / "page").write_bytes(b"<html>Sign in</html>")
    (tmp_path / "page.h5").write_bytes(b"<html>Sign in</html>")
    (tmp_path / "folder.h5").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": str(command.ROOT)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    messages = done.stdout.splitlines()
    assert len(messages) == len(MISTAKES)
    for (arguments, expected), message in zip(MISTAKES.items(), messages, strict=True):
        assert expected in message, arguments
    assert {p.name for p in tmp_path.iterdir()} == {"page", "page.h5", "folder.h5"}


def test_a_conversion_that_is_killed_leaves_nothing_that_loads(
    tmp_path: Path, small_vgg_face: Path
) -> None:
    output = tmp_path / "out" / "ours.h5"
    program = """
        import os, pathlib, signal
        write = pathlib.Path.write_bytes
        def killing(self, data):
            write(self, bytes(data)[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        pathlib.Path.write_bytes = killing
        from experiments import convert_weights
        from experiments.flags import command_line
        command_line.run(convert_weights.main, convert_weights.FLAGS)
    """
    arguments = ["--network=vgg_face", f"--source={small_vgg_face}", f"--output={output}"]
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        env={**os.environ, "PYTHONPATH": str(command.ROOT)},
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not output.exists()
    (left,) = output.parent.iterdir()
    assert left.stat().st_size > 0
    with pytest.raises(InputError):
        vgg_face(left)
