"""Flags of the cleaners beside ResGN, of attacks that know a defence, and of one's own defence."""

from __future__ import annotations

from absl import flags

from experiments.flags.presets import help_of


def _integer(name: str, text: str) -> None:
    flags.DEFINE_integer(name, None, f"{text} {help_of(name)}")


def _float(name: str, text: str) -> None:
    flags.DEFINE_float(name, None, f"{text} {help_of(name)}")


_integer("jpeg_quality", "Quality of the JPEG cleaner, 1 to 100.")
_integer("bits", "Bits that bit depth reduction leaves.")
_integer("gaussian_side", "Side of the Gaussian filter's kernel in pixels.")
_float("gaussian_sigma", "Standard deviation of the Gaussian filter in pixels.")
_integer("median_side", "Side of the median filter in pixels.")
_float("noise_sigma", "Standard deviation of the Gaussian noise, in images of [0, 1].")

_integer("apegan_maps", "Feature maps of APE-GAN's first convolutions.")
_integer("apegan_epochs", "Passes over APE-GAN's training examples.")
_integer("apegan_batch_size", "Examples of each of APE-GAN's steps.")
_float("apegan_learning_rate", "APE-GAN's learning rate.")
_integer("magnet_maps", "Feature maps of MagNet's reformer.")
_integer("magnet_epochs", "Passes over MagNet's training images.")
_integer("magnet_batch_size", "Images of each of MagNet's steps.")
_float("magnet_learning_rate", "MagNet's learning rate.")
_float("magnet_noise", "Standard deviation of the noise that MagNet learns to take away.")

flags.DEFINE_bool(
    "adaptive", None, f"Also measure against attacks that know the defence. {help_of('adaptive')}"
)
_integer("adaptive_pairs", "Test pairs of each kind for attacks that know the defence.")
_integer("adaptive_steps", "Steps of PGD through the defence.")
_integer("eot_samples", "Draws of a random defence that each step averages over.")
_integer("restarts", "Random starts of PGD in the full set of attacks.")
_integer("queries", "Forward passes of the Square attack.")
_integer("adversarial_steps", "PGD steps of each example crafted in adversarial training.")
_float("adversarial_share", "Share of each batch that adversarial training crafts anew.")

CLEANER = flags.DEFINE_list(
    "cleaner",
    [],
    "Your own defences as package.module:callable, from images [N, H, W, 3] in [0, 1] to the same; "
    "each becomes a row. See docs/bring_your_own.md.",
)
