"""The row `robust_target`: no cleaner, but a copy of the target that was fine-tuned on attacks."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf
import tqdm

from experiments.face_verification import cleaner_cache
from experiments.face_verification.adversarial_training import CraftedThrough
from experiments.face_verification.defences import Defence, OwnVerification
from experiments.face_verification.settings import ROBUST
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running.run import Run
from resgn.calibration import calibrate_threshold
from resgn.robust_target import Adversary, save_robust, train_robust
from resgn.target import Target, embed_all
from resgn.training_set import Batch


def robust_defence(experiment: VerificationExperiment, run: Run, epsilon: float) -> Defence:
    """Tuned now, or before on the same images; left as `networks/robust_target.h5` in the folder.

    Checkpoints lie in the user's cache, where a training goes on that was cut off. References and
    threshold are the network's own; the threshold is the best one on the pairs drawn for training.

    Args:
      experiment: faces, target and settings.
      run: logs and folder.
      epsilon: intensity of the attack that it is to withstand.

    Raises:
      InputError: the target is no Keras network, or a loss is not finite.
    """
    settings, legitimate = experiment.settings, experiment.legitimate
    config = dataclasses.replace(settings.robust, seed=settings.seed)
    steps, learned = settings.adaptive.adversarial_steps, min(1.0, config.strength * epsilon)
    drawn = legitimate.learned_from
    rows = np.unique(np.r_[drawn.probe, drawn.reference])
    images = legitimate.images[rows]
    key = dataclasses.asdict(config) | {
        "target": experiment.critics.target_name,
        "epsilon": learned,
        "steps": steps,
    }
    alone = experiment.devices.workers == 1
    folder = cleaner_cache.training_folder(ROBUST, key, [images], run.folder, alone)
    bar = tqdm.tqdm(total=config.epochs, desc=f"training {ROBUST}", unit="epoch", leave=False)
    with bar:

        def report(epoch: int, losses: dict[str, float]) -> None:
            bar.update(epoch - bar.n)  # a resumed training starts further on
            run.log(ROBUST, epoch, {f"loss/{loss}": value for loss, value in losses.items()})

        robust = train_robust(
            experiment.target,
            images,
            legitimate.embeddings[rows],
            adversary(learned, steps),
            config,
            folder,
            report,
        )
    embeddings = embed_all(experiment.devices.shared(robust.compiled), legitimate.images)
    difference = embeddings[drawn.probe] - embeddings[drawn.reference]
    threshold = calibrate_threshold(np.sum(np.square(difference), axis=-1), drawn.same)
    about = {"threshold": threshold, "dataset": experiment.dataset.name, **_shown(key)}
    file = run.folder / "networks" / f"{ROBUST}.h5"
    save_robust(robust, experiment.target, file, about)
    own = OwnVerification(lambda rows: embeddings[rows], threshold)
    return Defence(ROBUST, robust, robust, own=own)


def adversary(epsilon: float, steps: int) -> Adversary:
    """PGD from a random start that drives embeddings away from those that are wanted.

    Args:
      epsilon: budget in (0, 1].
      steps: of PGD; one is FGSM from a random start.
    """
    craft = CraftedThrough(tf.identity, 1.0, epsilon, steps, share=1.0)

    def attacked(
        robust: Target, images: tf.Tensor, wanted: tf.Tensor, step: tf.Tensor
    ) -> tf.Tensor:
        batch = Batch(images, images, tf.zeros([len(images), 0]), wanted)
        return craft(lambda x, training: robust(x), batch, step)

    return attacked


def _shown(key: dict[str, str | int | float]) -> dict[str, str | int | float]:
    """What its file says of the training."""
    return {name: value for name, value in key.items() if name != "target"}
