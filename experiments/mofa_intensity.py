"""Figure 4 of Teng 2021: the attack on MoFA at several epsilons and under several caps.

    python -m experiments.mofa_intensity
    python -m experiments.mofa_intensity --dataset=celeba --data_dir=DIR

For one pair, `epsilon.png` and `cap.png` show the adversarial image, the perturbation (ten times)
and the reconstruction at each setting, between those of source and target; the table has the
figures over all pairs. A sweep over epsilon keeps the bounds of d, a sweep over caps moves them at
epsilon 0.05.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from attacks import with_levels
from experiments.drawing.panel import amplified, save_panel
from experiments.face_autoencoder.judges import JudgeSettings
from experiments.face_autoencoder.judging import Judging, kinds_judged
from experiments.face_autoencoder.mofa_experiment import MofaExperiment, through_jpeg
from experiments.face_autoencoder.mofa_victim import NUMBERS, Attacked, AttackedPairs
from experiments.face_autoencoder.settings import AutoencoderSettings
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import CommandFlags
from experiments.running.results import Row
from experiments.running.run import Run
from experiments.running.settings import Presets, check_above_zero, check_at_least, flat, part
from weights.errors import InputError

REFERENCE_EPSILON = 0.05


@dataclasses.dataclass(frozen=True)
class IntensitySettings(Presets):
    """What decides Figure 4.

    Attributes:
      pairs: to attack; the first is shown.
      eps: epsilons.
      caps: on the change of a pixel at epsilon 0.05.
    """

    autoencoder: AutoencoderSettings = part(AutoencoderSettings())
    judging: JudgeSettings = part(JudgeSettings())
    pairs: int = 1000
    eps: tuple[float, ...] = (0.005, 0.02, 0.05, 0.1, 0.2)
    caps: tuple[float, ...] = (0.002, 0.005, 0.01, 0.02)

    LAPTOP: ClassVar[dict[str, Any]] = AutoencoderSettings.LAPTOP | {"pairs": 32}
    SMOKE: ClassVar[dict[str, Any]] = AutoencoderSettings.SMOKE | {
        "pairs": 1,
        "second_judge": "none",
    }

    def __post_init__(self) -> None:
        check_at_least(self, 1, "pairs")
        check_above_zero(self, "eps")
        check_above_zero(self, "caps", most=1.0)
        if not self.eps or not self.caps:
            raise InputError("`eps` and `caps` need a number or more.")


SETTINGS = CommandFlags(
    IntensitySettings,
    {
        "pairs": "Pairs to attack; the first is shown.",
        "eps": "Epsilons of the attack.",
        "caps": "Caps on the change of a pixel at epsilon 0.05.",
    },
    within={"eps": "(0, inf)", "caps": "(0, 1]"},
)
FLAGS = SETTINGS.group


def main(_: list[str]) -> None:
    """Attack at every setting, judge, draw."""
    settings = SETTINGS.settings()
    algorithm = settings.autoencoder.algorithm
    experiment = MofaExperiment(settings.autoencoder, kinds_judged(settings.judging, "code"))
    run = Run("mofa_intensity", flat(settings), run_flags.place())
    pairs = experiment.pairs(settings.pairs)
    run.same_data(pairs.sources, pairs.targets)
    judging = Judging(experiment, settings.judging, pairs)
    match, attack = pairs.match(experiment.terms), algorithm.attack()
    capped = {cap: dataclasses.replace(algorithm, cap=cap).attack() for cap in settings.caps}
    by_epsilon = {epsilon: pairs.attacked(attack, epsilon, match) for epsilon in settings.eps}
    by_cap = {cap: pairs.attacked(each, REFERENCE_EPSILON, match) for cap, each in capped.items()}
    draw(experiment, run, "epsilon", pairs, by_epsilon)
    draw(experiment, run, "cap", pairs, by_cap)
    rows = [
        Row(
            f"{name}={value:g}",
            pairs.measure("code", found, experiment.terms, through_jpeg)
            | judging.columns(pairs, found),
        )
        for name, sweep in (("eps", by_epsilon), ("cap", by_cap))
        for value, found in sweep.items()
    ]
    judges = [row() for row in judging.rows().values()]
    rows += judges
    first = settings.caps[0]
    reach = float(capped[first].radii(REFERENCE_EPSILON)) / first
    notes = (
        f"{experiment.about(pairs)} In stored images epsilon {algorithm.in_words(settings.eps)}, "
        f"cap {with_levels(settings.caps, reach)}. {judging.about(judges)}"
    )
    plain = (*NUMBERS, "auc")
    print(run.finish(rows, "float32", "setting", notes, plain=plain, **pairs.facts()))
    print(f"{run.folder}: mofa_intensity.md, .csv, result.json, epsilon.png, cap.png")


def draw(
    experiment: MofaExperiment,
    run: Run,
    name: str,
    pairs: AttackedPairs,
    attacked: dict[float, Attacked],
) -> None:
    """Source, every setting, target: image, perturbation and reconstruction below each other."""
    first = pairs.part(slice(1))
    images = {"source": first.sources}
    images |= {f"{name} {value:g}": each.stored[:1] for value, each in attacked.items()}
    images["target"] = first.targets
    columns = {}
    for title, image in images.items():
        change = amplified(image - first.sources)
        if title == "target":
            change = np.ones_like(image)
        columns[title] = np.concatenate([image, change, experiment.reconstructions(image)])
    save_panel(run.folder / f"{name}.png", columns)


if __name__ == "__main__":
    command_line.run(main, FLAGS)
