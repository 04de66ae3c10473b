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

import cv2
import numpy as np
import tensorflow as tf
import tqdm

from experiments.drawing.figures import save_roc
from experiments.face_autoencoder.model_files import ModelFiles
from experiments.face_autoencoder.mofa_people import load_parts
from experiments.face_autoencoder.mofa_victim import Function
from experiments.face_autoencoder.pictures import CHUNK, Pictures, chunks
from experiments.face_autoencoder.training_settings import IdentityTrainingSettings
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import PRECISION, CommandFlags
from experiments.running.precision import settle_precision
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from experiments.running.settings import flat
from mofa.identity import PARTS, IdentityClassifier, check_pairs, pair_similarities
from mofa.identity_training import (
    IdentityFaces,
    IdentityProgress,
    embed_all,
    train_identity,
)
from resgn.calibration import RocCurve
from resgn.target import embed_all as in_batches
from weights import made_for

SETTINGS = CommandFlags(
    IdentityTrainingSettings,
    {
        "identities": "Rendered people to learn from.",
        "held_out_identities": "Rendered people for the threshold, and as many for the test.",
        "minimum_images": "People with fewer photographs are left out.",
        "kinds": "Which classifiers to train: on codes (code), on images (image) or both.",
        "embedding": "Length of the embeddings.",
        "parts": "What of a code the classifier on codes sees: identity (shape and albedo) or "
        "all of it.",
        "units": "Hidden units of the classifier on codes.",
        "width": "Factor on VGG-19's maps.",
        "input_size": "Side to which VGG-19 brings its images.",
        "code_epochs": "Passes over the codes.",
        "image_epochs": "Passes over the images.",
        "batch_size": "Faces a step.",
        "learning_rate": "Adam's learning rate, at its highest.",
        "triplet_weight": "Weight of the semi-hard triplet loss beside softmax.",
        **PRECISION,
    },
    choices={"parts": PARTS},
)
FLAGS = SETTINGS.group


def main(_: list[str]) -> None:
    """Load the people, train, measure, save."""
    settings = SETTINGS.settings()
    settings = settings.but(precision=settle_precision(settings.precision))
    run = Run("train_identity", flat(settings), run_flags.place())
    files = ModelFiles(settings.faces)
    people = load_parts(settings.faces, files.renderer(), settings.people, settings.minimum_images)
    for part in ("validation", "test"):
        check_pairs(people[part].people, part)
    views = Views(settings.kinds, settings.classifier.input_size, files)
    given = {part: views.of(each, part == "train") for part, each in people.items()}
    run.same_data(*views.digests)
    rows, curves = [], {}
    for kind in settings.kinds:
        faces = {part: each[kind] for part, each in given.items()}
        classifier = train(run, kind, settings, faces)
        classifier.save(
            run.folder / f"identity_{kind}.h5",
            f"trained by experiments.train_identity on {settings.faces.names}",
            {"encoder": made_for.content(files.encoder)} if kind == "code" else None,
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
    print(run.finish(rows, settings.precision, "classifier", notes, plain=("auc", "threshold")))
    print(f"{run.folder}: {', '.join(f'identity_{kind}.h5' for kind in settings.kinds)}, roc.png")


class Views:
    """What each kind of classifier is given of pictures, which are read a few at a time.

    Attributes:
      digests: hashes of all pictures that were read.

    Args:
      kinds: of classifiers.
      side: of the images that the one on images sees, pixels.
      files: name the encoder.
    """

    def __init__(self, kinds: Sequence[str], side: int, files: ModelFiles) -> None:
        self._kinds, self._side, self._files = kinds, (side, side), files
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
        """The encoder, compiled: images `[N, H, W, 3]` to codes `[N, 257]`."""
        model = self._files.network()
        compiled: Function = tf.function(lambda x: model(x, training=False), autograph=False)
        return compiled


def train(
    run: Run, kind: str, settings: IdentityTrainingSettings, faces: dict[str, IdentityFaces]
) -> IdentityClassifier:
    """One classifier, with a line in TensorBoard for each epoch."""
    people = len(np.unique(faces["train"].people))
    size = dataclasses.replace(settings.classifier, kind=kind, people=people)
    config = settings.config(kind)
    with tqdm.tqdm(total=config.epochs, desc=f"training {kind}", unit="epoch") as bar:

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

        folder = run.folder / "training" / kind
        return train_identity(size, config, faces["train"], faces["validation"], folder, report)


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
