"""Speed of the two stacks on one machine, in turns.

    python -m benchmarks.stacks
    python -m benchmarks.stacks --beside=.venv.other/bin/python --output=runs/stacks/result.json

Without --beside only the stack of this Python is measured; with it that of another Python, too,
into which the project's packages were installed. A round is a process of each, one after the
other, and the order changes from round to round. Each process times the same tasks: ResGN's
training step of the laptop preset on ORL, with all three losses, in float32 and in bfloat16; FGSM
and PGD on dlib's network; the face model's renderer, forward and with the gradient to its 257
numbers. The first calls, which compile, are not counted. The median over all calls of all rounds is
reported, with its quartiles; beside the time on the clock stands the processor's time summed over
the cores, which other work on the machine inflates less. --output keeps the numbers, for
`experiments.results_page`.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.flags import command_line, run_flags
from experiments.flags.groups import FlagGroup

# As the entry points have it; before TensorFlow is imported.
import experiments  # noqa: F401  # isort: skip
import tensorflow as tf

from attacks import FGSM, PGD, Attack, Dodging
from benchmarks import result
from experiments.face_verification.settings import VerificationSettings
from experiments.flags import file_flags
from experiments.flags.run_flags import SEED
from experiments.running.results import Measurement, Row
from mofa import face_model_files, rendered_faces
from mofa.face_renderer import FaceRenderer
from resgn.losses import JointLoss
from resgn.target import embed_all, load_target
from resgn.training import Trainer
from resgn.training_set import TrainingSet
from resgn.vgg_face import vgg_face
from weights.errors import InputError

FLAGS = FlagGroup(file_flags.FLAGS, run_flags.FLAGS)

_BESIDE = FLAGS.path("beside", None, "The Python of the other stack.")
_ROUNDS = FLAGS.integer("rounds", 3, "Processes of each stack.", 1)
_CALLS = FLAGS.integer("calls", 30, "Timed calls of each task in a process.", 1)
_TASKS = FLAGS.names("tasks", None, "Some of the tasks by name; all without it.")
_ONE_ROUND = FLAGS.boolean("one_round", False, "Print this process's times as JSON, and end.")

SIDE = 160
WARM_UP = 5
IMAGES = 16
STEPS = 10
FACES = 8

THRESHOLD = 0.14

Seconds = tuple[float, float]
"""On the clock, and of the processor."""
Task = Callable[[int, Callable[[], None]], None]

NOTES = (
    "Milliseconds of a call, median and in round brackets the quartiles; those of the processor "
    "are summed over the cores. ratio: as a multiple of the first stack's. train: one step of "
    "the laptop preset's ResGN on ORL with all three losses, batch of 2. fgsm, pgd: 16 images of "
    "160x160 against dlib's network in float32, PGD of 10 steps. render: 8 faces of the open model "
    "at 224x224, forward and with the gradient to their codes. The stacks took turns, a process "
    "each."
)


def main(argv: list[str]) -> None:
    """Measure the stacks, print a table, and keep it."""
    del argv
    tasks = list(_TASKS.value or TASKS)
    if unknown := [name for name in tasks if name not in TASKS]:
        raise InputError(f"No task {unknown[0]!r}; there are {', '.join(TASKS)}.")
    if _ONE_ROUND.value:
        found = {name: timed(TASKS[name], _CALLS.value) for name in tasks}
        print(json.dumps({"stack": stack(), "times": found}))
        return
    began = time.monotonic()
    pythons = [sys.executable] + ([_BESIDE.value] if _BESIDE.value else [])
    stacks: dict[str, dict[str, str]] = {}
    times: dict[str, dict[str, list[Seconds]]] = {python: {} for python in pythons}
    for number in range(_ROUNDS.value):
        for python in pythons if number % 2 == 0 else reversed(pythons):
            measured = one_round(python, tasks)
            stacks[python] = measured["stack"]
            for name, seconds in measured["times"].items():
                times[python].setdefault(name, []).extend(seconds)
    rows = [row(name, {short_name(stacks[p]): times[p][name] for p in pythons}) for name in tasks]
    versions = "; ".join(
        ", ".join(f"{name} {version}" for name, version in stacks[python].items())
        for python in pythons
    )
    print_table(rows)
    print(f"\n{versions}.")
    result.keep(
        "benchmark_stacks",
        rows,
        time.monotonic() - began,
        "task",
        f"{NOTES} {versions}.",
        tuple(rows[0].columns),
    )


def stack() -> dict[str, str]:
    """The versions of this process's stack."""
    return {
        "TensorFlow": tf.__version__,
        "NumPy": importlib.metadata.version("numpy"),
        "Python": platform.python_version(),
    }


def short_name(versions: dict[str, str]) -> str:
    """As columns have it: tf215."""
    return "tf" + "".join(versions["TensorFlow"].split(".")[:2])


def one_round(python: str, tasks: list[str]) -> dict[str, Any]:
    """The times of one process of that Python.

    Raises:
      InputError: it cannot run the project.
    """
    arguments = [f"--calls={_CALLS.value}", f"--seed={SEED.value}", f"--tasks={','.join(tasks)}"]
    try:
        done = subprocess.run(
            [python, "-m", "benchmarks.stacks", "--one_round", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        )
    except OSError as error:
        raise InputError(f"{python} cannot be run: {error.strerror}.") from error
    if done.returncode:
        raise InputError(
            f"{python} could not run the tasks (see above). It needs the project's packages: "
            f"{python} -m pip install -e ."
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(task: str, times: dict[str, list[Seconds]]) -> Row:
    """One task: for each stack its milliseconds, and what they are of the first one's."""
    columns: dict[str, Measurement] = {}
    for name, seconds in times.items():
        clock, processor = (
            Measurement.quartiles(1e3 * np.array(values)) for values in zip(*seconds, strict=True)
        )
        columns |= {f"{name}_ms": clock, f"{name}_processor_ms": processor}
    first, *others = times
    for name in others:
        for kind in ("ms", "processor_ms"):
            ours, theirs = columns[f"{name}_{kind}"], columns[f"{first}_{kind}"]
            ratio = Measurement(ours.value / theirs.value, None, None, ours.count)
            columns[f"{name}_{kind.removesuffix('ms')}ratio"] = ratio
    return Row(task, columns)


def print_table(rows: list[Row]) -> None:
    """As Markdown."""
    names = list(rows[0].columns)
    print(f"| task | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for each in rows:
        cells = [
            f"{m.value:.2f}" if m.low is None else f"{m.value:.1f} ({m.low:.1f}-{m.high:.1f})"
            for m in each.columns.values()
        ]
        print(f"| {each.name} | {' | '.join(cells)} |")


def timed(task: Task, calls: int) -> list[Seconds]:
    """What each call of a task took, after those that compile."""
    marks: list[Seconds] = []
    task(WARM_UP + calls + 1, lambda: marks.append((time.perf_counter(), time.process_time())))
    return [(float(c), float(p)) for c, p in np.diff(marks, axis=0)[WARM_UP:]]


def train(precision: str, calls: int, done: Callable[[], None]) -> None:
    """Steps of ResGN's training as `table1` has them on ORL."""
    settings = VerificationSettings.laptop()
    batch_size = settings.training.batch_size
    rng = np.random.default_rng(SEED.value)
    images = rng.integers(0, 256, (calls * batch_size, SIDE, SIDE, 3), dtype=np.uint8)
    texture, target = vgg_face("small"), load_target("dlib")
    features, seen = (embed_all(tf.function(critic), images) for critic in (texture, target))
    data = TrainingSet(images, np.arange(len(images)), images, features, seen)
    loss = JointLoss(settings.loss, texture, target, THRESHOLD)
    config = dataclasses.replace(settings.training, epochs=1, precision=precision)
    with tempfile.TemporaryDirectory() as folder:
        Trainer(settings.generator, loss, config, Path(folder)).train(
            data, lambda model: {"none": 0.0}, on_step=done
        )


def attack(chosen: Attack, calls: int, done: Callable[[], None]) -> None:
    """Dodging against dlib's network."""
    target = load_target("dlib")
    rng = np.random.default_rng(SEED.value)
    images = rng.random((IMAGES, SIDE, SIDE, 3), np.float32)
    criterion = Dodging(target(images).numpy(), THRESHOLD)
    for _ in range(calls):
        chosen.craft(target, images, criterion, epsilons=[0.03])
        done()


def render(gradient: bool, calls: int, done: Callable[[], None]) -> None:
    """The open model at 224x224."""
    renderer = FaceRenderer(face_model_files.read())
    settings = rendered_faces.Settings(FACES, images_per_identity=1, seed=SEED.value)
    code = tf.constant(rendered_faces.draw_codes(renderer, settings))

    @tf.function
    def forward(code: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(renderer.render(code).image ** 2)

    @tf.function
    def back(code: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(code)
            loss = forward(code)
        return tape.gradient(loss, code)

    for _ in range(calls):
        (back if gradient else forward)(code).numpy()
        done()


TASKS: dict[str, Task] = {
    "train in float32": functools.partial(train, "float32"),
    "train in bfloat16": functools.partial(train, "mixed_bfloat16"),
    "FGSM": functools.partial(attack, FGSM()),
    "PGD": functools.partial(attack, PGD(STEPS)),
    "render": functools.partial(render, False),
    "render with gradient": functools.partial(render, True),
}
"""What is timed; each makes a number of calls and says after each that it is done."""


if __name__ == "__main__":
    command_line.run(main, FLAGS)
