"""What TensorBoard shows of a training beside its losses: graph, weights, hyperparameters, images.

Every training writes to a folder of its own, so that they can be laid over each other and, by their
hyperparameters, be compared in one view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from experiments.running.run import Run
from resgn.target import CROP_SIZE, to_float
from resgn.verification_set import COLUMNS, VerificationSet

_METRICS = [
    hparams.Metric(f"{part}/{column}", display_name=f"{part}: {column}")
    for part in ("test", "validation")
    for column in COLUMNS
]


def log_hyperparameters(run: Run, name: str, values: Mapping[str, str | float | bool]) -> None:
    """What a training is compared by, for the tab HParams."""
    with run.writer("").as_default(step=0):
        # The same for every training of every run: which columns the table has.
        hparams.hparams_config([hparams.HParam(each) for each in values], _METRICS)
    with run.writer(name).as_default(step=0):
        hparams.hparams(dict(values), trial_id=f"{name} ({run.folder.name})")


def log_graph(run: Run, name: str, model: tf.keras.Model) -> None:
    """The network's graph on one image, in inference."""
    function = tf.function(lambda images: model(images, training=False))
    concrete = function.get_concrete_function(
        tf.TensorSpec([1, CROP_SIZE, CROP_SIZE, 3], tf.float32, name="images")
    )
    with run.writer(name).as_default(step=0):
        tf.summary.graph(concrete.graph.as_graph_def())


def log_weights(run: Run, name: str, step: int, model: tf.keras.Model) -> None:
    """Histograms of every layer's weights."""
    with run.writer(name).as_default(step=step):
        for layer in model.layers:
            for variable in layer.weights:
                kind = variable.name.rsplit("/", 1)[-1].split(":")[0]
                tf.summary.histogram(f"weights/{layer.name}/{kind}", variable)


def log_panels(
    run: Run,
    name: str,
    step: int,
    cleaner: Callable[[tf.Tensor], tf.Tensor],
    part: str,
    pairs: VerificationSet,
    epsilon: float,
) -> None:
    """Legitimate, adversarial, perturbation amplified and cleaned, side by side, of a few pairs."""
    for column, rows in (
        ("dodging", np.flatnonzero(pairs.same)[:2]),
        ("impersonation", np.flatnonzero(~pairs.same)[:2]),
    ):
        legitimate = pairs.images[pairs.probe[rows]] / np.float32(255)
        adversarial = pairs.adversarial[rows] / np.float32(255)
        amplified = np.clip(0.5 + (adversarial - legitimate) / (2 * epsilon), 0, 1)
        cleaned = cleaner(to_float(pairs.adversarial[rows])).numpy()
        panel = np.concatenate([legitimate, adversarial, amplified, cleaned], axis=2)
        title = f"{part}/{column}: legitimate, adversarial, perturbation, cleaned"
        run.log_images(name, step, {title: panel})
