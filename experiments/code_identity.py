"""Is the identity in MoFA's code? Verification by shape and albedo alone.

    python -m experiments.code_identity --dataset=celeba,lfw --data_dir=CELEBA,LFW
    python -m experiments.code_identity                                      # rendered people

Nothing is trained: two pictures are one person where the cosine of their shape and albedo
coefficients, in standard deviations, is high. All pairs of pictures of people whom the default
encoder has not seen; rows for shape and albedo together and for each alone. With --refine, the same
of the codes after so many Gauss-Newton steps on each picture, some seconds a picture. `roc.png` has
the curves.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from experiments.drawing.figures import save_roc
from experiments.face_autoencoder.model_files import ModelFiles
from experiments.face_autoencoder.mofa_people import load_people
from experiments.face_autoencoder.over_people import ALIKE, widened
from experiments.face_autoencoder.refining import refined
from experiments.face_autoencoder.settings import FaceSettings
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import CommandFlags
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from experiments.running.settings import check_at_least, flat, part
from mofa import encoder
from mofa.arrays import Array
from mofa.code_similarity import auc_interval, unit_parts
from mofa.identity import pair_similarities
from resgn.calibration import RocCurve
from resgn.target import embed_all

PARTS = {"shape+albedo": ("shape", "albedo"), "shape": ("shape",), "albedo": ("albedo",)}
PICTURES = 8


@dataclasses.dataclass(frozen=True)
class CodeIdentitySettings:
    """What decides the result.

    Attributes:
      people: rendered ones, with eight pictures each.
      refine: Gauss-Newton steps on each code; 0 for the encoder's own alone.
      resamples: draws of people for the intervals.
      seed: of these draws.
    """

    faces: FaceSettings = part(FaceSettings())
    people: int = 60
    refine: int = 0
    resamples: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        check_at_least(self, 2, "people")
        check_at_least(self, 1, "resamples")
        check_at_least(self, 0, "refine")


SETTINGS = CommandFlags(
    CodeIdentitySettings,
    {
        "people": "Rendered people, with eight pictures each.",
        "refine": "Gauss-Newton steps on each code; 0 for the encoder's own alone.",
        "resamples": "Draws of people for the intervals.",
    },
)
FLAGS = SETTINGS.group


def main(_: list[str]) -> None:
    """Encode, compare, write result and plot."""
    settings = SETTINGS.settings()
    run = Run("code_identity", flat(settings), run_flags.place())
    files = ModelFiles(settings.faces, encoder.ALEXNET_PATH)
    renderer, model = files.renderer(), files.network()
    encode = tf.function(lambda images: model(images, training=False), autograph=False)
    sets = {
        name: load_people(
            faces, "test", renderer, settings.people, PICTURES, minimum_images=2, whole=True
        )
        for name, faces in settings.faces.one_by_one().items()
    }
    rows, curves, about = [], {}, []
    for name, pictures in sets.items():
        people = pictures.part(slice(None))
        code = embed_all(encode, people.images)
        found = {"": code}
        if settings.refine:
            found[",refined"] = refined(
                renderer, people.images, people.landmarks, code, settings.refine
            )
        about.append(f"{name}: {len(people)} pictures of {len(np.unique(people.people))} people")
        for suffix, each in found.items():
            for kind, slices in PARTS.items():
                row, curve = measure(
                    f"{name},{kind}{suffix}", unit_parts(each, slices), people.people, settings
                )
                rows.append(row)
                curves[row.name] = curve
    save_roc(run.folder / "roc.png", curves)
    notes = (
        f"{'; '.join(about)}; all pairs. Intervals of 95 % from {settings.resamples} draws of as "
        f"many people, with replacement; {ALIKE}."
    )
    print(run.finish(rows, "float32", "people, code", notes, plain=("auc",)))
    print(f"{run.folder}: code_identity.md, .csv, result.json, roc.png")


def measure(
    name: str, embeddings: Array, people: Array, settings: CodeIdentitySettings
) -> tuple[Row, RocCurve]:
    """`auc`, `eer` and `tar_at_far_0.01` of unit embeddings [M, D], and the curve."""
    similarities, same = pair_similarities(embeddings, people)
    curve = RocCurve.of(1.0 - similarities, same)
    low, high = auc_interval(similarities, people, settings.resamples, settings.seed)
    count, auc = len(people), curve.auc()
    columns = {
        "auc": widened(Measurement(auc, low, high, count), len(np.unique(people))),
        "eer": Measurement.bare(curve.equal_error_rate(), count),
        "tar_at_far_0.01": Measurement.bare(curve.tar_at_far(0.01), count),
    }
    return Row(name, columns), curve


if __name__ == "__main__":
    command_line.run(main, FLAGS)
