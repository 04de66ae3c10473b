"""Flags of the commands on MoFA, made from their settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

from experiments.face_autoencoder.judges import SECOND_JUDGES
from experiments.face_autoencoder.settings import POSE_TERMS, READINGS
from experiments.flags import run_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.settings_flags import SettingsFlags
from experiments.running.settings import PRESETS, Presets, flat, replaced

T = TypeVar("T")

TEXTS = {
    "dataset": "Faces: rendered ones need nothing; celeba, lfw and folder (one folder for each "
    "person) are read from --data_dir; several with commas between them.",
    "data_dir": "Folder of each data set of photographs, in the order of --dataset.",
    "new_people": "Nobody in --data_dir was trained on, so that the data is used whole: three "
    "tenths of the people settle thresholds and all others are measured on, or all of them where "
    "there is no threshold. Without, three quarters count as people to train on, and stay aside.",
    "skip_damaged": "Leave out photographs that cannot be read, instead of naming them all.",
    "model": "Morphable model: a Basel Face Model (.h5 or .mat) or ICT-FaceKit's folder. By "
    "default the one that MoFA's encoder was trained with; the project's own open model where "
    "there is no encoder.",
    "landmarks": "JSON file {name: vertex} with landmarks for the morphable model.",
    "encoder": "Encoder of MoFA, a file of train_mofa. The project's own by default: VGG-19's "
    "layout, or AlexNet's, which draws faces better, where faces are only drawn or compared.",
    "allow_mismatch": "Use files together that say that they were made for others (an encoder for "
    "another face model, a classifier for another encoder), with a warning instead of an error.",
    "identity_code": "Identity classifier on codes, a file of train_identity; the project's own "
    "small one by default.",
    "identity_image": "Identity classifier on images, a file of train_identity; the project's own "
    "small one by default.",
    "calibrate": "Set the classifiers' thresholds on the validation people of the data at hand; "
    "--nocalibrate takes those stored with the classifiers.",
    "identities": "Rendered people.",
    "images_per_identity": "Pictures of each rendered person.",
    "cap": "Largest change of a pixel by the attack at epsilon 0.05, in images of [0, 1].",
    "steps": "Steps of Adam in the attack.",
    "reading": "What the paper's cap of 0.02 is on: B the change of a pixel, A the distortion d, "
    "to the letter (see docs/attacks.md).",
    "pose_term": "What the pose term of Eq. 1 compares: rotation, as it is printed, or both "
    "rotation and translation, which then makes up about half of the distance (see "
    "docs/attacks.md).",
    "detector": "Detector, a file of train_detector; the project's own small one by default.",
    "temperature": "Temperature of the softmax whose divergence is the score js.",
    "pairs": "Pairs to attack.",
    "second_judge": "Who judges stored images beside the classifier under attack: a face network "
    "on its own crop, image for the identity classifier on images, or none.",
}
"""What values are that several commands have."""

PRECISION = {
    "precision": "Arithmetic of the hidden layers in training; auto takes bfloat16 on processors "
    "and GPUs that compute in it.",
}

_CHOICES = {
    "precision": ("auto", "float32", "mixed_bfloat16"),
    "reading": READINGS,
    "pose_term": POSE_TERMS,
    "second_judge": SECOND_JUDGES,
}
_WITHIN = {"cap": "(0, 1]", "temperature": "(0, inf)"}
_PATHS = {
    *("data_dir", "model", "landmarks", "encoder", "identity_code", "identity_image", "detector"),
    *("source", "target", "transfer_encoder", "init", "imagenet", "output", "thresholds", "codes"),
    "self_perturbed",
}


class CommandFlags(Generic[T]):
    """The flags of one command: a preset where its settings have them, and each of its values.

    Attributes:
      group: of the flags, with those of every run.

    Args:
      settings: the class of the command's settings.
      texts: what its own values are, beside those of `TEXTS`.
      choices: the values that a flag may have, where they are names.
      within: the interval that numbers must lie in.
      needed: further groups.
      shown: settings whose values the help shows, by name; those of laptop and paper by default.
    """

    def __init__(
        self,
        settings: type[T],
        texts: Mapping[str, str],
        *,
        choices: Mapping[str, Sequence[str]] | None = None,
        within: Mapping[str, str] | None = None,
        needed: Collection[FlagGroup] = (run_flags.FLAGS,),
        shown: Mapping[str, T] | None = None,
    ) -> None:
        self.group = FlagGroup(*needed)
        self._kind = settings
        self._preset: Any = None
        presets: Mapping[str, Any] = shown or {"default": settings()}
        if issubclass(settings, Presets):
            self._preset = self.group.choice(
                "preset",
                "laptop",
                PRESETS,
                "Values of all flags that are not given: laptop (minutes on two cores), paper (the "
                "paper's own figures, for GPUs), smoke (seconds, to see that everything runs).",
            )
            presets = shown or {"laptop": settings.laptop(), "paper": settings()}
        has = flat(settings())
        self._flags = SettingsFlags(
            self.group,
            {name: text for name, text in {**TEXTS, **texts}.items() if name in has},
            presets,
            {**_CHOICES, **(choices or {})},
            {**_WITHIN, **(within or {})},
            _PATHS,
        )

    def given(self) -> dict[str, Any]:
        """The values that were given, by name."""
        return self._flags.given()

    def settings(self) -> T:
        """The chosen preset with the flags that were given over it.

        Raises:
          InputError: a value is out of range, or does not go with another.
        """
        given: dict[str, Any] = {"seed": run_flags.SEED.value} | self.given()
        chosen = self._kind()
        if self._preset is not None and issubclass(self._kind, Presets):
            chosen = self._kind.of_preset(self._preset.value, given.get("dataset"))
        return replaced(chosen, given)
