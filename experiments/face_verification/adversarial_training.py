"""Adversarial training of ResGN: examples crafted through the network as it is at that step.

Algorithm 1 learns from attacks on the bare target, so that it never meets an attack on itself. Here
a share of each batch is attacked anew through the current ResGN and the target behind it, by PGD
from a random start (Madry et al. 2018); the rest stays as the paper has it. Not in the paper.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from attacks import PGD, Criterion, Dodging, round_within
from attacks.objective import Objective
from experiments.face_verification.verification_experiment import VerificationExperiment
from resgn.losses import LossWeights
from resgn.training_set import Batch

CRAFTING_SEED = 11
"""First half of the seeds of random starts; the second is the step's number."""


@dataclasses.dataclass(frozen=True, eq=False)
class CraftedThrough:
    """Makes the images of a training step; compiled into it.

    What is attacked is Eq. 5 itself: the embedding of the cleaned image is driven away from that of
    the legitimate one. It serves dodging and impersonation alike.

    Attributes:
      target: behind the cleaner, images `[N, H, W, 3]` to embeddings `[N, D]`.
      threshold: of the target.
      epsilon: budget in (0, 1].
      steps: of PGD; one is FGSM from a random start (Wong et al. 2020).
      share: of each batch, in (0, 1].
    """

    target: Callable[[tf.Tensor], tf.Tensor]
    threshold: float
    epsilon: float
    steps: int
    share: float

    def __call__(self, cleaner: tf.keras.Model, batch: Batch, step: tf.Tensor) -> tf.Tensor:
        """The images to train on, `[m, H, W, 3]` in [0, 1]."""
        chosen = self.rows(int(batch.adversarial.shape[0]))
        if not len(chosen):
            return batch.adversarial
        originals = tf.gather(batch.legitimate, chosen)
        budgets = tf.fill([len(chosen)], tf.constant(self.epsilon))
        # The distance of an untouched image to itself has no gradient: hence the random start.
        objective = Objective(
            lambda images: self.target(cleaner(images, training=False)),
            self._criterion,
            (tf.gather(batch.embeddings, chosen), tf.fill([len(chosen)], self.threshold)),
            originals,
            None,
            "linf",
        )
        seed = tf.stack([CRAFTING_SEED, tf.cast(step % (1 << 30), tf.int32)])
        crafted = self._attack.perturb_within(objective, budgets, seed)
        crafted = round_within(crafted, originals, budgets)  # as a saved image would be
        return tf.tensor_scatter_nd_update(batch.adversarial, chosen[:, tf.newaxis], crafted)

    def rows(self, count: int) -> np.ndarray:
        """Which rows of a batch are crafted anew: int `[k]`.

        Spread over the batch, whose rows are sorted: dodging comes before impersonation. They are
        known while the step is compiled, so that all shapes are.
        """
        places = np.arange(count)
        spread = np.floor((places + 1) * self.share) > np.floor(places * self.share)
        return np.flatnonzero(spread)

    @property
    def _attack(self) -> PGD:
        return PGD(self.steps, relative_step=1.25 if self.steps == 1 else None)

    @property
    def _criterion(self) -> Criterion:
        with tf.init_scope():  # its rows come with each batch
            return Dodging(tf.zeros([0, 1]), self.threshold)

    def settings(self) -> dict[str, float]:
        """What decides the result beside target and data."""
        return {"epsilon": self.epsilon, "steps": self.steps, "share": self.share}


def crafted_through(experiment: VerificationExperiment, epsilon: float) -> CraftedThrough:
    """As the experiment's settings have it."""
    loss = experiment.critics.loss(LossWeights(verification=1.0).only(("verification",)))
    adaptive = experiment.settings.adaptive
    return CraftedThrough(
        loss.embed,
        loss.threshold,
        epsilon,
        adaptive.adversarial_steps,
        adaptive.adversarial_share,
    )
