"""Refining the code as a defence of MoFA: does drawing the face undo the attack?

    python -m experiments.refined_defense                                    # rendered people
    python -m experiments.refined_defense --dataset=celeba --data_dir=DIR

The attack moves what the encoder says, by changes that are hardly to be seen. A code refined by
Gauss-Newton steps until it draws the picture has to answer for every pixel. People are told apart
by the cosine of their shape and albedo coefficients alone, the encoder's or the refined ones; each
threshold is set on other people, and only pairs that both tell apart are attacked.

Rows: `encoder`, attacked by Algorithm 1 and judged by its own codes; `refined`, the same images
judged by refined codes; `refined,random`, refined codes of changes as large with random signs;
`refined,adaptive=B`, images attacked through the refinement itself with changes of at most B, by
implicit differentiation (`attacks.FixedPointAttack`). Columns: `success`, accepted as the target
and rejected as the source; `undone`, accepted as the source and rejected as the target; the two
similarities; the largest `change` of a pixel in grey levels. `panel.png` shows what is drawn.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from attacks import FixedPointAttack, IdentitySwap, stored, with_levels
from experiments.face_autoencoder import mofa_experiment
from experiments.face_autoencoder.mofa_experiment import MofaExperiment, amplified
from experiments.face_autoencoder.mofa_victim import AttackedPairs
from experiments.face_autoencoder.pictures import Pictures
from experiments.flags import attack_flags, command_line, mofa_flags, run_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.preset_flags import PresetFlags
from experiments.running.kept_arrays import KeptArrays
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from mofa.arrays import Array
from mofa.code_judge import CodeJudge
from mofa.fit import Fit
from mofa.people import different_pairs, few_of_each
from mofa.photographs import Photographs
from mofa.refinement import GaussNewton
from resgn.target import to_float
from weights.errors import InputError

FLAGS = FlagGroup(mofa_experiment.FLAGS)

PRESETS = PresetFlags(
    FLAGS,
    {
        "pairs": "Pairs to attack.",
        "identities": "Rendered people.",
        "images_per_identity": "Pictures of each.",
        "calibration_images": "Pictures of other people, from which the thresholds are.",
        "refine": "Gauss-Newton steps on each code.",
        "adaptive_steps": "Steps of the attack through the refinement.",
    },
    laptop={
        "pairs": 24,
        "identities": 60,
        "images_per_identity": 4,
        "calibration_images": 100,
        "refine": 8,
        "adaptive_steps": 50,
    },
    paper={
        "pairs": 1000,
        "identities": 1000,
        "calibration_images": 2000,
        "adaptive_steps": 200,
    },
    smoke={
        "pairs": 1,
        "identities": 8,
        "images_per_identity": 2,
        "calibration_images": 16,
        "refine": 1,
        "adaptive_steps": 1,
    },
)
_EPS = FLAGS.number("eps", 0.05, "Epsilon of Algorithm 1.", "(0, inf)")
_BUDGETS = FLAGS.numbers(
    "adaptive_budgets",
    (0.01, 0.02, 0.05),
    "Largest changes of a pixel by the attack through the refinement; empty for none.",
    "(0, 1]",
    empty=True,
)


SHOWN = 6
SPARE = 8
"""Pairs drawn for one wanted."""
CHUNK = 4
"""Faces between two writes to the disk."""


def main(argv: list[str]) -> None:
    """Draw pairs, attack, refine, judge, draw."""
    del argv
    values = PRESETS.settle()
    budgets = _BUDGETS.value
    experiment = MofaExperiment(())
    run = Run(
        "refined_defense",
        experiment.settings(**values)
        | run_flags.settings_from_flags(["eps"])
        | {"adaptive_budgets": budgets},
        run_flags.place(),
    )
    bench = Bench(experiment, run, values)
    crafts: dict[str, Callable[[], Array]] = {
        "encoder": bench.attacked,
        "refined": bench.attacked,
        "refined,random": bench.random,
    } | {f"refined,adaptive={budget:g}": partial(bench.adaptive, budget) for budget in budgets}
    crafted = {name: craft() for name, craft in tqdm.tqdm(crafts.items(), unit="attack")}
    rows = [
        run.measured(name, partial(bench.row, name, images)) for name, images in crafted.items()
    ]
    bench.draw(crafted)
    judges = ", ".join(f"{kind} {judge.threshold:.3f}" for kind, judge in bench.judges.items())
    notes = (
        f"{values['pairs']} pairs of different people ({', '.join(mofa_flags.DATASET.value)}), who "
        f"were not trained on and whom both codes tell apart ({bench.pairs.told_apart:.0%} of "
        f"those drawn). Thresholds {judges}, from pictures of other people, at most "
        f"{values['calibration_images']}. Epsilon {attack_flags.in_words([_EPS.value])}, "
        f"cap {attack_flags.CAP.value:g}; "
        f"{values['refine']} steps of refinement, without landmarks."
    )
    if budgets:
        notes += f" Adaptive budgets {with_levels(budgets)}."
    plain = ("source_similarity", "target_similarity", "change")
    print("\n" + run.finish(rows, "float32", "code, attack", notes, plain=plain))
    print(f"{run.folder}: refined_defense.md, .csv, result.json, panel.png")


class Bench:
    """Attacks the same pairs and judges them by both kinds of codes.

    Attributes:
      judges: by `encoder` and `refined`.
      pairs: who is attacked.

    Args:
      experiment: the encoder and its people.
      run: whose folder keeps what takes long.
      values: of the preset.

    Raises:
      InputError: there are too few people or pictures.
    """

    def __init__(self, experiment: MofaExperiment, run: Run, values: dict[str, Any]) -> None:
        self._experiment, self._run, self._values = experiment, run, values
        self._kept = KeptArrays(run.folder / "training")
        self._fit = Fit(experiment.renderer, experiment.victim.codes, GaussNewton(values["refine"]))
        calibration, pictures = (
            experiment.people(part, values["identities"], values["images_per_identity"])
            for part in ("validation", "test")
        )
        others = calibration.part(few_of_each(calibration.people, values["calibration_images"]))
        if len(np.unique(others.people)) < 2:
            raise InputError(
                "The thresholds need two people with two pictures each in the validation part: "
                "raise --identities and --images_per_identity or give more photographs."
            )
        people, drawn = self._pairs_of(pictures)
        run.same_data(others.images, people.images)
        self.judges = {
            kind: CodeJudge.calibrated(
                self._codes(kind, "calibration", others.images), others.people
            )
            for kind in ("encoder", "refined")
        }
        self.pairs, self._refined = self._told_apart(people, drawn)

    def _codes(self, kind: str, name: str, images: Array) -> Array:
        """Codes [N, 257] of images; refined ones are kept by name."""
        if kind == "encoder":
            return self._experiment.victim.codes(images)
        return self._in_chunks(f"{name}_codes", images, self._fit)

    def _in_chunks(self, name: str, images: Array, function: Callable[[Array], Array]) -> Array:
        """A slow function of images; of a run that is killed the chunks that are done remain."""
        found = []
        with tqdm.tqdm(total=len(images), desc=name, unit="face", disable=None) as bar:
            for start in range(0, len(images), CHUNK):
                chunk = images[start : start + CHUNK]
                found.append(self._kept(f"{name}_{start:04d}", partial(function, chunk)))
                bar.update(len(chunk))
        return np.concatenate(found)

    def _pairs_of(self, pictures: Pictures) -> tuple[Photographs, tuple[Array, Array]]:
        """Pictures, and the rows of those that make up each pair of different people."""
        count = min(SPARE * self._values["pairs"], len(pictures))
        first, second = different_pairs(pictures.people, count, run_flags.SEED.value)
        used = np.unique([first, second])
        return pictures.part(used), (np.searchsorted(used, first), np.searchsorted(used, second))

    def _told_apart(
        self, people: Photographs, drawn: tuple[Array, Array]
    ) -> tuple[AttackedPairs, tuple[Array, Array]]:
        """The first pairs drawn that both judges tell apart, and their refined codes.

        Raises:
          InputError: there are fewer than wanted.
        """
        wanted, encoder, refined = self._values["pairs"], *self.judges.values()
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
                f"{wanted} are asked for: lower --pairs or give more photographs."
            )
        chosen = [end[kept[:wanted]] for end in drawn]
        pairs = AttackedPairs.of(self._experiment.victim, *(people.images[end] for end in chosen))
        share = wanted / (kept[wanted - 1] + 1)
        source, target = np.array(found[:wanted]).swapaxes(0, 1)
        return dataclasses.replace(pairs, told_apart=share), (source, target)

    def _ends(self, kind: str) -> tuple[Array, Array]:
        """Codes of sources and targets by kind, [N, 257] each."""
        if kind == "refined":
            return self._refined
        return self.pairs.source_codes, self.pairs.target_codes

    def attacked(self) -> Array:
        """By Algorithm 1, without knowledge of the refinement, in 8 bits."""
        attack = attack_flags.perturbation_attack()
        return self._experiment.attacked(attack, self.pairs, _EPS.value)

    def random(self) -> Array:
        """Changed by random signs as much as the attack may at most, in 8 bits."""
        size = attack_flags.perturbation_attack().upper * _EPS.value
        rng = np.random.default_rng(run_flags.SEED.value)
        signs = rng.choice([-1.0, 1.0], self.pairs.sources.shape).astype(np.float32)
        changed = np.clip(self.pairs.sources + size * signs, 0.0, 1.0)
        return to_float(stored(changed, self.pairs.sources, size)).numpy()

    def adaptive(self, budget: float) -> Array:
        """Through the refinement, in 8 bits."""
        judge, (sources, targets) = self.judges["refined"], self._refined
        attack = FixedPointAttack(self._values["adaptive_steps"])

        def craft(rows: Array) -> Array:
            source, target = (judge.embed(tf.constant(each[rows])) for each in (sources, targets))
            goal = IdentitySwap(source, target, judge.threshold)
            images = self.pairs.sources[rows]
            found = attack.craft(
                self._fit, images, sources[rows], goal, budget, outputs=judge.embed
            )
            return to_float(stored(found, images, budget)).numpy()

        return self._in_chunks(f"adaptive_{budget:g}", np.arange(len(sources)), craft)

    def row(self, name: str, images: Array) -> Row:
        """Attacked images judged by the codes that the row begins with."""
        kind = name.split(",")[0]
        judge = self.judges[kind]
        found = self._codes(kind, name, images)
        source, target = (judge.similarities(found, each) for each in self._ends(kind))
        is_source, is_target = source > judge.threshold, target > judge.threshold
        change = 255.0 * np.abs(images - self.pairs.sources).max(axis=(1, 2, 3))
        return Row(
            name,
            {
                "success": Measurement.rate(~is_source & is_target),
                "undone": Measurement.rate(is_source & ~is_target),
                "source_similarity": Measurement.mean(source),
                "target_similarity": Measurement.mean(target),
                "change": Measurement.mean(change),
            },
        )

    def draw(self, crafted: dict[str, Array]) -> None:
        """The first pairs, and what encoder and refinement make of them."""
        experiment, pairs = self._experiment, self.pairs
        first = slice(SHOWN)
        columns = {"source": pairs.sources[first], "target": pairs.targets[first]}
        for kind in self.judges:
            for end, code in zip(("source", "target"), self._ends(kind), strict=True):
                columns[f"{end}, {kind}"] = self._drawn(code[first], columns[end])
        for name, images in crafted.items():
            code = self._codes(name.split(",")[0], name, images)
            if name != "refined":  # whose images are those of the encoder's row
                columns[f"x 10: {name}"] = amplified(images - pairs.sources)[first]
            columns[name] = self._drawn(code[first], images[first])
        experiment.panel(self._run.folder / "panel.png", columns)

    def _drawn(self, code: Array, images: Array) -> Array:
        return self._experiment.views(code, images)["reconstruction"]


if __name__ == "__main__":
    command_line.run(main, FLAGS)
