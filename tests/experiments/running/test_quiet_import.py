"""TensorFlow's chatter is kept back while it is imported, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.running.quiet_import import can_run_tensorflow, without_chatter

ROOT = Path(__file__).parents[3]


def test_only_chatter_is_kept_back(capfd: pytest.CaptureFixture[str]) -> None:
    with without_chatter():
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called\n")
        os.write(2, b"I0000 00:00:1795690716.014865 port.cc:153] oneDNN is on\nE0000 a fault\n")
        os.write(2, b"Traceback\n")
    assert capfd.readouterr().err == "E0000 a fault\nTraceback\n"


def test_what_fails_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with without_chatter():
            os.write(2, b"no such library\n")
            raise ImportError

    with pytest.raises(ImportError):
        fail()
    assert capfd.readouterr().err == "no such library\n"


def test_importing_a_command_and_tensorflow_says_nothing() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-c", "import experiments, tensorflow; print(tensorflow.__name__)"],
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("tensorflow\n", "")


def test_commands_without_tensorflow_do_not_import_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, experiments; print('tensorflow' in sys.modules)"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "False\n", done.stderr


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("flags\t\t: fpu sse avx avx2\n", True),
        ("flags\t\t: fpu sse sse4_1\n", False),
        ("Features\t: fp asimd\n", True),
        (None, True),
    ],
)
def test_where_tensorflow_cannot_run_it_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, runs: bool
) -> None:
    """Without AVX it aborts, and what it said before must be on the terminal by then."""
    file = tmp_path / "cpuinfo"
    if text is not None:
        file.write_text(text)
    assert can_run_tensorflow(file) == runs


def test_nothing_is_held_back_from_a_process_that_may_abort() -> None:
    script = (
        "import os; from experiments.running import quiet_import\n"
        "quiet_import.can_run_tensorflow = lambda: False\n"
        "with quiet_import.without_chatter():\n"
        "    os.write(2, b'no AVX here'); os.abort()"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode < 0
    assert "no AVX here" in done.stderr
