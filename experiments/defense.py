"""Figure 6 of Teng 2021: bringing attacked faces back to what they were.

    python -m experiments.defense
    python -m experiments.defense --dataset=celeba --data_dir=DIR --pairs=100

Attacked faces pass through a defence before they reach MoFA: Gaussian noise (Eq. 7), the detector's
autoencoder, or the small ResGN that comes with the project. `panel.png` shows original,
adversarial, target and each defended image above what MoFA reconstructs from it. Columns:
`undone`, the share of pairs in which the source is accepted again and the target rejected;
`similarity`, of the defended face's identity to the original's; `back`, how much of the way that
the attack moved the code (Eq. 1) the defence takes back; `kept`, the share of normal faces that are
still accepted as themselves behind the defence. The adaptive columns are the same under the attack
that goes through the defence, averaged over draws where it is random.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tqdm
from absl import flags

from attacks import EOT, Stochastic, through
from attacks.semantic_match import code_distance, entry_weights
from detector.defence import GaussianNoise, Reformer
from experiments import cli, detector_flags, mofa_experiment
from experiments import run as run_flags
from experiments.attack_flags import perturbation_attack
from experiments.detector_flags import Detector
from experiments.mofa_experiment import MofaExperiment
from experiments.mofa_victim import AttackedPairs, batched
from experiments.preset_flags import PresetFlags
from experiments.results import Measurement, Row
from experiments.run import Run
from mofa import code as codes
from mofa.arrays import Array
from resgn.saved_generator import load_generator
from weights.errors import InputError

PRESETS = PresetFlags(
    {
        "pairs": "Pairs to attack.",
        "identities": "Rendered people.",
        "images_per_identity": "Pictures of each.",
        "eot_samples": "Draws of noise that each step of the adaptive attack averages over.",
    },
    laptop={"pairs": 32, "identities": 60, "images_per_identity": 4, "eot_samples": 2},
    paper={"pairs": 1000, "identities": 1000, "images_per_identity": 20, "eot_samples": 10},
    smoke={"pairs": 1, "identities": 8, "images_per_identity": 1, "eot_samples": 2},
)
_EPS = flags.DEFINE_float("eps", 0.05, "Epsilon of the attack.", 0.0)
_NOISE = flags.DEFINE_float("noise_scale", 0.05, "Standard deviation of the noise, Eq. 7.", 0.0)
_ADAPTIVE = flags.DEFINE_bool("adaptive", True, "Also attack through each defence.")
_ROWS = flags.DEFINE_list("rows", ["none", "noise", "autoencoder", "resgn"], "Defences.")

flags.adopt_module_key_flags(mofa_experiment)  # shown by --help
flags.adopt_module_key_flags(detector_flags)

DEFENCES = ("none", "noise", "autoencoder", "resgn")
SHOWN = 6
BATCH = 16
SEED = 0x5EED
"""Of the noise that is measured: no draw that an attack has seen."""

Defence = Callable[[tf.Tensor], tf.Tensor] | Stochastic


def main(argv: list[str]) -> None:
    """Attack, defend, measure, draw."""
    del argv
    values = PRESETS.settle()
    names = list(_ROWS.value)
    if not names or len(set(names)) != len(names) or not set(names) <= set(DEFENCES):
        raise InputError(f"--rows: choose, each once, from {', '.join(DEFENCES)}.")
    experiment = MofaExperiment(("code",))
    defences = Defences(experiment, values["eot_samples"], names)
    flag_names = ["eps", "noise_scale", "adaptive", "rows", "detector", "temperature"]
    run = Run("defense", experiment.settings(**values) | run_flags.settings_from_flags(flag_names))
    pairs = experiment.pairs(values["pairs"], values["identities"], values["images_per_identity"])
    bench = Bench(experiment, pairs)
    rows = [
        run.measured(name, functools.partial(bench.row, name, defences.of(name)))
        for name in tqdm.tqdm(names, desc="defences", unit="defence")
    ]
    draw(experiment, run, bench, {name: defences.of(name) for name in names if name != "none"})
    notes = f"{experiment.about(pairs)} Epsilon {_EPS.value:g}, noise {_NOISE.value:g}."
    plain = ("similarity", "back", "adaptive_similarity")
    print("\n" + run.finish(rows, "float32", "defence", notes, plain=plain, **pairs.facts()))
    print(f"{run.folder}: defense.md, .csv, result.json, panel.png")


class Defences:
    """Each defence by name, made once."""

    def __init__(self, experiment: MofaExperiment, samples: int, names: list[str]) -> None:
        self._made: dict[str, Defence] = {"none": tf.identity}
        if "noise" in names:
            self._made["noise"] = EOT(Stochastic(GaussianNoise(_NOISE.value)), samples)
        if "autoencoder" in names:
            self._made["autoencoder"] = Reformer(Detector(experiment).reconstruct)
        if "resgn" in names:
            cleaner = load_generator().model
            self._made["resgn"] = lambda images: cleaner(images, training=False)

    def of(self, name: str) -> Defence:
        """From images [N, 224, 224, 3] to the same."""
        return self._made[name]


def defended(defence: Defence, images: Array) -> Array:
    """Images behind a defence; of a random one a single draw."""

    def once(batch: tf.Tensor) -> tf.Tensor:
        if isinstance(defence, Stochastic):
            return defence(batch, tf.constant([SEED, 0]))
        return defence(batch)

    return batched(tf.function(once, autograph=False), images)


class Bench:
    """Measures defences on the same attacked pairs."""

    def __init__(self, experiment: MofaExperiment, pairs: AttackedPairs) -> None:
        self._experiment, self.pairs = experiment, pairs
        self._attack = perturbation_attack()
        self._weights = entry_weights(experiment.terms, codes.SIZE)

    @functools.cached_property
    def attacked(self) -> Array:
        """Attacked without knowledge of any defence."""
        return self._craft(self._experiment.victim.encoder)

    def _craft(self, model: Callable[[tf.Tensor], tf.Tensor] | Stochastic) -> Array:
        return self._attack.craft(
            model,
            self.pairs.sources,
            self.pairs.match(self._experiment.terms),
            epsilons=[_EPS.value],
            batch_size=BATCH,
        )[0]

    def row(self, name: str, defence: Defence) -> Row:
        """One defence."""
        cleaned = defended(defence, self.attacked)
        moved = self._distance(self.attacked)
        columns = {
            "undone": Measurement.rate(self._undone(cleaned)),
            "similarity": Measurement.mean(self.pairs.similarities("code", cleaned)[0]),
            "back": Measurement.mean(1.0 - self._distance(cleaned) / np.maximum(moved, 1e-9)),
            "kept": Measurement.rate(self._kept(defended(defence, self.pairs.sources))),
        }
        if _ADAPTIVE.value:
            through_it = self.attacked
            if name != "none":
                through_it = self._craft(through(defence, self._experiment.victim.encoder))
            cleaned = defended(defence, through_it)
            columns["adaptive_undone"] = Measurement.rate(self._undone(cleaned))
            columns["adaptive_similarity"] = Measurement.mean(
                self.pairs.similarities("code", cleaned)[0]
            )
        return Row(name, columns)

    def _distance(self, images: Array) -> Array:
        """Distance of Eq. 1 between the codes of images and of their sources, [N]."""
        found = self.pairs.victim.codes(images)
        return np.asarray(code_distance(found, self.pairs.source_codes, self._weights).numpy())

    def _undone(self, images: Array) -> Array:
        """Accepted as the source and rejected as the target: bool [N]."""
        source, target = self.pairs.similarities("code", images)
        threshold = self.pairs.victim.identities["code"].threshold
        return np.asarray((source > threshold) & (target < threshold))

    def _kept(self, images: Array) -> Array:
        """Accepted as the source: bool [N]."""
        threshold = self.pairs.victim.identities["code"].threshold
        return np.asarray(self.pairs.similarities("code", images)[0] > threshold)


def draw(experiment: MofaExperiment, run: Run, bench: Bench, defences: dict[str, Defence]) -> None:
    """Figure 6: images and, beside each, what MoFA reconstructs from it."""
    pairs = bench.pairs.part(slice(SHOWN))
    attacked = bench.attacked[:SHOWN]
    images = {"original": pairs.sources, "adversarial": attacked, "target": pairs.targets}
    images |= {name: defended(defence, attacked) for name, defence in defences.items()}
    columns = {}
    for name, each in images.items():
        columns[name] = each
        columns[f"{name}, reconstructed"] = experiment.reconstructions(each)
    experiment.panel(run.folder / "panel.png", columns)


if __name__ == "__main__":
    cli.run(main)
