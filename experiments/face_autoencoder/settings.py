"""Settings that the experiments on MoFA share.

    MofaExperiment(AutoencoderSettings.laptop())

The defaults are those of Teng 2021, but for the faces: the paper's data sets have to be got, and
rendered faces stand for them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

from attacks import PerturbationAttack, with_levels
from experiments.face_autoencoder.photographs import Source
from experiments.running.settings import Presets, check_above_zero, check_at_least, part
from weights.errors import InputError

DATASETS = ("rendered", "celeba", "lfw", "folder", "orl")
READINGS = ("A", "B")
POSE_TERMS = ("rotation", "both")
PICTURE_SIDES = (8, 4096)
"""Sides of pictures of a face, in pixels: fewer show none, more fit into no memory."""


@dataclasses.dataclass(frozen=True)
class FaceSettings:
    """Which faces, which morphable model, which encoder.

    Attributes:
      dataset: names of data sets, `rendered` or of photographs.
      data_dir: the folder of each data set of photographs that needs one, in the same order.
      new_people: nobody in the folders was trained on, so that none of them is set aside.
      skip_damaged: photographs that cannot be read are left out.
      model: file of the morphable model; None for that of the encoder.
      landmarks: JSON file {name: vertex} for the model.
      encoder: file of the encoder; None for the project's own.
      allow_mismatch: files that say that they were made for others are used, with a warning.
    """

    dataset: tuple[str, ...] = ("rendered",)
    data_dir: tuple[str, ...] = ()
    new_people: bool = False
    skip_damaged: bool = False
    model: str | None = None
    landmarks: str | None = None
    encoder: str | None = None
    allow_mismatch: bool = False

    def __post_init__(self) -> None:
        for name in self.dataset:
            if name not in DATASETS:
                raise InputError(f"`dataset` knows {', '.join(DATASETS)}; got {name!r}.")
        if not self.dataset:
            raise InputError(f"`dataset` needs a name: {', '.join(DATASETS)}.")
        needing = [name for name in self.dataset if name not in ("rendered", "orl")]
        if len(self.data_dir) != len(needing):
            raise InputError(
                f"`data_dir` must name a folder for each of {', '.join(needing) or 'no data set'}; "
                f"got {len(self.data_dir)}."
            )

    @property
    def rendered(self) -> bool:
        """Whether there are rendered faces."""
        return "rendered" in self.dataset

    @property
    def sources(self) -> list[Source]:
        """The data sets of photographs; none for rendered faces alone."""
        folders = iter(self.data_dir)
        return [
            Source(
                name,
                None if name == "orl" else next(folders),
                self.new_people,
                self.skip_damaged,
            )
            for name in self.dataset
            if name != "rendered"
        ]

    def one_by_one(self) -> dict[str, FaceSettings]:
        """Each data set alone, by name; photographs first."""
        found = {
            source.name: dataclasses.replace(
                self,
                dataset=(source.name,),
                data_dir=() if source.folder is None else (source.folder,),
            )
            for source in self.sources
        }
        if self.rendered:
            found["rendered"] = dataclasses.replace(self, dataset=("rendered",), data_dir=())
        return found

    @property
    def names(self) -> str:
        """The data sets, for a sentence."""
        return ", ".join(self.dataset)


@dataclasses.dataclass(frozen=True)
class AttackSettings:
    """Algorithm 1 of Teng 2021.

    Attributes:
      cap: the largest change of a pixel at epsilon 0.05, in images of [0, 1].
      steps: of Adam.
      reading: what the cap is on, `B` the change of a pixel, `A` the distortion d to the letter.
      pose_term: what the pose term of Eq. 1 compares, `rotation` or `both` with the translation.
    """

    cap: float = 0.02
    steps: int = 50
    reading: str = "B"
    pose_term: str = "rotation"

    def __post_init__(self) -> None:
        check_at_least(self, 1, "steps")
        check_above_zero(self, "cap", most=1.0)
        for name, known in (("reading", READINGS), ("pose_term", POSE_TERMS)):
            if getattr(self, name) not in known:
                raise InputError(
                    f"`{name}` must be {' or '.join(known)}, got {getattr(self, name)!r}."
                )

    def attack(self) -> PerturbationAttack:
        """The attack itself."""
        if self.reading == "A":
            return PerturbationAttack.literal(self.cap, self.steps)
        return PerturbationAttack(self.steps, max_perturbation=self.cap)

    def in_words(self, epsilons: Sequence[float]) -> str:
        """Epsilons of the attack, and the levels by which pixels may change."""
        return with_levels(epsilons, float(self.attack().radii(1.0)))


@dataclasses.dataclass(frozen=True)
class AutoencoderSettings(Presets):
    """What decides an experiment on the attack on MoFA.

    Attributes:
      preset: what the rest began as.
      identity_code, identity_image: files of the identity classifiers; None for the project's own.
      calibrate: set the classifiers' thresholds on the validation people of the data at hand;
        otherwise those stored with them.
      identities: rendered people.
      images_per_identity: pictures of each.
      seed: of everything.
    """

    preset: str = "paper"
    faces: FaceSettings = part(FaceSettings())
    identity_code: str | None = None
    identity_image: str | None = None
    calibrate: bool = True
    identities: int = 1000
    images_per_identity: int = 4
    algorithm: AttackSettings = part(AttackSettings())
    seed: int = 0

    LAPTOP: ClassVar[dict[str, Any]] = {"identities": 60, "images_per_identity": 4}
    SMOKE: ClassVar[dict[str, Any]] = {"identities": 8, "images_per_identity": 1}

    def __post_init__(self) -> None:
        check_at_least(self, 1, "identities", "images_per_identity")
