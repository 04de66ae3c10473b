"""Time and memory of the renderer.

    python -m benchmarks.rendering

One table: milliseconds an image against triangles, image size and batch, forward and with the
gradient, and the peak of memory that the case added to the process (each case runs in a process of
its own). Then the default face model at 224x224 in a batch of 8 with the gradient to all 257
numbers against the forward pass of the full VGG-19 in float32 on the same batch, alternating in one
process. Last the plain rasteriser of `plain_rasterizer` on the 7,000 triangles of the table, again
alternating in one process.
The median of repeated runs is reported; the spread is the quartiles. Beside the time on the clock
stands the processor's time summed over the cores, which other work on the machine inflates less.
"""

from __future__ import annotations

import functools
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from absl import app, flags

# As the entry points have it; before TensorFlow is imported.
import experiments  # noqa: F401
from mofa.arrays import Array

_REPEATS = flags.DEFINE_integer("repeats", 9, "Timed runs of each case.", 3)
_CASE = flags.DEFINE_string("case", None, "Run one case, given as JSON, and print its numbers.")
_VGG = flags.DEFINE_bool("vgg", True, "Compare with VGG-19.")

CASES = (
    *({"triangles": count, "size": 224, "batch": 8} for count in (1000, 7000, 10919, 70789)),
    *({"triangles": 7000, "size": size, "batch": 8} for size in (112, 448)),
    *({"triangles": 7000, "size": 224, "batch": batch} for batch in (1, 32)),
)


def main(argv: list[str]) -> None:
    """Print the tables."""
    del argv
    if _CASE.value == "vgg":
        print(json.dumps(against_vgg(_REPEATS.value)))
        return
    if _CASE.value == "plain":
        print(json.dumps(against_plain(_REPEATS.value)))
        return
    if _CASE.value:
        print(json.dumps(measure(repeats=_REPEATS.value, **json.loads(_CASE.value))))
        return
    print("| triangles | size | batch | forward (processor) | gradient (processor) | peak memory |")
    print("|---|---|---|---|---|---|")
    for case in CASES:
        row = _in_a_process(json.dumps(case))
        print(
            f"| {row['triangles']} | {case['size']} | {case['batch']} | {row['forward']:.1f} "
            f"({row['forward_processor']:.1f}) ms | {row['gradient']:.1f} "
            f"({row['gradient_processor']:.1f}) ms | {row['megabytes']:.0f} MB |",
            flush=True,
        )
    if _VGG.value:
        row = _in_a_process("vgg")
        print(
            f"\nface model, batch of 8 at 224x224, gradient to 257 numbers: {row['render']:.0f} ms "
            f"({row['render_quartiles'][0]:.0f}-{row['render_quartiles'][1]:.0f}); VGG-19 forward: "
            f"{row['vgg']:.0f} ms ({row['vgg_quartiles'][0]:.0f}-{row['vgg_quartiles'][1]:.0f}); "
            f"ratio {row['render'] / row['vgg']:.3f}"
        )
    row = _in_a_process("plain")
    for name in ("forward", "gradient"):
        ours, plain = row[f"ours_{name}"], row[f"plain_{name}"]
        print(
            f"7,000 triangles at 224x224, batch of 8, {name}: {ours:.1f} ms an image; the plain "
            f"rasteriser {plain:.1f} ms; ratio {ours / plain:.2f}"
        )


def _in_a_process(case: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.rendering", f"--case={case}"]
    command.append(f"--repeats={_REPEATS.value}")
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


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


Draw = Callable[[Any, Any], Any]
"""From vertices and colours, each [B, V, 3], to images [B, H, W, 3]."""


def scene(triangles: int, size: int, batch: int) -> tuple[Any, Any, Draw, Draw]:
    """Vertices and colours of heads, our rasteriser of them and the plain one."""
    import tensorflow as tf

    from benchmarks import plain_rasterizer
    from mofa.face_renderer import Camera
    from mofa.rendering import triangle_rasterizer

    vertices, faces = head(triangles)
    camera = Camera(image_size=(size, size), distance=1000.0)
    moved = np.stack([vertices + np.array([number % 7, 0, -1000]) for number in range(batch)])
    points = tf.constant(moved, tf.float32)
    colours = tf.random.stateless_uniform(points.shape, [0, 0])
    matrix = tf.tile(camera.projection()[None], [batch, 1, 1])

    def ours(points: tf.Tensor, colours: tf.Tensor) -> tf.Tensor:
        return triangle_rasterizer.rasterize(
            points, faces, {"colours": colours}, matrix, (size, size)
        )["colours"]

    def plain(points: tf.Tensor, colours: tf.Tensor) -> tf.Tensor:
        return plain_rasterizer.rasterize(points, tf.constant(faces), colours, matrix, (size, size))

    return points, colours, ours, plain


def compiled(draw: Draw) -> dict[str, Draw]:
    """The drawing alone, and with the gradient to vertices and colours."""
    import tensorflow as tf

    def gradient(points: tf.Tensor, colours: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([points, colours])
            loss = tf.reduce_sum(draw(points, colours) ** 2)
        return [tf.convert_to_tensor(part) for part in tape.gradient(loss, [points, colours])]

    return {"forward": tf.function(draw), "gradient": tf.function(gradient)}


def measure(triangles: int, size: int, batch: int, repeats: int) -> dict[str, float]:
    """Milliseconds an image and megabytes of one case."""
    points, colours, ours, _ = scene(triangles, size, batch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = {
        name: _times(functools.partial(function, points, colours), repeats)
        for name, function in compiled(ours).items()
    }
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "triangles": len(head(triangles)[1]),
        "megabytes": (after - before) / 1024.0,
        **{
            name + ending: 1e3 * float(np.median([row[part] for row in values])) / batch
            for name, values in times.items()
            for part, ending in enumerate(("", "_processor"))
        },
    }


def against_plain(repeats: int) -> dict[str, float]:
    """Milliseconds an image, ours and the plain rasteriser alternating."""
    batch = 8
    points, colours, ours, plain = scene(7000, 224, batch)
    np.testing.assert_allclose(ours(points, colours), plain(points, colours), atol=1e-3)
    times: dict[str, list[float]] = {}
    functions = {
        f"{owner}_{name}": functools.partial(function, points, colours)
        for owner, draw in (("ours", ours), ("plain", plain))
        for name, function in compiled(draw).items()
    }
    for _ in range(repeats):
        for name, function in functions.items():
            times.setdefault(name, []).extend(clock for clock, _ in _times(function, 3))
    return {name: 1e3 * float(np.median(values)) / batch for name, values in times.items()}


def against_vgg(repeats: int) -> dict[str, float | list[float]]:
    """Milliseconds a batch of 8: the default model with gradient, and VGG-19 forward."""
    import tensorflow as tf

    from mofa import morphable_model, rendered_faces
    from mofa.face_renderer import FaceRenderer

    renderer = FaceRenderer(morphable_model.read())
    settings = rendered_faces.Settings(identities=8, images_per_identity=1)
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
    render, forward = [], []
    for _ in range(repeats):  # alternating, so that other load on the machine hits both
        render += [clock for clock, _ in _times(lambda: gradient(code), 3)]
        forward += [clock for clock, _ in _times(lambda: network(images), 1)]
    return {
        "render": 1e3 * float(np.median(render)),
        "render_quartiles": (1e3 * np.quantile(render, [0.25, 0.75])).tolist(),
        "vgg": 1e3 * float(np.median(forward)),
        "vgg_quartiles": (1e3 * np.quantile(forward, [0.25, 0.75])).tolist(),
    }


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
    app.run(main)
