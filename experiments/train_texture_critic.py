"""Train the default texture critic, `weights/vgg_face_small.h5`.

It learns to tell people apart on LFW and CelebA; its fc7 then serves ResGN's texture loss (Eq. 4)
where the released VGG-Face is not at hand. A tenth of the people is kept out and measures
verification.

    python -m experiments.train_texture_critic --lfw_dir=... --celeba_dir=...
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
import tqdm

import weights as weights_room
from experiments.flags import command_line, file_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.run_flags import SEED, SEEDED
from resgn.calibration import RocCurve, ten_fold
from resgn.faces.alignment import aligned_faces
from resgn.faces.celeba import load_celeba
from resgn.faces.lfw import load_lfw
from resgn.faces.pairs import make_pairs, split_people
from resgn.target import embed_all
from resgn.texture_critic import augment, identity_classifier
from resgn.vgg_face import vgg_face
from weights import keras_h5
from weights.batch_norm import fold_batch_norm
from weights.errors import InputError

FLAGS = FlagGroup(file_flags.FLAGS, SEEDED)

_LFW = FLAGS.string("lfw_dir", None, "LFW's folder.")
_CELEBA = FLAGS.string("celeba_dir", None, "CelebA's folder.")
_WIDTH = FLAGS.number("width", 0.125, "Factor on VGG-16's maps and units.", 0.001, 1.0)
_EPOCHS = FLAGS.integer("epochs", 14, "Passes over the training people.", 1)
_BATCH = FLAGS.integer("batch_size", 32, "Images a step.", 2)
_RATE = FLAGS.number("learning_rate", 1e-3, "Adam's, falling to 0 along a cosine.", 0.0)
_SIZE = FLAGS.integer("input_size", 96, "Side of the images that the critic sees.", 32)
_MINIMUM = FLAGS.integer("minimum_images", 8, "People with fewer photographs are left out.")
_MAXIMUM = FLAGS.integer("maximum_images", 30, "Photographs taken of one person at the most.")

HELD_OUT = 0.1
PAIRS = 1000


def main(_: list[str]) -> None:
    """Load, train, fold, measure on people kept out, save."""
    tf.keras.utils.set_random_seed(SEED.value)
    images, people = load_people()
    train, held_out = split_people(people, (1.0 - HELD_OUT, HELD_OUT), SEED.value)
    classes, labels = np.unique(people[train], return_inverse=True)
    print(
        f"{len(train)} photographs of {len(classes)} people, {len(held_out)} photographs kept out"
    )
    model = identity_classifier(_WIDTH.value, len(classes), _SIZE.value)
    began = time.time()
    accuracy = fit(model, images, train, labels)
    output = Path(
        file_flags.OUTPUT.value or Path(weights_room.__file__).parent / "vgg_face_small.h5"
    )
    keras_h5.save_layer_weights(
        fold_batch_norm(model),
        output,
        {
            "source": "trained by experiments.train_texture_critic on LFW and CelebA identities",
            "width": _WIDTH.value,
            "input_size": _SIZE.value,
            "channel_order": "RGB",
            "mean": [129.1863, 104.7624, 93.5940],
        },
    )
    figures = {
        "training_images": len(train),
        "training_people": len(classes),
        "training_accuracy_last_epoch": round(accuracy, 4),
        "held_out_people": len(np.unique(people[held_out])),
        **measure(output, images, people, held_out),
        "minutes": round((time.time() - began) / 60, 1),
    }
    print(json.dumps(figures, indent=2))


def load_people() -> tuple[np.ndarray, np.ndarray]:
    """Aligned photographs `[N, 160, 160, 3]` of people with enough of them, and who they are."""
    images, people, offset = [], [], 0
    for folder, load in ((_LFW.value, load_lfw), (_CELEBA.value, load_celeba)):
        if folder is None:
            continue
        dataset = load(folder)
        rows = [np.flatnonzero(dataset.people == person) for person in range(len(dataset.names))]
        chosen = [r[: _MAXIMUM.value] for r in rows if len(r) >= _MINIMUM.value]
        faces = aligned_faces(dataset, np.concatenate(chosen))
        images.append(faces.images)
        people.append(faces.people + offset)
        offset += len(dataset.names)
    if not images:
        raise InputError("Nothing to train on: give --lfw_dir, --celeba_dir or both.")
    return np.concatenate(images), np.concatenate(people)


def fit(model: tf.keras.Model, images: np.ndarray, train: np.ndarray, labels: np.ndarray) -> float:
    """Train with cross-entropy; returns the last epoch's accuracy on augmented images."""
    steps = len(train) // _BATCH.value
    rate = tf.keras.optimizers.schedules.CosineDecay(_RATE.value, steps * _EPOCHS.value)
    optimizer = tf.keras.optimizers.Adam(rate)
    loss = tf.keras.losses.CategoricalCrossentropy(from_logits=True)
    classes = model.output_shape[-1]

    @tf.function
    def step(batch: tf.Tensor, target: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        batch = augment(tf.cast(batch, tf.float32) / 255.0, seed)
        batch = tf.image.resize(batch, [_SIZE.value, _SIZE.value])  # as vgg_face itself does
        with tf.GradientTape() as tape:
            logits = model(batch, training=True)
            value = loss(tf.one_hot(target, classes), logits)
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return tf.argmax(logits, -1, tf.int32) == target

    rng = np.random.default_rng(SEED.value)
    accuracy = 0.0
    for epoch in range(_EPOCHS.value):
        order = rng.permutation(len(train))
        hits: list[np.ndarray] = []
        bar = tqdm.trange(steps, desc=f"epoch {epoch + 1}/{_EPOCHS.value}")
        for number in bar:
            rows = order[number * _BATCH.value : (number + 1) * _BATCH.value]
            seed = tf.constant([SEED.value, epoch * steps + number])
            target = tf.constant(labels[rows], tf.int32)
            hits.append(step(tf.constant(images[train[rows]]), target, seed).numpy())
            bar.set_postfix_str(f"accuracy {np.mean(hits[-100:]):.3f}", refresh=False)
        accuracy = float(np.mean(hits))
    return accuracy


def measure(
    path: Path, images: np.ndarray, people: np.ndarray, held_out: np.ndarray
) -> dict[str, float]:
    """Verification of people never seen, by fc7 scaled to unit length."""
    critic = tf.function(vgg_face(path))
    pairs = make_pairs(people, held_out, PAIRS, PAIRS, SEED.value)
    features = embed_all(critic, images[held_out])
    features /= np.linalg.norm(features, axis=-1, keepdims=True)
    rows = np.full(len(people), -1)
    rows[held_out] = np.arange(len(held_out))
    difference = features[rows[pairs.probe]] - features[rows[pairs.reference]]
    distances = np.sum(np.square(difference), axis=-1)
    folds = np.concatenate([np.arange(PAIRS) % 10, np.arange(PAIRS) % 10])
    correct, _ = ten_fold(distances, pairs.same, folds)
    roc = RocCurve.of(distances, pairs.same)
    return {
        "held_out_verification_accuracy": round(float(correct.mean()), 4),
        "held_out_auc": round(roc.auc(), 4),
        "held_out_eer": round(roc.equal_error_rate(), 4),
    }


if __name__ == "__main__":
    command_line.run(main, FLAGS)
