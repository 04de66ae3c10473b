"""Train a detector on normal faces, which knows no attack: the autoencoder of Teng 2021.

    python -m experiments.train_detector
    python -m experiments.train_detector --dataset=rendered,celeba,lfw --data_dir=CELEBA,LFW
    python -m experiments.train_detector --kind=self_perturbed --dataset=celeba --data_dir=DIR

Nobody among the people for validation and test is seen. The run's folder gets `detector.h5` and, in
TensorBoard, Eq. 2 on training and held-out faces, and panels of faces with their reconstructions.

With `--kind=self_perturbed` a classifier learns to tell faces as they are from the same faces with
noise of their own (Wang et al. 2023), and the folder gets `self_perturbed.h5`, for
`detection --self_perturbed=FILE`.
"""

from __future__ import annotations

from detector.training import CHOICES
from experiments.face_autoencoder.detector_training import learn_autoencoder, learn_self_perturbed
from experiments.face_autoencoder.model_files import ModelFiles
from experiments.face_autoencoder.mofa_people import load_parts
from experiments.face_autoencoder.training_settings import (
    DETECTOR_KINDS,
    DetectorTrainingSettings,
)
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import PRECISION, CommandFlags
from experiments.running.precision import settle_precision
from experiments.running.run import Run
from experiments.running.settings import flat
from mofa.people import spread_out
from weights import made_for
from weights.errors import InputError

SETTINGS = CommandFlags(
    DetectorTrainingSettings,
    {
        "identities": "Rendered people to learn from.",
        "held_out_identities": "Rendered people for validation, and as many for the test.",
        "kind": "What learns: the paper's autoencoder, or a classifier of self-perturbed faces.",
        "noise_levels": "Largest change of a pixel by the noise that the classifier's faces are "
        "given, in grey levels.",
        "filters": "Maps of the classifier's first convolution.",
        "crop": "Side of the squares of faces that the classifier learns from.",
        "imagenet": "ResNet-50's ImageNet weights, Keras' .h5 file, to start a full width from.",
        "width": "Factor on ResNet-50's maps.",
        "decoder_width": "Factor on the decoder's maps, but for its first layer.",
        "first_width": "Factor on the maps of the decoder's first layer.",
        "code": "Numbers of the code.",
        "band": "Radius of the frequencies whose principal components stand beside the network; "
        "0 for the paper's network alone.",
        "encoder_size": "Side to which ResNet-50 brings its images.",
        "epochs": "Passes over the faces.",
        "batch_size": "Faces a step.",
        "optimizer": "How weights follow the gradient; the paper's is sgd.",
        "loss": "What is minimised of an image's error: norm, as in the paper, or squared.",
        "schedule": "How the learning rate falls; the paper's is halved.",
        "learning_rate": "Learning rate at the beginning.",
        "momentum": "Momentum of stochastic gradient descent.",
        "halve_every": "Epochs after which the learning rate is halved.",
        "mirror": "Show half of the faces mirrored.",
        "batch_norm_momentum": "Momentum of BatchNorm's moving statistics.",
        "held_out_images": "Faces of each part to measure on, at the most.",
        **PRECISION,
    },
    choices={**CHOICES, "kind": DETECTOR_KINDS},
)
FLAGS = SETTINGS.group

OF_ONE_KIND = {
    "autoencoder": (
        *("imagenet", "width", "decoder_width", "first_width", "code", "band", "encoder_size"),
        "loss",
    ),
    "self_perturbed": ("noise_levels", "filters", "crop"),
}


def main(_: list[str]) -> None:
    """Train, measure on people kept out, save."""
    settings = SETTINGS.settings()
    for kind, names in OF_ONE_KIND.items():
        meant = [name for name in names if name in SETTINGS.given()]
        if meant and kind != settings.kind:
            raise InputError(f"`{meant[0]}` is of `kind={kind}`, not of `kind={settings.kind}`.")
    settings = settings.but(precision=settle_precision(settings.precision))
    run = Run("train_detector", flat(settings), run_flags.place())
    files = ModelFiles(settings.faces)
    faces = load_parts(settings.faces, files.renderer(), settings.people)
    held_out = {
        part: people.part(spread_out(len(people), settings.held_out_images))
        for part, people in faces.items()
    }
    images = faces["train"].part(slice(None)).images
    run.same_data(images, *(people.images for people in held_out.values()))
    said = {
        "source": f"trained by experiments.train_detector on {settings.faces.names}",
        **made_for.attributes({"face_model": files.content}),
    }
    learn = learn_autoencoder if settings.kind == "autoencoder" else learn_self_perturbed
    learn(run, settings, images, held_out, said)


if __name__ == "__main__":
    command_line.run(main, FLAGS)
