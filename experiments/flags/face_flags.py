"""Flags that choose pairs, critic, network and training; shared by the tables of ResGN."""

from __future__ import annotations

from absl import flags

from experiments.flags import cleaner_flags, data_flags  # noqa: F401, define what a preset names
from experiments.flags.presets import help_of
from experiments.running.precision import PRECISIONS

TEXTURES = ("small", "vgg_face")


def _enum(name: str, values: tuple[str, ...], text: str) -> None:
    flags.DEFINE_enum(name, None, list(values), f"{text} {help_of(name)}")


def _integer(name: str, text: str) -> None:
    flags.DEFINE_integer(name, None, f"{text} {help_of(name)}")


def _float(name: str, text: str) -> None:
    flags.DEFINE_float(name, None, f"{text} {help_of(name)}")


def _bool(name: str, text: str) -> None:
    flags.DEFINE_bool(name, None, f"{text} {help_of(name)}")


# Pairs.
for _part, _use in (
    ("train", "to learn from"),
    ("validation", "to choose the checkpoint by"),
    ("test", "to measure on"),
):
    _integer(f"{_part}_same", f"Pairs of one person {_use}.")
    _integer(f"{_part}_different", f"Pairs of two people {_use}.")
_float(
    "train_spread",
    "Training examples have intensities from that of the attack up to this many times it, so that "
    "ResGN learns to take enough away; 1 as in the paper.",
)

# Threshold and critic.
_bool(
    "calibrate",
    "Take the threshold from the training pairs; --nocalibrate takes the paper's 1.1.",
)
_enum("texture", TEXTURES, "Texture critic: the project's small VGG-Face, or the released one.")
flags.DEFINE_string(
    "vgg_face_weights", None, "VGG-Face's weight file (.mat, .h5) for --texture=vgg_face."
)

# ResGN.
_integer("blocks", "Residual blocks.")
_integer("maps", "Feature maps.")
_integer("in_kernel", "Side of the first kernel.")
_integer("out_kernel", "Side of the last kernel.")
_integer(
    "scale", "Work at 1/scale of the resolution, pixels folded into channels; 1 as in the paper."
)
_bool("image_skip", "Add the input to the output; not in the paper.")

# Losses and training.
_float("pixel_weight", "Weight of Eq. 3 in Eq. 6.")
_float("texture_weight", "Weight of Eq. 4 in Eq. 6.")
_float("verification_weight", "Weight of Eq. 5 in Eq. 6.")
_integer("epochs", "Passes over the training examples, N in Algorithm 1.")
_integer("ablation_epochs", "The same for every row but the joint one.")
_integer("batch_size", "Examples a step, m in Algorithm 1.")
_float("learning_rate", "Adam's learning rate, at its highest.")
_enum("schedule", ("staircase", "cosine", "constant"), "Course of the learning rate.")
_float("decay", "Factor of the staircase after half of the epochs.")
_integer("warmup_steps", "Steps over which the cosine's rate rises.")
_float("average", "Decay of the running average of weights that is evaluated; 0 for none.")
_float("clip_norm", "Longest gradient that is applied; 0 for no limit.")
_integer("evaluate_every", "Epochs between two looks at the validation pairs.")
START_FROM = flags.DEFINE_string(
    "start_from", None, "Trained ResGN of the same size, a file of cleaners/, to train on from."
)
flags.DEFINE_enum(
    "precision",
    "auto",
    ["auto", *PRECISIONS],
    "Arithmetic of ResGN's hidden layers in training; auto takes float16 with loss scaling on GPUs "
    "and bfloat16 on processors that compute in it.",
)

SHARED = (
    "dataset",
    "data_dir",
    "facenet_weights",
    "vgg_face_weights",
    "preset",
    "precision",
    "seed",
    "start_from",
)
"""Flags beside the preset's that decide a result."""
