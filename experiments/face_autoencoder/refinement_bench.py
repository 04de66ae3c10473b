"""Refining the code as a defence of MoFA, measured on the same attacked pairs as the encoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from attacks import FixedPointAttack, IdentitySwap, MinimumEpsilon, Solver
from attacks import stored as in_levels
from experiments.drawing.panel import amplified
from experiments.face_autoencoder.judges import JudgeSettings, KnownFaces, each_once, judge_row
from experiments.face_autoencoder.judging import Judging
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.mofa_victim import Attacked, AttackedPairs
from experiments.face_autoencoder.settings import AutoencoderSettings
from experiments.face_autoencoder.verdict_attack import FEWEST, Asked, by_verdicts
from experiments.running.kept_arrays import CHUNK, KeptArrays
from experiments.running.results import Measurement, Row
from experiments.running.settings import Presets, check_above_zero, check_at_least, part
from mofa.arrays import Array
from mofa.code_judge import CodeJudge
from mofa.fit import Fit
from mofa.identity import taken_for_another
from mofa.people import different_pairs, few_of_each
from mofa.photographs import Photographs
from mofa.refinement import GaussNewton
from resgn.target import to_float
from weights.errors import InputError

SPARE = 8
"""Pairs drawn for one wanted."""
SHOWN = 6


@dataclasses.dataclass(frozen=True)
class RefinementSettings(Presets):
    """What decides the table of refined codes; the paper has none of it.

    Attributes:
      pairs: to attack.
      calibration_images: pictures of other people, from which the thresholds are.
      refine: Gauss-Newton steps on each code.
      adaptive_steps: of the attack through the refinement.
      eps: epsilon of Algorithm 1.
      adaptive_budgets: largest changes of a pixel by the attack through the refinement.
      adaptive_starts: of that attack on each image; the best counts.
      adaptive_inner: steps of the refinement for each of its steps.
      bpda_budgets: largest changes of a pixel by the attack that takes the encoder's gradient for
        that of the refinement.
      verdict_queries: of the attack by verdicts alone, for each image; each is a refinement. 0 for
        no such attack.
    """

    autoencoder: AutoencoderSettings = part(AutoencoderSettings())
    judging: JudgeSettings = part(JudgeSettings())
    pairs: int = 1000
    calibration_images: int = 2000
    refine: int = 8
    adaptive_steps: int = 200
    eps: float = 0.05
    adaptive_budgets: tuple[float, ...] = (0.01, 0.02, 0.05)
    adaptive_starts: int = 5
    adaptive_inner: int = 3
    bpda_budgets: tuple[float, ...] = (0.01, 0.02, 0.05)
    verdict_queries: int = 200

    LAPTOP: ClassVar[dict[str, Any]] = AutoencoderSettings.LAPTOP | {
        "pairs": 24,
        "calibration_images": 100,
        "adaptive_steps": 50,
        "adaptive_starts": 1,
        "adaptive_inner": 1,
        "bpda_budgets": (),
        # 200 take more than three minutes for each pair.
        "verdict_queries": 0,
    }
    SMOKE: ClassVar[dict[str, Any]] = AutoencoderSettings.SMOKE | {
        "pairs": 1,
        "images_per_identity": 2,
        "calibration_images": 16,
        "refine": 1,
        "adaptive_steps": 1,
        "second_judge": "none",
    }

    def __post_init__(self) -> None:
        check_at_least(self, 1, "pairs", "calibration_images", "refine", "adaptive_steps")
        check_above_zero(self, "eps")
        check_at_least(self, 1, "adaptive_starts", "adaptive_inner")
        check_above_zero(self, "adaptive_budgets", "bpda_budgets", most=1.0)
        if self.verdict_queries < FEWEST and self.verdict_queries:
            raise InputError(
                f"`verdict_queries` must be 0 or at least {FEWEST}, got {self.verdict_queries}."
            )


@dataclasses.dataclass(frozen=True, eq=False)
class RefinementFaces:
    """Pictures to work on.

    Attributes:
      others: of people for the thresholds.
      people: of the people to attack.
      drawn: rows of `people` that make up pairs of two, sources and targets, int [M] each.
    """

    others: Photographs
    people: Photographs
    drawn: tuple[Array, Array]

    @classmethod
    def load(cls, experiment: MofaExperiment, settings: RefinementSettings) -> RefinementFaces:
        """Those of the validation and the test part.

        Raises:
          InputError: there are too few people or pictures.
        """
        calibration, pictures = (experiment.people(part) for part in ("validation", "test"))
        rows = few_of_each(calibration.people, settings.calibration_images)
        others = calibration.part(rows)
        if len(np.unique(others.people)) < 2:
            raise InputError(
                "The thresholds need two people with two pictures each in the validation part: "
                "raise `identities` and `images_per_identity` or give more photographs."
            )
        count = min(SPARE * settings.pairs, len(pictures))
        drawn = different_pairs(pictures.people, count, settings.autoencoder.seed)
        used = np.unique(drawn)
        first, second = (np.searchsorted(used, end) for end in drawn)
        return cls(others, pictures.part(used), (first, second))


class EncoderGradient:
    """The refinement with the encoder's derivative in place of its own (BPDA, Athalye et al. 2018).

    Args:
      fit: the refinement.
      encode: from images [N, H, W, 3] to codes [N, 257], differentiable.
    """

    def __init__(self, fit: Fit, encode: Callable[[tf.Tensor], tf.Tensor]) -> None:
        self.follow = fit.follow

        @tf.function(autograph=False)
        def pulled(photograph: tf.Tensor, direction: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(photograph)
                along = tf.reduce_sum(encode(photograph[None]) * direction)
            return tape.gradient(along, photograph)

        self._pulled = pulled

    def pull_back(self, photograph: Array, code: Array, direction: Array) -> Array:
        """The gradient of `direction . encode(photograph)`, whatever the code is."""
        del code
        given = (tf.constant(each, tf.float32) for each in (photograph, direction))
        return np.asarray(self._pulled(*given))


@dataclasses.dataclass(frozen=True, eq=False)
class Verdicts:
    """What a judge says of attacked images.

    Attributes:
      source, target: similarities to both ends of the pairs, [N].
      threshold: above which two are one person.
    """

    source: Array
    target: Array
    threshold: float

    @property
    def success(self) -> Array:
        """Accepted as the target and rejected as the source: bool [N]."""
        return taken_for_another(self.source, self.target, self.threshold)

    @property
    def undone(self) -> Array:
        """Accepted as the source and rejected as the target, which is to withstand: bool [N]."""
        return taken_for_another(self.target, self.source, self.threshold)


class RefinementBench:
    """Attacks the same pairs and judges them by both kinds of codes.

    Attributes:
      judges: by `encoder` and `refined`.
      pairs: who is attacked.
      judging: the second judge.

    Args:
      experiment: the encoder.
      settings: see there.
      kept: what takes long.
      faces: pictures to work on.
    """

    def __init__(
        self,
        experiment: MofaExperiment,
        settings: RefinementSettings,
        kept: KeptArrays,
        faces: RefinementFaces,
    ) -> None:
        self._experiment, self._settings, self._kept = experiment, settings, kept
        self._attack = settings.autoencoder.algorithm.attack()
        self._fit = Fit(experiment.renderer, experiment.victim.codes, GaussNewton(settings.refine))
        others = faces.others
        self.judges = {
            kind: CodeJudge.calibrated(
                self._codes(kind, "calibration", others.images), others.people
            )
            for kind in ("encoder", "refined")
        }
        self.pairs, self._refined = self._told_apart(faces.people, faces.drawn)
        self.judging = Judging(experiment, settings.judging, self.pairs)

    def _codes(self, kind: str, name: str, images: Array) -> Array:
        """Codes [N, 257] of images; refined ones are kept by name."""
        if kind == "encoder":
            return self._experiment.victim.codes(images)
        return self._kept.in_chunks(f"{name}_codes", images, self._fit)

    def _told_apart(
        self, people: Photographs, drawn: tuple[Array, Array]
    ) -> tuple[AttackedPairs, tuple[Array, Array]]:
        """The first pairs drawn that both judges tell apart, and their refined codes.

        Raises:
          InputError: there are fewer than wanted.
        """
        wanted, encoder, refined = self._settings.pairs, *self.judges.values()
        everybody = self._experiment.victim.codes(people.images)
        apart = encoder.similarities(*(everybody[end] for end in drawn)) < encoder.threshold
        rows, seen = np.flatnonzero(apart), 0
        kept: list[int] = []
        found: list[list[Array]] = []
        while len(kept) < wanted and seen < len(rows):
            chunk = rows[seen : seen + CHUNK]
            both = [
                self._codes("refined", f"{name}_{seen:04d}", people.images[end[chunk]])
                for name, end in zip(("source", "target"), drawn, strict=True)
            ]
            good = np.flatnonzero(refined.similarities(*both) < refined.threshold)
            kept += list(chunk[good])
            found += [[code[i] for code in both] for i in good]
            seen += len(chunk)
        if len(kept) < wanted:
            raise InputError(
                f"Of {len(apart)} pairs of different people both codes tell {len(kept)} apart; "
                f"{wanted} are asked for: lower `pairs` or give more photographs."
            )
        chosen = [end[kept[:wanted]] for end in drawn]
        pairs = AttackedPairs.of(self._experiment.victim, *(people.images[end] for end in chosen))
        first, second = (people.people[end] for end in chosen)
        share = wanted / (kept[wanted - 1] + 1)
        source, target = np.array(found[:wanted]).swapaxes(0, 1)
        pairs = dataclasses.replace(pairs, told_apart=share, people=(first, second))
        return pairs, (source, target)

    def _ends(self, kind: str) -> tuple[Array, Array]:
        """Codes of sources and targets by kind, [N, 257] each."""
        if kind == "refined":
            return self._refined
        return self.pairs.source_codes, self.pairs.target_codes

    def attacked(self) -> Array:
        """By Algorithm 1, without knowledge of the refinement, in 8 bits."""
        return self._experiment.attacked(self._attack, self.pairs, self._settings.eps)

    def random(self) -> Array:
        """Changed by random signs as much as the attack may at most, in 8 bits."""
        size = self._attack.upper * self._settings.eps
        rng = np.random.default_rng(self._settings.autoencoder.seed)
        signs = rng.choice([-1.0, 1.0], self.pairs.sources.shape).astype(np.float32)
        changed = np.clip(self.pairs.sources + size * signs, 0.0, 1.0)
        return to_float(in_levels(changed, self.pairs.sources, size)).numpy()

    def adaptive(self, budget: float, bpda: bool = False) -> Array:
        """Through the refinement, in 8 bits.

        Args:
          budget: largest change of a pixel.
          bpda: with the encoder's gradient in place of that of the refinement.
        """
        judge, (sources, _) = self.judges["refined"], self._refined
        settings = self._settings
        attack = FixedPointAttack(
            settings.adaptive_steps,
            starts=settings.adaptive_starts,
            inner=settings.adaptive_inner,
            seed=settings.autoencoder.seed,
        )
        solver: Solver = self._fit
        if bpda:
            solver = EncoderGradient(self._fit, self._experiment.encode)

        def craft(rows: Array) -> Array:
            goal, images = self._swap(rows), self.pairs.sources[rows]
            found = attack.craft(
                solver, images, sources[rows], goal, budget, outputs=judge.embed, whole=self._fit
            )
            return to_float(in_levels(found, images, budget)).numpy()

        name = "bpda" if bpda else "adaptive"
        return self._kept.in_chunks(f"{name}_{budget:g}", np.arange(len(sources)), craft)

    def verdicts(self) -> Array:
        """By the verdicts on refined codes alone, from the targets' photographs, in 8 bits."""
        settings = self._settings
        asked = Asked(self._fit, self.judges["refined"].embed)

        def craft(rows: Array) -> Array:
            sources, targets = self.pairs.sources[rows], self.pairs.targets[rows]
            seed = settings.autoencoder.seed + int(rows[0])
            found = by_verdicts(
                asked, sources, targets, self._swap(rows), settings.verdict_queries, seed
            )
            return to_float(in_levels(found, sources, 1.0)).numpy()

        name = f"verdicts_{settings.verdict_queries}"
        # A pair takes minutes: each is kept by itself.
        pairs = np.arange(len(self.pairs))
        return self._kept.in_chunks(name, pairs, craft, size=1, unit="pair")

    def _swap(self, rows: Array) -> IdentitySwap:
        """To be taken for the targets by refined codes and no longer for the sources."""
        judge = self.judges["refined"]
        source, target = (judge.embed(tf.constant(each[rows])) for each in self._refined)
        return IdentitySwap(source, target, judge.threshold)

    def minimum(self, crafted: Mapping[float, Sequence[tuple[str, Array]]]) -> Row:
        """The smallest budget that breaks each pair: median, 90 %, and how many none breaks.

        Args:
          crafted: rows' names and their images, by the largest change of a pixel.
        """
        values = np.full(len(self.pairs), np.inf)
        for budget, rows in sorted(crafted.items(), key=lambda item: item[0]):
            for name, images in rows:
                values[np.isinf(values) & self._verdicts(name, images).success] = budget
        found = MinimumEpsilon(values, "linf")
        columns = {
            name: Measurement.bare(found.quantile(share), len(values))
            for name, share in (("median", 0.5), ("90%", 0.9))
        }
        return Row("refined,minimum", columns | {"unbroken": self.pairs.measured(np.isinf(values))})

    def judge_rows(self) -> list[Row]:
        """What both codes are worth on the pairs' own pictures, and the second judge if any."""
        if self.pairs.people is None:
            raise ValueError("pairs: nobody knows whose pictures they are")
        people = np.concatenate(self.pairs.people)
        once = each_once(np.concatenate([self.pairs.sources, self.pairs.targets]))
        found = []
        for kind, judge in self.judges.items():
            ends = [judge.embed(tf.constant(each)).numpy() for each in self._ends(kind)]
            sources, targets = map(KnownFaces, ends, self.pairs.people)
            faces = KnownFaces(np.concatenate(ends)[once], people[once])
            seed = self._settings.autoencoder.seed
            found.append(judge_row(kind, judge.threshold, faces, sources, targets, seed))
        return found + [row() for row in self.judging.rows().values()]

    def row(self, name: str, images: Array) -> Row:
        """Attacked images judged by the codes that the row begins with."""
        found = self._verdicts(name, images)
        change = 255.0 * np.abs(images - self.pairs.sources).max(axis=(1, 2, 3))
        return Row(
            name,
            {
                "success": self.pairs.measured(found.success),
                "undone": self.pairs.measured(found.undone),
                "source_similarity": self.pairs.measured(found.source),
                "target_similarity": self.pairs.measured(found.target),
                "change": self.pairs.measured(change),
            }
            | self.judging.columns(self.pairs, Attacked(images, images)),
        )

    def _verdicts(self, name: str, images: Array) -> Verdicts:
        """What the codes that a row begins with say of attacked images."""
        kind = name.split(",")[0]
        judge, code = self.judges[kind], self._codes(kind, name, images)
        source, target = (judge.similarities(code, each) for each in self._ends(kind))
        return Verdicts(source, target, judge.threshold)

    def drawn(self, crafted: dict[str, Array]) -> dict[str, Array]:
        """The first pairs, and what encoder and refinement make of them, as columns of a panel.

        Args:
          crafted: attacked images [N, 224, 224, 3] by the name of their row.
        """
        first = slice(SHOWN)
        columns = {"source": self.pairs.sources[first], "target": self.pairs.targets[first]}
        for kind in self.judges:
            for end, code in zip(("source", "target"), self._ends(kind), strict=True):
                columns[f"{end}, {kind}"] = self._picture(code[first], columns[end])
        for name, images in crafted.items():
            code = self._codes(name.split(",")[0], name, images)
            if name != "refined":  # whose images are those of the encoder's row
                columns[f"x 10: {name}"] = amplified(images - self.pairs.sources)[first]
            columns[name] = self._picture(code[first], images[first])
        return columns

    def _picture(self, code: Array, images: Array) -> Array:
        return self._experiment.views(code, images)["reconstruction"]
