"""The faces that the default texture critic learns from, and how well it tells others apart."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from experiments.running.results import Measurement
from experiments.running.settings import part
from resgn.calibration import RocCurve, ten_fold
from resgn.faces.alignment import aligned_faces
from resgn.faces.copies import without_copies
from resgn.faces.crops import CROPS
from resgn.faces.landmarks import nobody
from resgn.faces.loading import load_dataset
from resgn.faces.pairs import FOLDS, make_pairs, split_people
from resgn.legitimate_pairs import FRACTIONS
from resgn.target import embed_all
from resgn.texture_critic import CriticConfig
from resgn.texture_critic_training import CriticTrainingConfig
from resgn.vgg_face import vgg_face
from weights.errors import InputError


@dataclasses.dataclass(frozen=True)
class CriticSettings:
    """Everything that decides a texture critic. The defaults are those of the one that comes along.

    Its people are split as those of the experiments on ResGN with the same seed: it learns from
    their training and validation people and is measured on their test people, whom it never sees.

    Attributes:
      lfw_dir: LFW's folder.
      celeba_dir: CelebA's folder.
      minimum_images: people with fewer photographs are left out.
      maximum_images: photographs taken of one person at the most.
      skip_damaged: leave out photographs that cannot be read.
      pairs: of each kind, to measure on.
      seed: of everything, the split of the people too.
    """

    lfw_dir: str | None = None
    celeba_dir: str | None = None
    minimum_images: int = 4
    maximum_images: int = 30
    skip_damaged: bool = False
    pairs: int = 1000
    critic: CriticConfig = part(CriticConfig())
    training: CriticTrainingConfig = part(CriticTrainingConfig(), skip=("seed",))
    seed: int = 0

    def __post_init__(self) -> None:
        if self.minimum_images < 1 or self.maximum_images < self.minimum_images:
            raise InputError(
                "`minimum_images` must be at least 1 and `maximum_images` no less, got "
                f"{self.minimum_images} and {self.maximum_images}."
            )
        if self.pairs < FOLDS:
            raise InputError(f"`pairs` must be at least {FOLDS}, got {self.pairs}.")

    @property
    def datasets(self) -> dict[str, str]:
        """The folders of the data sets that are given, by name."""
        folders = {"lfw": self.lfw_dir, "celeba": self.celeba_dir}
        return {name: folder for name, folder in folders.items() if folder is not None}


@dataclasses.dataclass(frozen=True, eq=False)
class CriticFaces:
    """Photographs of people, each cut out in every way that a target wants it.

    Attributes:
      images: uint8 `[M, 160, 160, 3]`.
      people: int `[M]`, whose each is.
      crops: str `[M]`, of `resgn.faces.crops.CROPS`.
      train: int `[N]`, rows to learn from.
      held_out: int `[K]`, rows of other people.
    """

    images: NDArray[np.uint8]
    people: NDArray[Any]
    crops: NDArray[np.str_]
    train: NDArray[np.integer]
    held_out: NDArray[np.integer]

    @classmethod
    def load(cls, settings: CriticSettings) -> CriticFaces:
        """Those of all data sets that the settings name.

        Raises:
          InputError: there is none, or one is missing or of another layout.
        """
        images: list[NDArray[np.uint8]] = []
        people, crops, held_out, offset = [], [], [], 0
        for name, folder in settings.datasets.items():
            dataset = without_copies(load_dataset(name, folder, settings.skip_damaged))
            rows = [np.flatnonzero(dataset.people == who) for who in range(len(dataset.names))]
            rows = [own for own in rows if len(own) >= settings.minimum_images]
            test = split_people(dataset.people, FRACTIONS, settings.seed)[-1]
            if rows:
                chosen = np.concatenate([own[: settings.maximum_images] for own in rows])
                for crop in CROPS:
                    faces = aligned_faces(dataset, chosen, crop=crop)
                    if not len(faces):
                        raise nobody(dataset, len(chosen))
                    images.append(faces.images)
                    people.append(faces.people + offset)
                    crops.append(np.full(len(faces), crop))
                    held_out.append(np.isin(faces.indices, test))
            offset += len(dataset.names)
        if not images:
            raise InputError(
                "Nothing to train on: give `lfw_dir`, `celeba_dir` or both, with people of whom "
                f"there are {settings.minimum_images} photographs or more."
            )
        apart = np.concatenate(held_out)
        if apart.all() or not apart.any():
            raise InputError(
                "The people with enough photographs are all in one part of the split: give more "
                "people, lower `minimum_images`, or take another `seed`."
            )
        return cls(
            _let_go(images),
            np.concatenate(people),
            np.concatenate(crops),
            np.flatnonzero(~apart),
            np.flatnonzero(apart),
        )

    def verification(
        self, critic: Path, crop: str, pairs: int, seed: int
    ) -> dict[str, Measurement]:
        """`accuracy`, `auc` and `eer` on people kept out, by fc7 scaled to unit length.

        Args:
          critic: its file.
          crop: of their photographs.
          pairs: of each kind.
          seed: of their draw.
        """
        rows = self.held_out[self.crops[self.held_out] == crop]
        drawn = make_pairs(self.people, rows, pairs, pairs, seed)
        features = embed_all(tf.function(vgg_face(critic)), self.images[rows])
        features /= np.linalg.norm(features, axis=-1, keepdims=True)
        place = np.full(len(self.people), -1)
        place[rows] = np.arange(len(rows))
        difference = features[place[drawn.probe]] - features[place[drawn.reference]]
        distances = np.sum(np.square(difference), axis=-1)
        folds = np.tile(np.arange(pairs) % FOLDS, 2)
        correct, _ = ten_fold(distances, drawn.same, folds)
        roc = RocCurve.of(distances, drawn.same)
        return {
            "accuracy": Measurement.rate(correct),
            "auc": Measurement.bare(roc.auc(), len(distances)),
            "eer": Measurement.bare(roc.equal_error_rate(), len(distances)),
        }


def _let_go(parts: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The parts one behind the other; each is let go when it is copied, so that none is twice."""
    if len(parts) == 1:
        return parts.pop()
    together = np.empty([sum(map(len, parts)), *parts[0].shape[1:]], np.uint8)
    end = len(together)
    while parts:
        part = parts.pop()
        together[end - len(part) : end] = part
        end -= len(part)
    return together
