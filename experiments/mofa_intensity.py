"""Figure 4 of Teng 2021: the attack on MoFA at several epsilons and under several caps.

    python -m experiments.mofa_intensity
    python -m experiments.mofa_intensity --dataset=celeba --data_dir=DIR

For one pair, `epsilon.png` and `cap.png` show the adversarial image, the perturbation (ten times)
and the reconstruction at each setting, between those of source and target; the table has the
figures over all pairs. A sweep over epsilon keeps the bounds of d, a sweep over caps moves them at
epsilon 0.05.
"""

from __future__ import annotations

import numpy as np

from attacks import PerturbationAttack, with_levels
from experiments.face_autoencoder import mofa_experiment
from experiments.face_autoencoder.mofa_experiment import MofaExperiment, amplified, through_jpeg
from experiments.face_autoencoder.mofa_victim import NUMBERS, Attacked, AttackedPairs
from experiments.flags import command_line, run_flags
from experiments.flags.attack_flags import in_words, perturbation_attack
from experiments.flags.groups import FlagGroup
from experiments.flags.preset_flags import PresetFlags
from experiments.running.results import Row
from experiments.running.run import Run

FLAGS = FlagGroup(mofa_experiment.FLAGS)

PRESETS = PresetFlags(
    FLAGS,
    {
        "pairs": "Pairs to attack; the first is shown.",
        "identities": "Rendered people.",
        "images_per_identity": "Pictures of each.",
    },
    laptop={"pairs": 32, "identities": 60, "images_per_identity": 4},
    paper={"pairs": 1000, "identities": 1000},
    smoke={"pairs": 1, "identities": 8, "images_per_identity": 1},
)
_EPS = FLAGS.numbers("eps", (0.005, 0.02, 0.05, 0.1, 0.2), "Epsilons.", "(0, inf)")
_CAPS = FLAGS.numbers(
    "caps",
    (0.002, 0.005, 0.01, 0.02),
    "Caps on the change of a pixel at epsilon 0.05.",
    "(0, 1]",
)


REFERENCE_EPSILON = 0.05


def main(argv: list[str]) -> None:
    """Attack at every setting, judge, draw."""
    del argv
    values = PRESETS.settle()
    epsilons, caps = _EPS.value, _CAPS.value
    experiment = MofaExperiment(("code",))
    run = Run(
        "mofa_intensity",
        experiment.settings(**values) | run_flags.settings_from_flags(["eps", "caps"]),
        run_flags.place(),
    )
    pairs = experiment.pairs(values["pairs"], values["identities"], values["images_per_identity"])
    run.same_data(pairs.sources, pairs.targets)
    attack = perturbation_attack()
    by_epsilon = {e: craft(experiment, pairs, attack, e) for e in epsilons}
    by_cap = {
        cap: craft(experiment, pairs, perturbation_attack(cap), REFERENCE_EPSILON) for cap in caps
    }
    draw(experiment, run, "epsilon", pairs, by_epsilon)
    draw(experiment, run, "cap", pairs, by_cap)
    rows = [
        Row(f"{name}={value:g}", pairs.measure("code", found, experiment.terms, through_jpeg))
        for name, sweep in (("eps", by_epsilon), ("cap", by_cap))
        for value, found in sweep.items()
    ]
    reach = float(perturbation_attack(caps[0]).radii(REFERENCE_EPSILON)) / caps[0]
    notes = (
        f"{experiment.about(pairs)} In stored images "
        f"epsilon {in_words(epsilons)}, cap {with_levels(caps, reach)}."
    )
    print(run.finish(rows, "float32", "setting", notes, plain=NUMBERS, **pairs.facts()))
    print(f"{run.folder}: mofa_intensity.md, .csv, result.json, epsilon.png, cap.png")


def craft(
    experiment: MofaExperiment, pairs: AttackedPairs, attack: PerturbationAttack, epsilon: float
) -> Attacked:
    """Attacked images of all pairs at one setting."""
    match = pairs.match(experiment.terms)
    return Attacked.by(attack, experiment.victim.encoder, pairs.sources, match, epsilon)


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
    experiment.panel(run.folder / f"{name}.png", columns)


if __name__ == "__main__":
    command_line.run(main, FLAGS)
