"""Faces to reconstruct, from photographs or data sets, and what their codes are worth."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from experiments.face_autoencoder.encoder_training import code_spread
from experiments.face_autoencoder.mofa_people import TEST_SEED
from experiments.face_autoencoder.own_faces import read_face
from experiments.face_autoencoder.photographs import load_photographs
from experiments.face_autoencoder.pictures import Pictures
from experiments.face_autoencoder.settings import FaceSettings
from experiments.running.results import Measurement, Row
from mofa import code as codes
from mofa import rendered_faces
from mofa.face_renderer import FaceRenderer
from mofa.measures import Measures, code_errors
from mofa.photographs import SIZE, Photographs, crop_template
from weights.errors import InputError

RESERVED = ("panel",)
"""Names of pictures of the whole run."""
SMALLEST = 24
"""Pixels between the eyes, of the 52 in a crop, under which a face shows next to nothing."""


@dataclasses.dataclass(frozen=True)
class FacesToReconstruct:
    """Faces with their names.

    Attributes:
      names: of the files to write, without ending.
      images: float32 [N, 224, 224, 3] in [0, 1].
      landmarks: float32 [N, 5, 2], pixels.
      codes: float32 [N, 257], NaN where nobody knows them.
    """

    names: list[str]
    images: np.ndarray
    landmarks: np.ndarray
    codes: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    @property
    def halved(self) -> tuple[np.ndarray, np.ndarray]:
        """Images and landmarks at half the size, at which the mean face is fitted."""
        side = self.images.shape[1] // 2
        images = self.images.reshape(-1, side, 2, side, 2, 3).mean(axis=(2, 4))
        return images, 0.5 * self.landmarks - np.float32(0.25)

    @classmethod
    def of_photographs(cls, paths: Sequence[Path], renderer: FaceRenderer) -> FacesToReconstruct:
        """The faces in photographs of one's own; of several, those without one are left out.

        Raises:
          InputError: a file cannot be read, or none of the photographs shows a face.
        """
        template = crop_template(renderer)
        names: list[str] = []
        images: list[np.ndarray] = []
        landmarks: list[np.ndarray] = []
        for path in paths:
            try:
                image, placed, apart = read_face(path, template)
            except InputError as error:
                if len(paths) == 1:
                    raise
                print(f"skipped: {error}", file=sys.stderr)
                continue
            if apart < SMALLEST:
                print(
                    f"{path}: the face is small ({apart:.0f} pixels from eye to eye); expect "
                    "little.",
                    file=sys.stderr,
                )
            names.append(free_name(path.stem, names))
            images.append(image)
            landmarks.append(placed)
        if not images:
            raise InputError(f"No face was found in any of the {len(paths)} photographs.")
        return cls(names, np.stack(images), np.stack(landmarks), _unknown(len(names)))

    @classmethod
    def of_datasets(
        cls, faces: FaceSettings, renderer: FaceRenderer, count: int, seed: int
    ) -> FacesToReconstruct:
        """Faces of people that the default encoder was not trained on.

        Args:
          faces: names the data sets.
          renderer: the decoder.
          count: faces of each data set.
          seed: of their choice.

        Raises:
          InputError: a data set is missing or of another layout.
        """
        parts = [_rendered(renderer, count, seed)] if faces.rendered else []
        for source in faces.sources:
            test = load_photographs(source, renderer, SIZE, ("test",), whole=True).test
            chosen = _pick(test, count, seed)
            names = [f"{source.name}_{number:03d}" for number in range(len(chosen))]
            images = chosen.images.astype(np.float32) / 255.0
            parts.append(cls(names, images, chosen.landmarks, _unknown(len(names))))
        return cls(
            [name for part in parts for name in part.names],
            np.concatenate([part.images for part in parts]),
            np.concatenate([part.landmarks for part in parts]),
            np.concatenate([part.codes for part in parts]),
        )

    def measure(
        self, renderer: FaceRenderer, region: np.ndarray, found: Mapping[str, np.ndarray]
    ) -> list[Row]:
        """What codes are worth.

        Args:
          renderer: the decoder.
          region: the part of the face that counts.
          found: codes [N, 257] by the name of their row.

        Returns:
          A row for each: `photometric` in grey levels, its ratio to `mean_face`, `landmark`; where
          all true codes are known, `vertices` in mm and the errors of the code's parts in units of
          their spread.
        """
        measures = Measures(renderer, region)
        errors = {name: measures.photometric(each, self.images) for name, each in found.items()}
        spread = code_spread(renderer) if np.isfinite(self.codes).all() else None
        rows = []
        for name, each in found.items():
            columns = {"photometric": Measurement.mean(errors[name])}
            if "mean_face" in errors:
                ratio = errors[name].mean() / errors["mean_face"].mean()
                columns["photometric_ratio"] = Measurement.bare(ratio, len(each))
            if renderer.model.has_five_landmarks():
                columns["landmark"] = Measurement.mean(measures.landmark(each, self.landmarks))
            if spread is not None:
                columns["vertices"] = Measurement.mean(measures.vertices(each, self.codes))
                for part, apart in code_errors(each, self.codes, spread).items():
                    columns[part] = Measurement.bare(apart, len(each))
            rows.append(Row(name, columns))
        return rows


def free_name(stem: str, taken: Sequence[str]) -> str:
    """A name of files that nothing here has yet: `face`, `face_2`, ...

    Two photographs of one name, from two folders or with two endings, must not share their files,
    also where upper and lower case are one, nor take those of the whole run.
    """
    number, used = 1, {*(name.lower() for name in taken), *RESERVED}
    name = stem
    while name.lower() in used:
        number += 1
        name = f"{stem}_{number}"
    return name


def _rendered(renderer: FaceRenderer, count: int, seed: int) -> FacesToReconstruct:
    settings = rendered_faces.Settings(count, images_per_identity=1, seed=TEST_SEED + seed)
    faces = rendered_faces.RenderedFaces(renderer, settings)
    names = [f"rendered_{number:03d}" for number in range(count)]
    everything = np.ones(len(renderer.model.mean_shape), np.float32)
    five = Measures(renderer, everything).five(faces.codes)
    return FacesToReconstruct(names, faces.images(), five, faces.codes)


def _unknown(count: int) -> np.ndarray:
    """The codes of photographs."""
    return np.full([count, codes.SIZE], np.nan, np.float32)


def _pick(photographs: Pictures, count: int, seed: int) -> Photographs:
    """Some photographs at random, of different people as far as there are enough."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(photographs))
    _, first = np.unique(photographs.people[order], return_index=True)
    rest = np.setdiff1d(np.arange(len(order)), first)
    return photographs.part(order[np.concatenate((rng.permutation(first), rest))[:count]])
