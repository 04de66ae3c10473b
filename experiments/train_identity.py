"""Train the identity classifiers of the attack on MoFA: on codes, and with VGG-19 on images.

    python -m experiments.train_identity
    python -m experiments.train_identity --dataset=rendered,celeba,lfw --data_dir=CELEBA,LFW

Both learn the same people. The threshold on the cosine similarity is set on people kept out of the
training, and the figures are those of further people: balanced verification accuracy, the ROC's
area, the share of pairs of two people taken for one. The run's folder gets `identity_code.h5` and
`identity_image.h5`.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tensorflow as tf
import tqdm

from experiments.drawing.figures import save_roc
from experiments.face_autoencoder.mofa_people import load_parts
from experiments.face_autoencoder.mofa_victim import Function
from experiments.face_autoencoder.pictures import CHUNK, Pictures, chunks
from experiments.flags import command_line, model_flags, mofa_flags, precision_flags, run_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.preset_flags import PresetFlags
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from mofa.identity import KINDS, IdentityClassifier, IdentityConfig, pair_similarities
from mofa.identity_training import (
    IdentityFaces,
    IdentityProgress,
    IdentityTrainingConfig,
    embed_all,
    train_identity,
)
from mofa.photographs import SIZE
from resgn.calibration import RocCurve
from resgn.target import embed_all as in_batches
from weights import made_for
from weights.errors import InputError

FLAGS = FlagGroup(mofa_flags.FLAGS, model_flags.FLAGS, precision_flags.FLAGS, run_flags.FLAGS)

PRESETS = PresetFlags(
    FLAGS,
    {
        "identities": "Rendered people to learn from.",
        "images_per_identity": "Pictures of each.",
        "held_out_identities": "Rendered people for the threshold, and as many for the test.",
        "minimum_images": "People with fewer photographs are left out.",
        "embedding": "Length of the embeddings.",
        "parts": "What of a code its classifier sees: identity (shape and albedo) or all.",
        "units": "Hidden units of the classifier on codes.",
        "width": "Factor on VGG-19's maps.",
        "input_size": "Side to which VGG-19 brings its images.",
        "code_epochs": "Passes over the codes.",
        "image_epochs": "Passes over the images.",
        "batch_size": "Faces a step.",
        "learning_rate": "Adam's, at its highest.",
        "triplet_weight": "Weight of the semi-hard triplet loss beside softmax.",
    },
    laptop={
        "identities": 200,
        "images_per_identity": 12,
        "held_out_identities": 30,
        "minimum_images": 5,
        "embedding": 128,
        "parts": "all",
        "units": 512,
        "width": 0.125,
        "input_size": 96,
        "code_epochs": 40,
        "image_epochs": 16,
        "batch_size": 64,
        "learning_rate": 1e-3,
        "triplet_weight": 0.0,
    },
    paper={
        "identities": 8000,
        "images_per_identity": 20,
        "held_out_identities": 1000,
        "minimum_images": 2,
        "embedding": 512,
        "width": 1.0,
        "input_size": 224,
    },
    smoke={
        "identities": 4,
        "images_per_identity": 3,
        "held_out_identities": 3,
        "minimum_images": 2,
        "embedding": 8,
        "units": 16,
        "width": 0.0625,
        "input_size": 32,
        "code_epochs": 2,
        "image_epochs": 2,
        "batch_size": 6,
    },
)
_KINDS = FLAGS.names("kinds", list(KINDS), "Which to train: code, image or both.")


def main(argv: list[str]) -> None:
    """Load the people, train, measure, save."""
    del argv
    if not _KINDS.value or not set(_KINDS.value) <= set(KINDS):
        raise InputError(f"--kinds knows {', '.join(KINDS)}; got {','.join(_KINDS.value)!r}.")
    values = PRESETS.settle()
    sources = mofa_flags.sources()
    precision = precision_flags.precision()
    shared = (*mofa_flags.NAMES, "model", "landmarks", "encoder", "kinds", "seed")
    run = Run(
        "train_identity",
        run_flags.settings_from_flags(list(shared)) | values | {"precision": precision},
        run_flags.place(),
    )
    renderer = mofa_flags.renderer(SIZE)
    rendered = "rendered" in mofa_flags.DATASET.value
    people = load_parts(sources, rendered, renderer, values, values["minimum_images"])
    views = Views(_KINDS.value, values["input_size"])
    given = {part: views.of(each, part == "train") for part, each in people.items()}
    run.same_data(*views.digests)
    rows, curves = [], {}
    for kind in _KINDS.value:
        faces = {part: each[kind] for part, each in given.items()}
        classifier = train(run, kind, values, precision, faces)
        names = ", ".join(mofa_flags.DATASET.value)
        classifier.save(
            run.folder / f"identity_{kind}.h5",
            f"trained by experiments.train_identity on {names}",
            {"encoder": made_for.content(mofa_flags.encoder_path())} if kind == "code" else None,
        )
        row, curves[kind] = measure(classifier, faces["test"])
        rows.append(row)
    save_roc(run.folder / "roc.png", curves)
    notes = (
        f"Trained on {len(people['train'])} pictures of {len(np.unique(people['train'].people))} "
        f"people, thresholds from {len(people['validation'])} pictures of others, measured on all "
        f"pairs of {len(people['test'])} pictures of {len(np.unique(people['test'].people))} more. "
        "Balanced accuracy; no interval, since pairs share pictures."
    )
    print(run.finish(rows, precision, "classifier", notes, plain=("auc", "threshold")))
    print(f"{run.folder}: {', '.join(f'identity_{kind}.h5' for kind in _KINDS.value)}, roc.png")


class Views:
    """What each kind of classifier is given of pictures, which are read a few at a time.

    Attributes:
      digests: hashes of all pictures that were read.

    Args:
      kinds: of classifiers.
      side: of the images that the one on images sees, pixels.
    """

    def __init__(self, kinds: Sequence[str], side: int) -> None:
        self._kinds, self._side = kinds, (side, side)
        self.digests: list[np.ndarray] = []

    def of(self, pictures: Pictures, mirror: bool) -> dict[str, IdentityFaces]:
        """By kind, codes and small images; codes of mirrored pictures, too, to learn from."""
        codes: list[np.ndarray] = []
        mirrored: list[np.ndarray] = []
        small = np.empty([len(pictures) * ("image" in self._kinds), *self._side, 3], np.uint8)
        for start, some in zip(itertools.count(0, CHUNK), chunks(pictures), strict=False):
            digest = hashlib.sha256(np.ascontiguousarray(some.images).data).digest()
            self.digests.append(np.frombuffer(digest, np.uint8))
            if "code" in self._kinds:
                codes.append(in_batches(self._encode, some.images))
                if mirror:
                    mirrored.append(in_batches(self._encode, some.images[:, :, ::-1]))
            if "image" in self._kinds:
                for row, image in enumerate(some.images, start):
                    small[row] = cv2.resize(image, self._side, interpolation=cv2.INTER_AREA)
        found = {}
        if "code" in self._kinds:
            both = np.tile(pictures.people, 2 if mirror else 1)
            found["code"] = IdentityFaces(np.concatenate(codes + mirrored), both)
        if "image" in self._kinds:
            found["image"] = IdentityFaces(small, pictures.people)
        return found

    @functools.cached_property
    def _encode(self) -> Function:
        """The encoder that the flags name, compiled: images `[N, H, W, 3]` to codes `[N, 257]`."""
        model = mofa_flags.network()
        compiled: Function = tf.function(lambda x: model(x, training=False), autograph=False)
        return compiled


def train(
    run: Run, kind: str, values: dict[str, Any], precision: str, faces: dict[str, IdentityFaces]
) -> IdentityClassifier:
    """One classifier, with a line in TensorBoard for each epoch."""
    names = {field.name for field in dataclasses.fields(IdentityConfig)} & set(values)
    config = IdentityConfig(
        kind=kind,
        people=len(np.unique(faces["train"].people)),
        **{name: values[name] for name in names},
    )
    training = IdentityTrainingConfig(
        epochs=values[f"{kind}_epochs"],
        batch_size=values["batch_size"],
        learning_rate=values["learning_rate"],
        triplet_weight=values["triplet_weight"],
        precision=precision if kind == "image" else "float32",
        seed=run_flags.SEED.value,
    )
    with tqdm.tqdm(total=training.epochs, desc=f"training {kind}", unit="epoch") as bar:

        def report(progress: IdentityProgress) -> None:
            bar.update(progress.epoch - bar.n)
            bar.set_postfix_str(f"held out {progress.held_out:.3f}", refresh=False)
            run.log(
                kind,
                progress.epoch,
                {
                    "loss": progress.loss,
                    "accuracy": progress.accuracy,
                    "validation/balanced_accuracy": progress.held_out,
                },
            )

        folder: Path = run.folder / "training" / kind
        return train_identity(config, training, faces["train"], faces["validation"], folder, report)


def measure(classifier: IdentityClassifier, test: IdentityFaces) -> tuple[Row, RocCurve]:
    """`accuracy` at the threshold, `auc`, `false_accepts` and the `threshold`."""
    similarities, same = pair_similarities(embed_all(classifier, test.inputs), test.people)
    accepted = similarities > classifier.threshold
    accuracy = 0.5 * (accepted[same].mean() + (~accepted[~same]).mean())
    roc = RocCurve.of(1.0 - similarities, same)
    paper = classifier.paper_threshold
    count = len(test.people)
    columns = {
        "accuracy": Measurement.bare(float(accuracy), count),
        "auc": Measurement.bare(roc.auc(), count),
        "false_accepts": Measurement.bare(float(accepted[~same].mean()), count),
        "threshold": Measurement.bare(classifier.threshold, count, paper),
    }
    return Row("mofa" if classifier.kind == "code" else "vgg19", columns), roc


if __name__ == "__main__":
    command_line.run(main, FLAGS)
