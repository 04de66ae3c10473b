"""Who judges an attack on MoFA, and what that judge is worth on the people attacked.

A judge takes two pictures for one person where their embeddings are alike enough. An attack that
deceives one who hardly knows people proves little: so every table says how well its judge tells the
people attacked apart, how often a photograph of a third person would have passed for the attack,
and what a second judge, whom the attack does not know, makes of the attacked images.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from experiments.face_autoencoder import over_people
from experiments.running.pairs_of_people import of_pairs
from experiments.running.results import Measurement, Row
from mofa.arrays import Array
from mofa.code_similarity import intervals_over_people
from mofa.identity import balanced_threshold, pair_similarities, taken_for_another
from resgn.calibration import RocCurve
from weights.errors import InputError

SECOND_JUDGES = ("facenet", "dlib", "image", "none")
COLUMNS = ("auc", "true_accepts", "false_accepts", "third_person")
"""Of a judge's row."""
RESAMPLES = 200


@dataclasses.dataclass(frozen=True)
class JudgeSettings:
    """Who judges beside the classifier that an attack is directed at.

    Attributes:
      second_judge: a face network, `image` for the identity classifier on images, or `none`.
    """

    second_judge: str = "facenet"

    def __post_init__(self) -> None:
        if self.second_judge not in SECOND_JUDGES:
            raise InputError(
                f"`second_judge` must be one of {', '.join(SECOND_JUDGES)}; got "
                f"{self.second_judge!r}."
            )


class Judge:
    """Accepts and rejects people by pictures.

    Attributes:
      name: of the row and in sentences.
      threshold: cosine similarity above which two pictures are one person.

    Args:
      name: see above.
      embeddings: from images [N, 224, 224, 3] to unit embeddings [N, D].
      threshold: see above.
    """

    def __init__(self, name: str, embeddings: Callable[[Array], Array], threshold: float) -> None:
        self.name, self.threshold = name, threshold
        self._embeddings = embeddings
        self._known: list[tuple[Array, Array]] = []

    @classmethod
    def calibrated(
        cls, name: str, embeddings: Callable[[Array], Array], images: Array, people: Array
    ) -> Judge:
        """The one whose threshold separates pictures of other people best.

        Raises:
          ValueError: there are no two pictures of one person, or no two people.
        """
        threshold = balanced_threshold(*pair_similarities(embeddings(images), people))[0]
        return cls(name, embeddings, threshold)

    def embeddings(self, images: Array) -> Array:
        """Unit embeddings [N, D]."""
        return self._embeddings(images)

    def success(self, images: Array, sources: Array, targets: Array) -> Array:
        """Accepted as the target and rejected as the source: bool [N].

        Args:
          images: attacked, [N, 224, 224, 3].
          sources: pictures of whom they were made, likewise; looked at once, if they are the same
            array again.
          targets: pictures of whom they are to be taken for, likewise.
        """
        found = self.embeddings(images)
        source, target = (np.sum(found * self.remembered(each), -1) for each in (sources, targets))
        return taken_for_another(source, target, self.threshold)

    def remembered(self, images: Array) -> Array:
        """The same as `embeddings`; of the same array again, without looking again."""
        for known, found in self._known:
            if known is images:
                return found
        self._known = [*self._known[-3:], (images, self.embeddings(images))]
        return self._known[-1][1]


@dataclasses.dataclass(frozen=True, eq=False)
class KnownFaces:
    """Embeddings of pictures, and whose they are.

    Attributes:
      embeddings: unit, float32 [N, D].
      people: int [N].
    """

    embeddings: Array
    people: Array

    def __len__(self) -> int:
        return len(self.people)


def each_once(pictures: Array) -> Array:
    """Rows of pictures [N, H, W, 3] that are all there is, each once: int [M].

    One that is in several pairs would be a pair of one person with itself, which says nothing of a
    judge.
    """
    flat = pictures.reshape(len(pictures), -1)
    return np.sort(np.unique(flat, axis=0, return_index=True)[1])


def judge_row(
    name: str,
    threshold: float,
    faces: KnownFaces,
    sources: KnownFaces,
    targets: KnownFaces,
    seed: int = 0,
) -> Row:
    """What a judge is worth on the people attacked.

    Args:
      name: of the judge.
      threshold: cosine similarity above which it takes two pictures for one person.
      faces: untouched pictures of the people attacked, of some of them two or more.
      sources, targets: the pairs, untouched.
      seed: of the draws of people for the intervals.

    Returns:
      `judge,NAME` with `auc`, `true_accepts` and `false_accepts` over all pairs of pictures, and
      `third_person`, how often a picture of neither source nor target would pass for a success: the
      share of `faces` that are accepted as the target and rejected as the source, averaged over the
      pairs. Intervals of 95 % over people, where all agree Wilson's (of true accepts and of the
      area over those of whom there are two pictures); that of the last allows for the people that
      pairs share. What the pictures do not tell, since no person has two, is left out.
    """
    columns: dict[str, Measurement] = {}
    similarities, same = pair_similarities(faces.embeddings, faces.people)
    if same.any() and not same.all():
        values = {
            "auc": RocCurve.of(1.0 - similarities, same).auc(),
            "true_accepts": float((similarities[same] > threshold).mean()),
            "false_accepts": float((similarities[~same] > threshold).mean()),
        }
        ends = intervals_over_people(similarities, faces.people, threshold, RESAMPLES, seed)
        pictures = np.unique(faces.people, return_counts=True)[1]
        several = int((pictures > 1).sum())
        people = {"auc": several, "true_accepts": several, "false_accepts": len(pictures)}
        columns = {
            k: over_people.widened(Measurement(v, *ends[k], len(faces)), people[k])
            for k, v in values.items()
        }
    source, target = (faces.embeddings @ each.embeddings.T for each in (sources, targets))
    whose = faces.people[:, np.newaxis]
    others = (whose != sources.people) & (whose != targets.people)  # [faces, pairs]
    counts = others.sum(axis=0)
    passed = (taken_for_another(source, target, threshold) & others).sum(axis=0)
    if counts.any():
        some = counts > 0
        ends_of_pairs = sources.people[some], targets.people[some]
        columns["third_person"] = of_pairs(passed[some] / counts[some], ends_of_pairs, share=True)
    return Row(f"judge,{name}", columns)


def in_words(rows: Sequence[Row]) -> str:
    """What judges are worth, in a sentence for each; "" without any."""
    said = []
    for row in rows:
        value = {
            k: f"{m.value:.3f}" if k == "auc" else f"{m.value:.0%}" for k, m in row.columns.items()
        }
        parts = [
            text.format(value[name])
            for name, text in (
                ("auc", "AUC {}"),
                ("true_accepts", "{} of one person's pairs accepted"),
                ("false_accepts", "{} of two people's"),
                ("third_person", "a third person's picture would succeed in {}"),
            )
            if name in value
        ]
        if parts:
            said.append(f"The judge {row.name.removeprefix('judge,')}: {', '.join(parts)}.")
    return " ".join(said)
