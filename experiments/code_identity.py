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

import numpy as np
import tensorflow as tf

from experiments.drawing.figures import save_roc
from experiments.face_autoencoder.mofa_people import load_people
from experiments.face_autoencoder.refining import refined
from experiments.flags import command_line, model_flags, mofa_flags, run_flags
from experiments.flags.groups import FlagGroup
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from mofa import encoder
from mofa.arrays import Array
from mofa.code_similarity import auc_interval, unit_parts
from mofa.identity import pair_similarities
from mofa.photographs import SIZE
from resgn.calibration import RocCurve
from resgn.target import embed_all

FLAGS = FlagGroup(mofa_flags.FLAGS, model_flags.FLAGS, run_flags.FLAGS)

_PEOPLE = FLAGS.integer("people", 60, "Rendered people, with eight pictures each.", 2)
_REFINE = FLAGS.integer(
    "refine", 0, "Gauss-Newton steps on each code; 0 for the encoder's own alone.", lower=0
)
_RESAMPLES = FLAGS.integer("resamples", 200, "Draws of people for the intervals.", 1)


PARTS = {"shape+albedo": ("shape", "albedo"), "shape": ("shape",), "albedo": ("albedo",)}
_PICTURES = 8


def main(argv: list[str]) -> None:
    """Encode, compare, write result and plot."""
    del argv
    names = [*mofa_flags.NAMES, "model", "landmarks", "encoder", "people", "refine"]
    names += ["resamples", "seed"]
    run = Run("code_identity", run_flags.settings_from_flags(names), run_flags.place())
    renderer = mofa_flags.renderer(SIZE, encoder.ALEXNET_PATH)
    model = mofa_flags.network(encoder.ALEXNET_PATH)
    encode = tf.function(lambda images: model(images, training=False), autograph=False)
    sources = mofa_flags.sources()
    sets = {
        source.name: load_people([source], False, "test", renderer, 0, 0, 2) for source in sources
    }
    if "rendered" in mofa_flags.DATASET.value:
        sets["rendered"] = load_people(
            [], True, "test", renderer, _PEOPLE.value, _PICTURES, minimum_images=2
        )
    rows, curves, about = [], {}, []
    for name, pictures in sets.items():
        people = pictures.part(slice(None))
        code = embed_all(encode, people.images)
        found = {"": code}
        if _REFINE.value:
            found[",refined"] = refined(
                renderer, people.images, people.landmarks, code, _REFINE.value
            )
        about.append(f"{name}: {len(people)} pictures of {len(np.unique(people.people))} people")
        for suffix, each in found.items():
            for part, slices in PARTS.items():
                row, curve = measure(
                    f"{name},{part}{suffix}", unit_parts(each, slices), people.people
                )
                rows.append(row)
                curves[row.name] = curve
    save_roc(run.folder / "roc.png", curves)
    notes = (
        f"{'; '.join(about)}; all pairs. Intervals of 95 % from {_RESAMPLES.value} draws of as "
        "many people, with replacement."
    )
    print(run.finish(rows, "float32", "people, code", notes, plain=("auc",)))
    print(f"{run.folder}: code_identity.md, .csv, result.json, roc.png")


def measure(name: str, embeddings: Array, people: Array) -> tuple[Row, RocCurve]:
    """`auc`, `eer` and `tar_at_far_0.01` of unit embeddings [M, D], and the curve."""
    similarities, same = pair_similarities(embeddings, people)
    curve = RocCurve.of(1.0 - similarities, same)
    low, high = auc_interval(similarities, people, _RESAMPLES.value, run_flags.SEED.value)
    count = len(people)
    columns = {
        "auc": Measurement(curve.auc(), low, high, count),
        "eer": Measurement.bare(curve.equal_error_rate(), count),
        "tar_at_far_0.01": Measurement.bare(curve.tar_at_far(0.01), count),
    }
    return Row(name, columns), curve


if __name__ == "__main__":
    command_line.run(main, FLAGS)
