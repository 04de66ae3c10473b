"""The face in a photograph of one's own, cut out for MoFA."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments.face_autoencoder.mofa_victim import AttackedPairs, Victim
from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer
from mofa.photographs import crop, crop_template
from resgn.faces.alignment import find_face
from weights.errors import InputError


def read_face(path: Path, template: Array) -> tuple[Array, Array, float]:
    """Find, turn upright and cut out a face.

    Args:
      path: a photograph; EXIF orientation is applied, of several faces the large one near the
        middle is taken.
      template: of `mofa.photographs.crop_template`.

    Returns:
      The crop, float32 [224, 224, 3] in [0, 1], the five landmarks in it, and how many pixels of
      the photograph lie between the eyes.

    Raises:
      InputError: the file cannot be read, or no face was found.
    """
    photograph, points = find_face(path)
    image, placed = crop(photograph, points, template)
    apart = float(np.linalg.norm(points[0] - points[1]))
    return image.astype(np.float32) / np.float32(255.0), placed, apart


def own_pair(victim: Victim, renderer: FaceRenderer, source: str, target: str) -> AttackedPairs:
    """The pair of two photographs, see `read_face`.

    Raises:
      InputError: a file cannot be read, shows no face, or both show the same.
    """
    template = crop_template(renderer)
    first, second = (read_face(Path(path), template)[0] for path in (source, target))
    if np.array_equal(first, second):
        raise InputError(
            f"{source} and {target} are the same photograph: an attack leads from one person to "
            "another. Name two."
        )
    return AttackedPairs.of(victim, first[np.newaxis], second[np.newaxis])


def about_own_pair(pairs: AttackedPairs, source: str, target: str) -> str:
    """What was attacked, and what the classifiers made of both photographs before, in sentences."""
    said = [f"One pair of photographs, {Path(source).name} to be taken for {Path(target).name}."]
    for kind, classifier in pairs.victim.identities.items():
        similarity = float(np.sum(np.multiply(*pairs.identities(kind))))
        one = similarity >= classifier.threshold
        said.append(
            f"Before the attack the classifier on {kind}s takes them for "
            f"{'one person' if one else 'two people'} (similarity {similarity:.3f}, threshold "
            f"{classifier.threshold:.3f})" + ("; its row then says little." if one else ".")
        )
    return " ".join(said)
