"""What one stack writes and the other reads: python -m tests.stack_exchange write|read FOLDER.

Both leave an archive of numbers, `written.npz` and `read.npz`, for the test to compare.
"""

from __future__ import annotations

import sys
from pathlib import Path

import weights  # noqa: F401 - settles which Keras it is before TensorFlow is imported

# isort: split
import numpy as np
import tensorflow as tf

from attacks import FGSM, PGD, Dodging
from resgn.faces.pairs import make_pairs, split_people
from resgn.generator import GeneratorConfig, residual_generator
from resgn.saved_generator import load_generator, save_generator
from resgn.training import Trainer, TrainingConfig
from tests.resgn.toy_training import LOSS, dataset
from weights import keras_h5

CONFIG = GeneratorConfig(blocks=1, maps=4, in_kernel=3, out_kernel=3, scale=2)
PEOPLE = np.repeat(np.arange(12), 5)
FORMS = ("whole.keras", "whole.h5")


def images() -> np.ndarray:
    return np.random.default_rng(1).random((3, 8, 8, 3), np.float32)


def classifier() -> tf.keras.Model:
    tf.keras.utils.set_random_seed(2)
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            tf.keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.BatchNormalization(name="bn"),
            layers.Flatten(),
            layers.Dense(5, name="dense"),
        ]
    )


def trained(folder: Path, epochs: int) -> tuple[list[int], list[np.ndarray]]:
    """Train to an epoch; which epochs that took, and the weights that came of it."""
    config = TrainingConfig(
        epochs=epochs, batch_size=2, learning_rate=1e-3, schedule="constant", average=0.9, seed=5
    )
    seen: list[int] = []
    trainer = Trainer(CONFIG, LOSS, config, folder)
    trainer.train(
        dataset(), lambda model: {"none": 0.0}, report=lambda progress: seen.append(progress.epoch)
    )
    return seen, trainer.model.get_weights()


def write(folder: Path) -> dict[str, np.ndarray]:
    tf.keras.utils.set_random_seed(3)
    generator = residual_generator(CONFIG)
    save_generator(generator, CONFIG, folder / "resgn.h5", {"source": "a test"})
    network = classifier()
    for form in FORMS:
        network.save(folder / form)
    keras_h5.save_weights(network, folder / "weights.h5")
    trained(folder / "training", epochs=1)
    _, both = trained(folder / "whole_training", epochs=2)

    def embed(x: tf.Tensor) -> tf.Tensor:
        return tf.math.l2_normalize(network(x), -1)

    reference = embed(images()[:, ::-1]).numpy()
    criterion = Dodging(reference, 0.5)
    parts = split_people(PEOPLE, (0.5, 0.5), seed=7)
    pairs = make_pairs(PEOPLE, parts[0], 20, 20, seed=7)
    return {
        "initial": np.concatenate([w.ravel() for w in generator.get_weights()]),
        "cleaned": generator(images()).numpy(),
        "classified": network(images()).numpy(),
        "trained": np.concatenate([w.ravel() for w in both]),
        "people": np.concatenate(parts),
        "pairs": np.stack([pairs.probe, pairs.reference]),
        "fgsm": FGSM().craft(embed, images(), criterion, epsilons=[0.03])[0],
        "pgd": PGD(5).craft(embed, images(), criterion, epsilons=[0.03], seed=11)[0],
    }


def read(folder: Path) -> dict[str, np.ndarray]:
    loaded = load_generator(folder / "resgn.h5")
    found = {"cleaned": loaded.model(images()).numpy()}
    for form in ("whole.h5", "weights.h5"):
        network = classifier()
        network.set_weights([w + 1.0 for w in network.get_weights()])
        keras_h5.load_weights(network, folder / form)
        found[f"classified {form}"] = network(images()).numpy()
    # Keras 2.15 does not know all that later ones write of a layer.
    if not tf.__version__.startswith("2.15"):
        for form in FORMS:
            network = tf.keras.models.load_model(folder / form, compile=False)
            found[f"classified {form} by Keras"] = network(images()).numpy()
    epochs, numbers = trained(folder / "training", epochs=2)
    found["epochs"] = np.array(epochs)
    found["trained"] = np.concatenate([w.ravel() for w in numbers])
    return found


if __name__ == "__main__":
    place = Path(sys.argv[2])
    name, numbers = {"write": ("written", write), "read": ("read", read)}[sys.argv[1]]
    np.savez(place / f"{name}.npz", **numbers(place))
