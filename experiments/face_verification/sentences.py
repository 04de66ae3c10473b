"""What was measured how, in sentences for below a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging

from attacks import with_levels
from experiments.face_verification.certification_settings import CertificationSettings
from experiments.face_verification.denoisers import (
    given_denoiser,
    sigma_of_row,
    trained_as_in_certify,
)
from experiments.face_verification.measured_noise import DRAWS
from experiments.face_verification.settings import ROBUST
from experiments.face_verification.trained_elsewhere import about_origin
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running.pairs_of_people import OVER_PEOPLE
from resgn.faces.pairs import Pairs
from resgn.generator import GeneratorConfig
from resgn.judge import Judge
from resgn.losses import PAPER_WEIGHTS, TERMS, LossWeights
from resgn.smoothing import Denoiser, Draws, largest_radius
from resgn.verification import PAPER_THRESHOLD


def about_pairs(experiment: VerificationExperiment, epsilons: Sequence[float]) -> list[str]:
    """Figures, data, target and attack."""
    settings, legitimate = experiment.settings, experiment.legitimate
    # Of what comes from a file nobody knows on whom it learned.
    apart, tested = not (settings.start_from or settings.denoiser), legitimate.parts["test"]
    return [
        "Percent verified correctly, 95 % interval in round brackets, the paper's figure in square "
        "ones.",
        *(
            [about_intervals(tested, legitimate.people, f"those of {settings.target}")]
            if legitimate.people is not None
            else []
        ),
        f"Data {settings.dataset}, target {settings.target} with threshold "
        f"{legitimate.threshold:.3f}, FGSM with eps "
        f"{with_levels(epsilons)}, 8-bit images; {settings.pairs.train_same} + "
        f"{settings.pairs.train_different} training examples"
        f"{', people kept apart' if apart else ''}.",
        *(
            [
                "Images are whitened one by one and stretched together to [0, 1], where they are "
                "attacked; FaceNet takes them as they are, as in López's script."
            ]
            if settings.image_range == "lopez"
            else []
        ),
    ]


def about_intervals(pairs: Pairs, people: np.ndarray, which: str = "these") -> str:
    """What intervals of pairs allow for, and how many people these are.

    Args:
      pairs: that were measured on.
      people: int `[I]`, whose the images are that pairs name.
      which: pairs they are, where a table has others, too.
    """
    count = len(np.unique(people[np.r_[pairs.probe, pairs.reference]]))
    return (
        f"{OVER_PEOPLE[0].upper()}{OVER_PEOPLE[1:]}; {which} are of {count} people and "
        f"{len(np.unique(pairs.probe))} probes."
    )


def about_network(experiment: VerificationExperiment) -> list[str]:
    """Which ResGN was measured, every one of a table alike."""
    settings, generator = experiment.settings, experiment.settings.generator
    epochs = settings.training.epochs
    parts = [
        f"ResGN of {generator.blocks} blocks and {generator.maps} maps, {epochs} "
        f"epoch{'' if epochs == 1 else 's'}."
    ]
    if further := settings.further_critics():
        parts.append(
            f"Its verification loss is the mean over {settings.target} and {', '.join(further)}, "
            "each in its own crop (not in the paper)."
        )
    if settings.start_from:
        parts.append(about_origin("It began with"))
    if settings.loss != PAPER_WEIGHTS:
        parts.append(
            f"Loss weights {_weights(settings.loss)} (in the paper {_weights(PAPER_WEIGHTS)})."
        )
    if settings.texture == "small":
        parts.append("The texture critic is the project's small network, not VGG-Face.")
    if settings.calibrate:
        parts.append(
            f"The target's threshold is set on training pairs (the paper's is {PAPER_THRESHOLD:g})."
        )
    if settings.train_spread > 1:
        parts.append(
            f"It learns from intensities of 1 to {settings.train_spread:g} times that of the "
            "attack (not in the paper)."
        )
    if generator.scale > 1:
        parts.append(f"It works at 1/{generator.scale} of the resolution (not in the paper).")
    if generator.image_skip:
        parts.append("Its input is added to its output (not in the paper).")
    return parts


def about_judges(judges: Mapping[str, Judge], random: Sequence[str]) -> list[str]:
    """What further networks see.

    Args:
      judges: by name.
      random: the rows whose cleaner draws anew for each network.
    """
    sentences = [
        f"{name}_...: the same images judged by {name}, in its own crop and with its own "
        f"threshold {judge.threshold:.3f}; it was not attacked."
        for name, judge in judges.items()
    ]
    if judges and random:
        sentences.append(
            f"Not so behind what is random ({', '.join(random)}): each network sees draws of its "
            "own there."
        )
    return sentences


def about_smoothed(experiment: VerificationExperiment) -> list[str]:
    """How the row `smoothed` decides, and how it is attacked."""
    given, smoothed = given_denoiser(experiment), experiment.settings.smoothed
    learning = trained_as_in_certify(experiment)
    return [
        f"smoothed (not in the paper): a ResGN that was trained on Gaussian noise of sigma "
        f"{sigma_of_row(experiment):g} before the target, which stays as it is; the majority of "
        f"{smoothed.draws} noisy copies of the probe decides, with a threshold from noisy training "
        f"pairs. It abstains where the votes are nearer to a tie than "
        f"{100 * smoothed.confidence:g} % confidence allows (binomial test); an abstention counts "
        "as wrong, also without an attack.",
        "Attacks that know it average the gradient of the margin over "
        f"{experiment.settings.adaptive.eot_samples} noisy copies a step (EOT); the best of them "
        f"for each pair is chosen by {smoothed.draws} copies of the attacker's own, and "
        f"{smoothed.draws} fresh ones decide.",
        about_denoisers([given.config if given else learning.settings.generator]),
        about_comparison([given] if given else []),
        about_origin("The denoiser has") if given else about_denoiser_training(learning),
    ]


def about_robust(experiment: VerificationExperiment, epsilon: float) -> str:
    """What the row of a fine-tuned network is."""
    settings, robust = experiment.settings, experiment.settings.robust
    steps = settings.adaptive.adversarial_steps
    learned = min(1.0, robust.strength * epsilon)
    return (
        f"{ROBUST} (not in the paper): no cleaner, but a copy of the target, fine-tuned for "
        f"{robust.epochs} epochs in batches of {robust.batch_size} to give images under PGD of "
        f"{steps} step{'' if steps == 1 else 's'} with eps {with_levels([learned])} through itself "
        "the embedding of the untouched ones, and these their own. It has references and a "
        "threshold of its own, from training pairs; the pairs are those that the target verifies "
        "rightly."
    )


def about_from_zero(experiment: VerificationExperiment, epsilon: float) -> str:
    """What the ResGN learned from that meets weak attacks, too."""
    intensities = experiment.sets.training_intensities(epsilon, from_zero=True)
    return (
        "The one from zero learns from intensities of "
        f"{with_levels(intensities)} in turn (not in the paper)."
    )


def about_certificates(
    experiment: VerificationExperiment,
    settings: CertificationSettings,
    pairs: Pairs,
    denoisers: Sequence[Denoiser],
    trained: bool,
) -> list[str]:
    """What a certificate says, on which pairs, and what stands in square brackets.

    Args:
      experiment: faces and target.
      settings: how many draws.
      pairs: that were certified.
      denoisers: before the target.
      trained: by this run's settings.
    """
    same, probes = int(np.count_nonzero(pairs.same)), len(np.unique(pairs.probe))
    elsewhere = "Denoisers have" if not trained else "Training began with"
    apart = trained and not experiment.settings.start_from
    sentences = [
        "Percent of pairs whose right decision is certified: no change of the probe up to the "
        "radius, in L2 over all pixels of images in [0, 1], turns it, whatever the attacker knows. "
        f"95 % {OVER_PEOPLE}, in round brackets.",
        f"Data {experiment.settings.dataset}, target {experiment.settings.target}; {same} + "
        f"{len(pairs) - same} test pairs that it verifies rightly without noise "
        f"({100 * experiment.legitimate.verified:.2f} % of all that were drawn; the others count "
        f"nowhere){', people kept apart from those of the training' if apart else ''}.",
        *([] if apart else [about_origin(elsewhere)]),
        f"{settings.selection_draws} draws guess the decision and {settings.draws} others bound "
        f"its probability (Clopper and Pearson), {100 * settings.confidence:g} % confidence for "
        "each pair by itself; pairs with one probe share its draws. Probes that are in most pairs, "
        f"of both kinds where there are such, come first, by nothing else: {probes} probes, so "
        "that pairs are less independent than their number says.",
        "clean: the smoothed decision is right without an attack; abstained: neither decision has "
        "a majority beyond doubt. median_radius: 0 where the decision is not certified or wrong, "
        "with the quartiles in brackets. threshold: of the smoothed verifier, from noisy copies of "
        "training probes.",
        about_denoisers([denoiser.config for denoiser in denoisers]),
        about_comparison(denoisers),
        *([about_denoiser_training(experiment)] if trained else []),
        *(
            ["What votes, and so what is certified, computes in bfloat16, the target too."]
            if experiment.settings.precision == "mixed_bfloat16"
            else []
        ),
    ]
    if experiment.settings.dataset == "lfw":
        sentences.append(
            "In square brackets CertRobFR (ECCV 2024), a network that was trained for "
            "certificates, under another protocol and in another crop of 112x112: its radii 0.25 "
            "and 0.75 there are 0.36 and 1.07 at 160x160."
        )
    return sentences


def warn_of_radii(sigma: float, radii: Sequence[float], draws: Draws) -> None:
    """Say which radii no pair can get, before long work.

    Args:
      sigma: standard deviation of the noise, the largest of several.
      radii: up to which decisions are to hold.
      draws: how many noisy copies vote.
    """
    most = largest_radius(sigma, draws)
    beyond = [radius for radius in radii if radius >= most]
    if beyond:
        logging.warning(
            "%d draws and noise of sigma %g certify at most a radius of %.3g: %s will stand at 0. "
            "Give more --draws, or a larger sigma.",
            draws.certification,
            sigma,
            most,
            ", ".join(f"{radius:g}" for radius in beyond),
        )


def about_denoisers(sizes: Sequence[GeneratorConfig]) -> str:
    """Which ResGNs stood before the target."""
    shown = dict.fromkeys(
        f"ResGN of {size.blocks} blocks and {size.maps} maps at "
        + (f"1/{size.scale} of the resolution" if size.scale > 1 else "full resolution")
        for size in sizes
    )
    return f"Denoiser: {' and '.join(shown)}."


def about_comparison(denoisers: Sequence[Denoiser]) -> str:
    """What noisy probes are compared with, and how; without any it is as they are trained now."""
    draws = {denoiser.reference_draws for denoiser in denoisers} or {DRAWS}
    parts = []
    if copies := " or ".join(str(n) for n in sorted(draws) if n):
        parts.append(f"A reference is the mean embedding of {copies} noisy copies of it.")
    if 0 in draws:
        parts.append("A reference is the target's embedding of the untouched photograph.")
    if not denoisers or any(denoiser.whitening for denoiser in denoisers):
        parts.append(
            "The mean of noisy training faces is taken from all embeddings and each direction is "
            "divided by what noise does to it there (within-class covariance normalization); "
            "the target's weights stay as they are."
        )
    return " ".join(parts)


def about_denoiser_training(experiment: VerificationExperiment) -> str:
    """How denoisers were trained."""
    training, loss = experiment.settings.training, experiment.settings.loss
    return (
        f"Trained on noise drawn anew in each step, {training.epochs} epochs in batches of "
        f"{training.batch_size}, loss weights {_weights(loss, loss.active())}."
    )


def _weights(loss: LossWeights, terms: Sequence[str] = TERMS) -> str:
    return ", ".join(f"{term} {getattr(loss, term):g}" for term in terms)
