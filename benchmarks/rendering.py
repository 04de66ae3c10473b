"""Time and memory of the renderer.

    python -m benchmarks.rendering
    python -m benchmarks.rendering --output=runs/benchmark_rendering/result.json

First milliseconds an image against triangles, image size and batch, forward and with the
gradient, and the peak of memory that the case added to the process (each case runs in a process of
its own). Then the default face model at 224x224 in a batch of 8 with the gradient to all 257
numbers against the forward pass of the full VGG-19 in float32 on the same batch, alternating in one
process. Last the plain rasteriser of `plain_rasterizer` on the 7,000 triangles of the table, again
alternating in one process.
The median of repeated runs is reported; the spread is the quartiles. Beside the time on the clock
stands the processor's time summed over the cores, which other work on the machine inflates less.
--output keeps the numbers, for `experiments.results_page`.
"""

from __future__ import annotations

import functools
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

from experiments.flags import command_line, run_flags
from experiments.flags.groups import FlagGroup

# As the entry points have it; before TensorFlow is imported.
import experiments  # noqa: F401  # isort: skip
import tensorflow as tf

from benchmarks import plain_rasterizer, result
from experiments.flags import file_flags
from experiments.flags.run_flags import SEED
from experiments.running.results import Measurement, Row
from mofa import face_model_files, rendered_faces
from mofa.arrays import Array
from mofa.face_renderer import Camera, FaceRenderer
from mofa.rendering import triangle_rasterizer

FLAGS = FlagGroup(file_flags.FLAGS, run_flags.FLAGS)

_REPEATS = FLAGS.integer("repeats", 9, "Timed runs of each case.", 3)
_CASE = FLAGS.string("case", None, "Run one case, given as JSON, and print its numbers.")
_VGG = FLAGS.boolean("vgg", True, "Compare with VGG-19.")

CASES = (
    *({"triangles": count, "size": 224, "batch": 8} for count in (1000, 7000, 10919, 70789)),
    *({"triangles": 7000, "size": size, "batch": 8} for size in (112, 448)),
    *({"triangles": 7000, "size": 224, "batch": batch} for batch in (1, 32)),
)
BESIDE_PLAIN = {"triangles": 7000, "size": 224, "batch": 8}
"""What the plain rasteriser draws, too."""

NOTES = (
    "Milliseconds an image, median and in round brackets the quartiles; those of the processor are "
    "summed over the cores. gradient: forward and back, to vertices and colours; of the face model "
    "to its 257 numbers, at 224x224 in batches of 8. memory_mb: peak that the case added to its "
    "process. Rows that stand beside another took turns with it in one process. ratio: time as a "
    "multiple of the other's; of the face model's gradient to VGG-19's forward pass in float32."
)


def main(argv: list[str]) -> None:
    """Print the numbers, and write them into one result."""
    del argv
    if _CASE.value:
        print(json.dumps([row.as_json() for row in run_case(_CASE.value, _REPEATS.value)]))
        return
    began = time.monotonic()
    rows: list[Row] = []
    for case in (*map(json.dumps, CASES), *(["vgg"] if _VGG.value else []), "plain"):
        found = _in_a_process(case)
        for row in found:
            print(_sentence(row), flush=True)
        rows += found
    plain = tuple(dict.fromkeys(column for row in rows for column in row.columns))
    result.keep("benchmark_rendering", rows, time.monotonic() - began, "mesh", NOTES, plain)


def run_case(case: str, repeats: int) -> list[Row]:
    """What is measured in a process of its own.

    Args:
      case: `vgg`, `plain` or one of `CASES` as JSON.
      repeats: timed runs.
    """
    if case == "vgg":
        return against_vgg(repeats)
    if case == "plain":
        return against_plain(**BESIDE_PLAIN, repeats=repeats)
    return [measure(**json.loads(case), repeats=repeats)]


def _in_a_process(case: str) -> list[Row]:
    command = [sys.executable, "-m", "benchmarks.rendering", f"--case={case}"]
    command += [f"--repeats={_REPEATS.value}", f"--seed={SEED.value}"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [Row.from_json(row) for row in json.loads(done.stdout.splitlines()[-1])]


def _sentence(row: Row) -> str:
    cells = []
    for name, measurement in row.columns.items():
        value, quartiles, _ = measurement.texts(plain=True)
        cells.append(f"{name} {value}" + (f" ({quartiles})" if quartiles else ""))
    return f"{row.name}: {', '.join(cells)}"


def head(triangles: int) -> tuple[Array, Array]:
    """An ellipsoid of the size of a head with about so many triangles: [V, 3] in mm, [T, 3]."""
    rows = max(3, round((triangles / 2) ** 0.5))
    columns = max(3, round(triangles / 2 / (rows - 1)))
    polar, turn = np.meshgrid(
        np.linspace(0.01, np.pi - 0.01, rows),
        np.linspace(0.0, 2.0 * np.pi, columns, endpoint=False),
        indexing="ij",
    )
    sphere = np.stack(
        (np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)), axis=-1
    )
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    corner = (row * columns + column).reshape(-1)
    across = (row * columns + (column + 1) % columns).reshape(-1)
    faces = np.concatenate(
        (
            np.stack((corner, corner + columns, across), axis=1),
            np.stack((across, corner + columns, across + columns), axis=1),
        )
    )
    return (sphere.reshape(-1, 3) * [75.0, 100.0, 80.0]).astype(np.float32), faces.astype(np.int32)


Draw = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""From vertices and colours, each [B, V, 3], to images [B, H, W, 3]."""


def scene(triangles: int, size: int, batch: int) -> tuple[tf.Tensor, tf.Tensor, Draw, Draw]:
    """Vertices and colours of heads, our rasteriser of them and the plain one."""
    vertices, faces = head(triangles)
    camera = Camera(image_size=(size, size), distance=1000.0)
    moved = np.stack([vertices + np.array([number % 7, 0, -1000]) for number in range(batch)])
    points = tf.constant(moved, tf.float32)
    colours = tf.random.stateless_uniform(points.shape, [SEED.value, 0])
    matrix = tf.tile(camera.projection()[None], [batch, 1, 1])

    def ours(points: tf.Tensor, colours: tf.Tensor) -> tf.Tensor:
        return triangle_rasterizer.rasterize(
            points, faces, {"colours": colours}, matrix, (size, size)
        )["colours"]

    def plain(points: tf.Tensor, colours: tf.Tensor) -> tf.Tensor:
        return plain_rasterizer.rasterize(points, tf.constant(faces), colours, matrix, (size, size))

    return points, colours, ours, plain


def compiled(draw: Draw) -> dict[str, Callable[[tf.Tensor, tf.Tensor], object]]:
    """The drawing alone, and with the gradient to vertices and colours."""

    def gradient(points: tf.Tensor, colours: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([points, colours])
            loss = tf.reduce_sum(draw(points, colours) ** 2)
        return [tf.convert_to_tensor(part) for part in tape.gradient(loss, [points, colours])]

    return {"forward": tf.function(draw), "gradient": tf.function(gradient)}


def measure(triangles: int, size: int, batch: int, repeats: int) -> Row:
    """Time and memory of one case."""
    points, colours, ours, _ = scene(triangles, size, batch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    columns: dict[str, Measurement] = {}
    for name, function in compiled(ours).items():
        times = _times(functools.partial(function, points, colours), repeats)
        clock, processor = zip(*times, strict=True)
        columns[f"{name}_ms"] = _an_image(clock, batch)
        columns[f"{name}_processor_ms"] = _an_image(processor, batch)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    columns["memory_mb"] = Measurement.bare((after - before) / 1024.0, 1)
    return Row(f"{_mesh(triangles, size)} in batches of {batch}", columns)


def against_plain(triangles: int, size: int, batch: int, repeats: int) -> list[Row]:
    """Time of our rasteriser and of the plain one, alternating."""
    points, colours, ours, plain = scene(triangles, size, batch)
    np.testing.assert_allclose(ours(points, colours), plain(points, colours), atol=1e-3)
    functions = {
        (owner, name): functools.partial(function, points, colours)
        for owner, draw in (("ours", ours), ("plain", plain))
        for name, function in compiled(draw).items()
    }
    seconds: dict[tuple[str, str], list[float]] = {which: [] for which in functions}
    for _ in range(repeats):
        for which, function in functions.items():
            seconds[which] += [clock for clock, _ in _times(function, 3)]
    times = {which: _an_image(values, batch) for which, values in seconds.items()}
    rows: dict[str, dict[str, Measurement]] = {"ours": {}, "plain": {}}
    for (owner, name), measurement in times.items():
        rows[owner][f"{name}_ms"] = measurement
        if owner == "ours":
            rows[owner][f"{name}_ratio"] = _ratio(measurement, times["plain", name])
    return [
        Row(f"{_mesh(triangles, size)} beside the plain rasteriser", rows["ours"]),
        Row("plain rasteriser", rows["plain"]),
    ]


def against_vgg(repeats: int) -> list[Row]:
    """Time of the default model with gradient, and of VGG-19 forward, alternating."""
    batch = 8
    renderer = FaceRenderer(face_model_files.read())
    settings = rendered_faces.Settings(batch, images_per_identity=1, seed=SEED.value)
    code = tf.constant(rendered_faces.draw_codes(renderer, settings))
    vgg = tf.keras.applications.VGG19(weights=None)
    images = renderer.render(code).over(0.5)

    @tf.function
    def gradient(code: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(code)
            loss = tf.reduce_sum(renderer.render(code).image ** 2)
        return tape.gradient(loss, code)

    network = tf.function(lambda images: vgg(images, training=False))
    render: list[float] = []
    forward: list[float] = []
    for _ in range(repeats):  # alternating, so that other load on the machine hits both
        render += [clock for clock, _ in _times(lambda: gradient(code), 3)]
        forward += [clock for clock, _ in _times(lambda: network(images), 1)]
    ours, other = _an_image(render, batch), _an_image(forward, batch)
    face = {"gradient_ms": ours, "gradient_ratio": _ratio(ours, other)}
    return [Row("face model beside VGG-19", face), Row("VGG-19", {"forward_ms": other})]


def _mesh(triangles: int, size: int) -> str:
    return f"{len(head(triangles)[1])} triangles at {size}x{size}"


def _an_image(seconds: Sequence[float], batch: int) -> Measurement:
    """Milliseconds an image from the seconds of batches."""
    return Measurement.quartiles(1e3 * np.array(seconds) / batch)


def _ratio(ours: Measurement, other: Measurement) -> Measurement:
    return Measurement.bare(ours.value / other.value, ours.count)


def _times(call: Callable[[], object], repeats: int) -> list[tuple[float, float]]:
    """Seconds (clock, processor) of each of `repeats` calls, after one that may compile."""
    call()
    times = []
    for _ in range(repeats):
        start, before = time.perf_counter(), time.process_time()
        call()
        times.append((time.perf_counter() - start, time.process_time() - before))
    return times


if __name__ == "__main__":
    command_line.run(main, FLAGS)
