"""Every cleaner that a table can have a row for, by name; networks are trained or read back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tqdm

from experiments.face_verification import cleaner_cache
from experiments.face_verification.adversarial_training import crafted_through
from experiments.face_verification.defences import WIDE_RANDOMIZATION, Defence
from experiments.face_verification.denoisers import given_denoiser
from experiments.face_verification.robust_defence import robust_defence
from experiments.face_verification.settings import ROBUST, SMOOTHED, InputCleaners
from experiments.face_verification.smoothed_defence import smoothed_defence
from experiments.face_verification.trained_cleaners import TrainedCleaners
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running.precision import without_loss_scaling
from experiments.running.run import Run
from resgn import cleaners
from resgn.bring_your_own import is_own, own_cleaner
from resgn.cleaners import Cleaner
from resgn.cleaners.apegan import ApeGanConfig, train_apegan
from resgn.cleaners.magnet import MagNetConfig, train_magnet
from resgn.losses import TERMS, LossWeights
from resgn.robust_target import trainable_copy
from weights.errors import InputError

LOSSES = {
    "pixel": ("pixel",),
    "texture": ("texture",),
    "verification": ("verification",),
    "pixel+texture": ("pixel", "texture"),
    "pixel+verification": ("pixel", "verification"),
    "texture+verification": ("texture", "verification"),
    "joint": TERMS,
    "joint+adversarial": TERMS,
}
"""ResGNs by the losses they learn from."""

ADVERSARIAL = "joint+adversarial"
"""The joint ResGN, trained on examples that are crafted through it as it learns."""

TRAINED = ("apegan", "magnet")

INPUT = ("jpeg", "bit_depth", "gaussian_filter", "median_filter", "gaussian_noise")
"""Cleaners that learn nothing."""

OTHERS = (WIDE_RANDOMIZATION, *TRAINED, *INPUT, SMOOTHED, ROBUST)
"""Rows that the paper has not."""

KNOWN = ("none", "randomization", *LOSSES, *OTHERS)
"""Every row that there is, beside one's own."""


def check_cleaner(name: str, experiment: VerificationExperiment) -> None:
    """Say before long work what is wrong with a cleaner's settings or, brought along, with itself.

    Raises:
      InputError: something is.
    """
    if is_own(name):
        own_cleaner(name)
    elif name in LOSSES:
        _check_weights(name, experiment.settings.loss)
    elif name in INPUT:
        _input_cleaner(name, experiment.settings.input_cleaners)
    elif name in TRAINED:
        _config(name, experiment)
    elif name == SMOOTHED:
        given_denoiser(experiment)
    elif name == ROBUST:
        trainable_copy(experiment.target)


def _check_weights(name: str, loss: LossWeights) -> None:
    """A row learns from what it is called by; a term alone weighs 1."""
    left = loss.only(LOSSES[name]).active()
    for term in LOSSES[name]:
        if term not in left:
            raise InputError(
                f"`{term}_weight` is 0, and the row {name} learns from that loss: give it a weight "
                "above 0, or leave the row out."
            )


def random_cleaners(names: Sequence[str], experiment: VerificationExperiment) -> list[str]:
    """Those of the rows whose cleaner gives another image each time."""
    made = {
        name: own_cleaner(name)
        if is_own(name)
        else _input_cleaner(name, experiment.settings.input_cleaners)
        for name in names
        if is_own(name) or name in INPUT
    }
    return [name for name, cleaner in made.items() if cleaner.random]


def needs_texture(names: Sequence[str], given: Mapping[str, Any]) -> bool:
    """Whether a ResGN of these rows learns from the texture critic.

    Args:
      names: of rows.
      given: the values of `smoothing_flags`; a denoiser that is given learns no more.
    """
    trains = () if given.get("denoiser") else TERMS
    return any("texture" in (trains if n == SMOOTHED else LOSSES.get(n, ())) for n in names)


def make_defence(
    name: str, experiment: VerificationExperiment, run: Run, epsilon: float
) -> Defence:
    """The target behind the defence of one row: `none`, a `randomization`, votes, or a cleaner.

    Of `ROBUST` it is a network in its place.

    Args:
      name: of the row.
      experiment: faces, target and settings.
      run: logs and folder of what is trained.
      epsilon: intensity of the attack that a cleaner learns to clean.
    """
    if name == "none":
        return Defence.none(experiment.target)
    if name == SMOOTHED:
        return smoothed_defence(experiment, run)
    if name == ROBUST:
        return robust_defence(experiment, run, epsilon)
    samples = experiment.settings.adaptive.eot_samples
    if name in ("randomization", WIDE_RANDOMIZATION):
        return Defence.randomization(experiment.target, samples, name == WIDE_RANDOMIZATION)
    cleaner = make_cleaner(name, experiment, run, epsilon)
    return Defence.of(cleaner, experiment.target, samples)


def make_cleaner(
    name: str, experiment: VerificationExperiment, run: Run, epsilon: float
) -> Cleaner:
    """The cleaner of one row.

    Args:
      name: of `LOSSES`, `TRAINED` or `INPUT`, or `package.module:callable`.
      experiment: faces, target and settings.
      run: logs and folder of what is trained.
      epsilon: intensity of the attack that it learns to clean, if it learns.

    Raises:
      InputError: a setting is out of range, or one's own cleaner does not work.
    """
    if is_own(name):
        return own_cleaner(name)
    if name in INPUT:
        return _input_cleaner(name, experiment.settings.input_cleaners)
    if name in TRAINED:
        with experiment.preparing:  # the whole of it: its seeds are set within
            return _trained(name, experiment, run, epsilon)
    resgns = TrainedCleaners(experiment, run)
    crafter = crafted_through(experiment, epsilon) if name == ADVERSARIAL else None
    recipe = resgns.recipe(name, epsilon, LOSSES[name], crafter)
    return Cleaner.of_model(name, resgns.get(recipe))


def _input_cleaner(name: str, values: InputCleaners) -> Cleaner:
    make: dict[str, Callable[[], Cleaner]] = {
        "jpeg": lambda: cleaners.jpeg(values.jpeg_quality),
        "bit_depth": lambda: cleaners.bit_depth(values.bits),
        "gaussian_filter": lambda: cleaners.gaussian_filter(
            values.gaussian_side, values.gaussian_sigma
        ),
        "median_filter": lambda: cleaners.median_filter(values.median_side),
        "gaussian_noise": lambda: cleaners.gaussian_noise(values.noise_sigma),
    }
    return make[name]()


def _config(name: str, experiment: VerificationExperiment) -> ApeGanConfig | MagNetConfig:
    settings = experiment.settings
    config: ApeGanConfig | MagNetConfig = getattr(settings, name)
    # ResGN's trainer scales its loss; these two do not.
    precision = without_loss_scaling(settings.precision)
    return dataclasses.replace(config, precision=precision, seed=settings.seed)


def _trained(name: str, experiment: VerificationExperiment, run: Run, epsilon: float) -> Cleaner:
    config = _config(name, experiment)
    train = experiment.sets.training(epsilon)
    with tqdm.tqdm(total=config.epochs, desc=f"training {name}", unit="epoch", leave=False) as bar:

        def report(epoch: int, losses: dict[str, float]) -> None:
            bar.update(epoch - bar.n)  # a resumed training starts further on
            run.log(name, epoch, {f"loss/{loss}": value for loss, value in losses.items()})

        if isinstance(config, ApeGanConfig):
            legitimate = train.images[train.probe]
            folder = _folder(name, experiment, run, config, [train.adversarial, legitimate])
            return train_apegan(train.adversarial, legitimate, config, folder, report)
        faces = train.images[np.union1d(train.probe, train.reference)]
        folder = _folder(name, experiment, run, config, [faces])
        return train_magnet(faces, config, folder, report)


def _folder(
    name: str,
    experiment: VerificationExperiment,
    run: Run,
    config: ApeGanConfig | MagNetConfig,
    data: list[np.ndarray],
) -> Path:
    alone = experiment.devices.workers == 1
    settings = dataclasses.asdict(config)
    return cleaner_cache.training_folder(name, settings, data, run.folder, alone)


def check_names(names: list[str], known: list[str], what: str) -> list[str]:
    """The names asked for.

    Args:
      names: what was asked for.
      known: those of our own.
      what: the parameter's name, for the message.

    Raises:
      InputError: one is unknown or named twice, or there is none.
    """
    unknown = [name for name in names if name not in known and not is_own(name)]
    if unknown or not names or len(set(names)) != len(names):
        raise InputError(
            f"`{what}` names {', '.join(names) or 'nothing'}; choose, each once, from "
            f"{', '.join(known)}."
        )
    return names
