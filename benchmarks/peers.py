"""The same FGSM and PGD in foolbox, ART and cleverhans, as their documentation calls them.

They attack classifiers: verification becomes two logits, (threshold - distance) and its negative,
whose cross-entropy grows with the distance. Every peer is handed the network as a `tf.function`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

Craft = Callable[[], np.ndarray]
"""Attacks the batch, returns the images."""


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """What all libraries are given.

    Attributes:
      logits: from images `[N, H, W, 3]` to `[N, 2]`; class 0 is "same person".
      images: float32 `[N, H, W, 3]` in [0, 1].
      epsilon: L-infinity budget.
      steps: of PGD, without a random start.
      relative_step: step size as a share of epsilon.
    """

    logits: Callable[[tf.Tensor], tf.Tensor]
    images: np.ndarray
    epsilon: float
    steps: int
    relative_step: float

    @property
    def labels(self) -> np.ndarray:
        """All pairs are of one person, int64 `[N]`."""
        return np.zeros(len(self.images), np.int64)


def foolbox(task: Task) -> dict[str, Craft]:
    """foolbox's attacks; they also judge success, which cannot be switched off."""
    import foolbox

    model = foolbox.TensorFlowModel(task.logits, bounds=(0.0, 1.0), device="/CPU:0")
    images, labels = tf.constant(task.images), tf.constant(task.labels)
    pgd = foolbox.attacks.LinfPGD(
        rel_stepsize=task.relative_step, steps=task.steps, random_start=False
    )

    def run(attack: Any) -> np.ndarray:
        return attack(model, images, labels, epsilons=task.epsilon)[1].numpy()

    return {"FGSM": lambda: run(foolbox.attacks.FGSM(random_start=False)), "PGD": lambda: run(pgd)}


def art(task: Task) -> dict[str, Craft]:
    """The Adversarial Robustness Toolbox."""
    from art.attacks.evasion import FastGradientMethod, ProjectedGradientDescentTensorFlowV2
    from art.estimators.classification import TensorFlowV2Classifier

    classifier = TensorFlowV2Classifier(
        model=lambda x, training=False: task.logits(x),
        nb_classes=2,
        input_shape=task.images.shape[1:],
        loss_object=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        clip_values=(0.0, 1.0),
    )
    size = len(task.images)
    fgsm = FastGradientMethod(classifier, eps=task.epsilon, batch_size=size)
    pgd = ProjectedGradientDescentTensorFlowV2(
        classifier,
        eps=task.epsilon,
        eps_step=task.epsilon * task.relative_step,
        max_iter=task.steps,
        batch_size=size,
        verbose=False,
    )
    return {
        "FGSM": lambda: fgsm.generate(task.images, task.labels),
        "PGD": lambda: pgd.generate(task.images, task.labels),
    }


def cleverhans(task: Task) -> dict[str, Craft]:
    """cleverhans 4 for TensorFlow 2."""
    from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method
    from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

    images, labels = tf.constant(task.images), tf.constant(task.labels)
    limits = {"clip_min": 0.0, "clip_max": 1.0, "y": labels}

    def fgsm() -> np.ndarray:
        return fast_gradient_method(task.logits, images, task.epsilon, np.inf, **limits).numpy()

    def pgd() -> np.ndarray:
        return projected_gradient_descent(
            task.logits,
            images,
            task.epsilon,
            task.epsilon * task.relative_step,
            task.steps,
            np.inf,
            rand_init=False,
            sanity_checks=False,  # they end in NumPy and cost time
            **limits,
        ).numpy()

    return {"FGSM": fgsm, "PGD": pgd}


PEERS: dict[str, Callable[[Task], dict[str, Craft]]] = {
    "foolbox": foolbox,
    "ART": art,
    "cleverhans": cleverhans,
}


def installed_peers(task: Task) -> tuple[dict[str, dict[str, Craft]], list[str]]:
    """The attacks of every peer that is installed, and why others are left out."""
    found: dict[str, dict[str, Craft]] = {}
    missing: list[str] = []
    for name, make in PEERS.items():
        _add(name, make, task, found, missing)
    return found, missing


def _add(
    name: str,
    make: Callable[[Task], dict[str, Craft]],
    task: Task,
    found: dict[str, dict[str, Craft]],
    missing: list[str],
) -> None:
    try:
        found[name] = make(task)
    except ImportError as error:
        missing.append(f"{name} is left out: {error}.")
