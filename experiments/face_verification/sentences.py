"""What was measured how, in sentences for below a table."""

from __future__ import annotations

from collections.abc import Sequence

from attacks import with_levels
from experiments.face_verification.verification_experiment import VerificationExperiment


def about_pairs(experiment: VerificationExperiment, epsilons: Sequence[float]) -> list[str]:
    """Figures, data, target and attack."""
    settings = experiment.settings
    return [
        "Percent verified correctly, 95 % Wilson interval in round brackets, the paper's "
        "figure in square ones.",
        f"Data {settings.dataset}, target {settings.target} with threshold "
        f"{experiment.legitimate.threshold:.3f}, FGSM with eps "
        f"{with_levels(epsilons)}, 8-bit images; {settings.pairs.train_same} + "
        f"{settings.pairs.train_different} training examples, people kept apart.",
    ]


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
        parts.append("It was trained on from one that had been trained before.")
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


def about_from_zero(experiment: VerificationExperiment, epsilon: float) -> str:
    """What the ResGN learned from that meets weak attacks, too."""
    intensities = experiment.sets.training_intensities(epsilon, from_zero=True)
    return (
        "The one from zero learns from intensities of "
        f"{with_levels(intensities)} in turn (not in the paper)."
    )
