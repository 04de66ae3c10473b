"""Where a result comes from: command, commit, device."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import tensorflow as tf

from experiments.running.cores import cores


def command() -> str:
    """The command of this process as one would type it."""
    main = sys.modules["__main__"].__spec__
    program = f"python -m {main.name}" if main else Path(sys.argv[0]).name
    return " ".join([program, *(shlex.quote(argument) for argument in sys.argv[1:])])


def commit() -> str | None:
    """The project's commit, with `+` behind it where files have changed since; None outside git.

    Installed into an environment within somebody else's repository it is outside, too.
    """
    root = Path(__file__).parents[2]
    try:
        if _git(root, "rev-parse", "--show-prefix"):
            return None
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git(root, "status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()


def device() -> str:
    """What computes: the GPUs by name, or the processor and the number of cores."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return ", ".join(str(d.get("device_name", "GPU")) for d in details)
    count = cores()
    return f"{_processor()}, {count} core{'s' * (count > 1)}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "CPU"
