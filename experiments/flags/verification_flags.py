"""Flags of the experiments on ResGN, made from their settings: faces, target, network, training."""

from __future__ import annotations

from typing import Any

from experiments.face_verification.settings import IMAGE_RANGES, PRESETS, VerificationSettings
from experiments.face_verification.verification_experiment import (
    VerificationExperiment,
    trainings_at_once,
)
from experiments.flags import run_flags, strategy_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.settings_flags import SettingsFlags
from experiments.running.at_once import one_core_for_each
from experiments.running.precision import PRECISIONS
from resgn.faces.loading import DATASETS
from resgn.schedules import SCHEDULES
from resgn.target import TARGETS

TEXTURES = ("small", "vgg_face")

_SHOWN = {
    "laptop": VerificationSettings.laptop("orl"),
    "laptop on lfw": VerificationSettings.laptop("lfw"),
    "paper": VerificationSettings(),
}

FACES = FlagGroup()
"""Which faces, which target."""

_FACES = SettingsFlags(
    FACES,
    {
        "dataset": "Faces: orl comes with the installation; lfw, celeba and folder (one folder for "
        "each person) are read from --data_dir.",
        "data_dir": "Folder of the data set, in the layout in which it comes.",
        "skip_damaged": "Leave out photographs that cannot be read, instead of naming them all.",
        "target": f"Network under attack: {' or '.join(TARGETS)}, or your own as "
        "package.module:callable, from images [N, 160, 160, 3] in [0, 1] to embeddings [N, D]; see "
        "docs/bring_your_own.md.",
        "facenet_weights": "FaceNet's weight file (.pb, checkpoint, .h5, .pt) for "
        "--target=facenet.",
    },
    _SHOWN,
    {"dataset": tuple(DATASETS)},
    paths=("data_dir", "facenet_weights"),
)

FLAGS = FlagGroup(FACES, run_flags.FLAGS, strategy_flags.FLAGS)
"""Everything of `VerificationSettings`."""

PRESET = FLAGS.choice(
    "preset",
    "laptop",
    PRESETS,
    "Values of all flags that are not given: laptop (minutes on two cores), paper (the paper's "
    "own figures, for GPUs), smoke (seconds, to see that everything runs).",
)

_PAIRS = {
    f"{part}_{kind}": f"Pairs of {people} {use}."
    for part, use in (
        ("train", "to learn from"),
        ("validation", "to choose the checkpoint by"),
        ("test", "to measure on"),
    )
    for kind, people in (("same", "one person"), ("different", "two people"))
}

_CRITICS = {
    "calibrate": "Take the threshold from the training pairs; --nocalibrate takes the paper's 1.1.",
    "critics": "Networks whose verification losses ResGN learns from at once, each in its own crop "
    "and with its own threshold, the target among them, as in facenet,dlib; the term is the mean. "
    "Default: the target alone.",
    "image_range": "Range of the images that are attacked: plain, or lopez, as in the script that "
    "the paper cites: whitened one by one, stretched together to [0, 1], given to FaceNet as they "
    "are.",
    "train_spread": "Training examples have intensities from that of the attack up to this many "
    "times it, so that ResGN learns to take enough away; 1 as in the paper.",
    "texture": "Texture critic: the project's small VGG-Face, or the released one.",
    "vgg_face_weights": "VGG-Face's weight file (.mat, .h5) for --texture=vgg_face.",
}

_NETWORK = {
    "blocks": "Residual blocks of ResGN.",
    "maps": "Feature maps of ResGN.",
    "in_kernel": "Side of ResGN's first kernel.",
    "out_kernel": "Side of ResGN's last kernel.",
    "scale": "ResGN works at 1/scale of the resolution, pixels folded into channels; 1 as in the "
    "paper.",
    "image_skip": "Add ResGN's input to its output; not in the paper.",
}

_TRAINING = {
    "pixel_weight": "Weight of the pixel loss, Eq. 3, in Eq. 6.",
    "texture_weight": "Weight of the texture loss, Eq. 4, in Eq. 6.",
    "verification_weight": "Weight of the verification loss, Eq. 5, in Eq. 6.",
    "epochs": "Passes over ResGN's training examples, N in Algorithm 1.",
    "batch_size": "Examples of each of ResGN's steps, m in Algorithm 1.",
    "learning_rate": "Adam's learning rate for ResGN, at its highest.",
    "schedule": "Course of ResGN's learning rate.",
    "decay": "Factor of the staircase schedule after half of the epochs.",
    "warmup_steps": "Steps over which the cosine schedule's rate rises.",
    "average": "Decay of the running average of ResGN's weights that is evaluated; 0 for none.",
    "clip_norm": "Longest gradient that is applied in ResGN's training; 0 for no limit.",
    "evaluate_every": "Epochs between two looks at the validation pairs.",
    "start_from": "Trained ResGN of the same size, a file of cleaners/, to train on from.",
    "precision": "Arithmetic of ResGN's hidden layers in training; auto takes float16 with loss "
    "scaling on GPUs and bfloat16 on processors that compute in it.",
}

_OTHER_CLEANERS = {
    "jpeg_quality": "Quality of the JPEG cleaner, 1 to 100.",
    "bits": "Bits that bit depth reduction leaves.",
    "gaussian_side": "Side of the Gaussian filter's kernel in pixels.",
    "gaussian_sigma": "Standard deviation of the Gaussian filter in pixels.",
    "median_side": "Side of the median filter in pixels.",
    "noise_sigma": "Standard deviation of the Gaussian noise, in images of [0, 1].",
    "apegan_maps": "Feature maps of APE-GAN's first convolutions.",
    "apegan_epochs": "Passes over APE-GAN's training examples.",
    "apegan_batch_size": "Examples of each of APE-GAN's steps.",
    "apegan_learning_rate": "APE-GAN's learning rate.",
    "magnet_maps": "Feature maps of MagNet's reformer.",
    "magnet_epochs": "Passes over MagNet's training images.",
    "magnet_batch_size": "Images of each of MagNet's steps.",
    "magnet_learning_rate": "MagNet's learning rate.",
    "magnet_noise": "Standard deviation of the noise that MagNet learns to take away.",
}

_ADAPTIVE = {
    "adaptive": "Measure against attacks that know the defence, too.",
    "adaptive_pairs": "Test pairs of each kind for attacks that know the defence.",
    "adaptive_steps": "Steps of PGD through the defence.",
    "eot_samples": "Draws of a random defence that each step of an attack averages over.",
    "restarts": "Random starts of PGD in the full set of attacks.",
    "queries": "Forward passes of the attacks without gradients, Square and HopSkipJump.",
    "adversarial_steps": "PGD steps of each example crafted in adversarial training.",
    "adversarial_share": "Share of each batch that adversarial training crafts anew.",
}

_FLAGS = SettingsFlags(
    FLAGS,
    _PAIRS | _CRITICS | _NETWORK | _TRAINING | _OTHER_CLEANERS | _ADAPTIVE,
    _SHOWN,
    {
        "image_range": IMAGE_RANGES,
        "texture": TEXTURES,
        "schedule": SCHEDULES,
        "precision": ("auto", *PRECISIONS),
    },
    paths=("vgg_face_weights", "start_from"),
)

CLEANER_FLAGS = FlagGroup()
"""One's own defences."""

CLEANER = CLEANER_FLAGS.names(
    "cleaner",
    [],
    "Your own defences as package.module:callable, from images [N, H, W, 3] in [0, 1] to the same; "
    "each becomes a row. See docs/bring_your_own.md.",
)


def faces() -> VerificationSettings:
    """The laptop's settings with the flags of `FACES` over them."""
    return _FACES.settle(VerificationSettings.laptop())


def faces_given(chosen: VerificationSettings) -> dict[str, Any]:
    """The values of `FACES` in settings, by name."""
    return {name: getattr(chosen, name) for name in _FACES.names}


def settings(**instead: Any) -> VerificationSettings:
    """The chosen preset with the flags that were given over it.

    Args:
      **instead: values of a command that has another default than the presets.

    Raises:
      InputError: a number is out of range.
    """
    given = instead | _FACES.given() | _FLAGS.given()
    given |= {"seed": run_flags.SEED.value, "jit": strategy_flags.JIT.value}
    return VerificationSettings.of_preset(PRESET.value, given.get("dataset")).but(**given)


def experiment(
    texture: bool = True, rows_at_once: bool = False, **instead: Any
) -> VerificationExperiment:
    """The experiment that the flags describe.

    Args:
      texture: whether a texture critic is needed, so that a missing one shows at once.
      rows_at_once: whether it is trained for several rows at once, where that is faster.
      **instead: see `settings`.

    Raises:
      InputError: something is missing, damaged or out of range.
    """
    chosen, devices = settings(**instead), strategy_flags.chosen_devices()
    if rows_at_once and trainings_at_once(chosen, devices):
        one_core_for_each()
    made = VerificationExperiment(chosen, devices)
    if texture:
        made.texture  # noqa: B018, loaded and checked now
    return made
