"""Figure 6 of Teng 2021: bringing attacked faces back to what they were.

    python -m experiments.defense
    python -m experiments.defense --dataset=celeba --data_dir=DIR --pairs=100

Attacked faces pass through a defence before they reach MoFA: Gaussian noise (Eq. 7), the detector's
autoencoder, the small ResGN that comes with the project, or MagNet, which refuses what its
detectors flag and hands the rest to the autoencoder. `panel.png` shows original, adversarial,
target and each defended image beside what MoFA reconstructs from it, `figure6.png` the same with
the numbers of each. Columns: `undone`, the share of pairs in which the source is accepted again and
the target rejected; `stopped`, in which the attack does not succeed, or is refused; `distance` of
Eq. 1 and `similarity` of identity to the original (before a defence: the row none); `back`, how
much of the way that the attack moved the code the defence takes back. What it costs: `kept`, the
share of normal faces that pass and are accepted as themselves, and their distance and similarity to
what they were. The adaptive columns are the same under the attack that goes through the defence,
averaged over draws where it is random; the one on MagNet also keeps the divergence low. Faces are
judged in 8 bits, as files hold them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from attacks import EOT, Criterion, Stochastic, Undetected, code_distance, through, with_score
from attacks.semantic_match import entry_weights
from detector.defence import GaussianNoise, Reformer
from detector.magnet import MagNetDetector
from experiments.drawing.defence_figure import save_figure_6
from experiments.face_autoencoder import mofa_experiment
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.mofa_victim import BATCH, Attacked, AttackedPairs, Function
from experiments.flags import command_line, detector_flags, run_flags
from experiments.flags.attack_flags import in_words, perturbation_attack
from experiments.flags.detector_flags import Detector
from experiments.flags.groups import FlagGroup
from experiments.flags.preset_flags import PresetFlags
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from mofa import code as codes
from mofa.arrays import Array
from mofa.people import spread_out
from resgn.saved_generator import load_generator
from resgn.target import embed_all
from weights.errors import InputError

FLAGS = FlagGroup(mofa_experiment.FLAGS, detector_flags.FLAGS)

PRESETS = PresetFlags(
    FLAGS,
    {
        "pairs": "Pairs to attack.",
        "identities": "Rendered people.",
        "images_per_identity": "Pictures of each.",
        "eot_samples": "Draws of noise that each step of the adaptive attack averages over.",
        "normal_images": "Normal faces of other people, from which MagNet has its thresholds.",
    },
    laptop={
        "pairs": 32,
        "identities": 60,
        "images_per_identity": 4,
        "eot_samples": 2,
        "normal_images": 200,
    },
    paper={
        "pairs": 1000,
        "identities": 1000,
        "images_per_identity": 20,
        "eot_samples": 10,
        "normal_images": 10_000,
    },
    smoke={
        "pairs": 1,
        "identities": 8,
        "images_per_identity": 1,
        "eot_samples": 2,
        "normal_images": 4,
    },
)
_EPS = FLAGS.number("eps", 0.05, "Epsilon of the attack.", "(0, inf)")
_NOISE = FLAGS.number("noise_scale", 0.05, "Standard deviation of the noise, Eq. 7.", "[0, inf)")
_ADAPTIVE = FLAGS.boolean("adaptive", True, "Also attack through each defence.")
_WEIGHT = FLAGS.number(
    "adaptive_weight",
    1.0,
    "Weight of the divergence in the loss of who attacks MagNet.",
    "[0, inf)",
)
_FAR = FLAGS.number("false_alarm_rate", 0.01, "Of each of MagNet's detectors.", "[0, 0.5]")
_ROWS = FLAGS.names("rows", ["none", "noise", "autoencoder", "resgn", "magnet"], "Defences.")


DEFENCES = ("none", "noise", "autoencoder", "resgn", "magnet")
PLAIN = (
    *("distance", "similarity", "back", "normal_distance", "normal_similarity"),
    *("adaptive_distance", "adaptive_similarity"),
)
"""Columns that are no rates."""
SHOWN = 6
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
    defences = Defences(experiment, values, names)
    flag_names = ["eps", "noise_scale", "adaptive", "rows", "detector", "temperature"]
    flag_names += ["adaptive_weight", "false_alarm_rate"]
    run = Run(
        "defense",
        experiment.settings(**values) | run_flags.settings_from_flags(flag_names),
        run_flags.place(),
    )
    pairs = experiment.pairs(values["pairs"], values["identities"], values["images_per_identity"])
    run.same_data(pairs.sources, pairs.targets)
    bench = Bench(experiment, pairs, defences)
    rows = [
        run.measured(name, functools.partial(bench.row, name))
        for name in tqdm.tqdm(names, desc="defences", unit="defence")
    ]
    draw(experiment, run, bench, [name for name in names if name not in ("none", "magnet")])
    notes = f"{experiment.about(pairs)} Epsilon {in_words([_EPS.value])}, noise {_NOISE.value:g}."
    if "magnet" in names:
        notes += (
            f" MagNet's thresholds: {_FAR.value:g} of {values['normal_images']} normal faces of "
            "other people, or as many as there are, for each score."
        )
    print("\n" + run.finish(rows, "float32", "defence", notes, plain=PLAIN, **pairs.facts()))
    print(f"{run.folder}: defense.md, .csv, result.json, panel.png, figure6.png")


class Defences:
    """Each defence by name, made once.

    Attributes:
      detector: autoencoder and scores, where a defence needs them.
      magnet: MagNet's detectors, if it is among the defences.
    """

    def __init__(
        self, experiment: MofaExperiment, values: dict[str, int], names: list[str]
    ) -> None:
        self._made: dict[str, Defence] = {"none": tf.identity}
        self.detector: Detector | None = None
        self.magnet: MagNetDetector | None = None
        if {"autoencoder", "magnet"} & set(names):
            self.detector = Detector(experiment)
            reformer = Reformer(self.detector.reconstruct)
            self._made |= {"autoencoder": reformer, "magnet": reformer}
        if "noise" in names:
            noise = GaussianNoise(_NOISE.value)
            self._made["noise"] = EOT(Stochastic(noise), values["eot_samples"])
        if "magnet" in names and self.detector is not None:
            self.magnet = magnet(experiment, self.detector, values)
        if "resgn" in names:
            cleaner = load_generator().model
            self._made["resgn"] = lambda images: cleaner(images, training=False)

    def of(self, name: str) -> Defence:
        """From images [N, 224, 224, 3] to the same."""
        return self._made[name]

    def refused(self, name: str, images: Array) -> Array:
        """Which of the images [N, 224, 224, 3] a defence does not let pass: bool [N]."""
        if name != "magnet" or self.magnet is None or self.detector is None:
            return np.zeros(len(images), bool)
        return self.magnet.flags(self.detector.scores.measure(images, BATCH))

    def under_attack(
        self, name: str, encoder: Function, match: Criterion
    ) -> tuple[Function | Stochastic, Criterion]:
        """What an attack through the defence climbs, and when it has reached its goal."""
        behind: Any = through(self.of(name), encoder)
        if name != "magnet" or self.magnet is None or self.detector is None:
            return behind, match
        both = with_score(behind, self.detector.scores.divergence)
        return both, Undetected(match, self.magnet.thresholds["js"], _WEIGHT.value)


def magnet(
    experiment: MofaExperiment, detector: Detector, values: dict[str, int]
) -> MagNetDetector:
    """MagNet's detectors with thresholds from normal faces of the validation part's people."""
    people = experiment.people("validation", values["identities"], values["images_per_identity"])
    normal = people.part(spread_out(len(people), values["normal_images"])).images
    return MagNetDetector.calibrated(detector.scores.measure(normal, BATCH), _FAR.value)


def defended(defence: Defence, images: Array) -> Array:
    """Images behind a defence; of a random one a single draw."""

    def once(batch: tf.Tensor) -> tf.Tensor:
        if isinstance(defence, Stochastic):
            return defence(batch, tf.constant([SEED, 0]))
        return defence(batch)

    return embed_all(tf.function(once, autograph=False), images, BATCH)


class Bench:
    """Measures defences on the same attacked pairs."""

    def __init__(
        self, experiment: MofaExperiment, pairs: AttackedPairs, defences: Defences
    ) -> None:
        self._experiment, self.pairs, self._defences = experiment, pairs, defences
        self._attack = perturbation_attack()
        self._weights = entry_weights(experiment.terms, codes.SIZE)
        self._threshold = pairs.victim.identities["code"].threshold

    @functools.cached_property
    def attacked(self) -> Array:
        """Attacked without knowledge of any defence, in 8 bits."""
        return self._experiment.attacked(self._attack, self.pairs, _EPS.value)

    def defended(self, name: str) -> Array:
        """The attacked faces behind a defence."""
        return defended(self._defences.of(name), self.attacked)

    def row(self, name: str) -> Row:
        """One defence."""
        cleaned = self.defended(name)
        after, moved = self.distance(cleaned), self.distance(self.attacked)
        columns = self._outcome(name, self.attacked, cleaned)
        columns["back"] = Measurement.mean(1.0 - after / np.maximum(moved, 1e-9))
        normal = defended(self._defences.of(name), self.pairs.sources)
        similar = self.pairs.similarities("code", normal)[0]
        passed = ~self._defences.refused(name, self.pairs.sources)
        columns |= {
            "kept": Measurement.rate((similar > self._threshold) & passed),
            "normal_distance": Measurement.mean(self.distance(normal)),
            "normal_similarity": Measurement.mean(similar),
        }
        if _ADAPTIVE.value:
            found = self._through(name)
            outcome = self._outcome(name, found, defended(self._defences.of(name), found))
            columns |= {f"adaptive_{column}": cell for column, cell in outcome.items()}
        return Row(name, columns)

    def _through(self, name: str) -> Array:
        """Attacked by who knows the defence, in 8 bits."""
        if name == "none":
            return self.attacked
        match = self.pairs.match(self._experiment.terms)
        encoder = self._experiment.victim.encoder
        behind, goal = self._defences.under_attack(name, encoder, match)
        return Attacked.by(self._attack, behind, self.pairs.sources, goal, _EPS.value).stored

    def _outcome(self, name: str, attacked: Array, cleaned: Array) -> dict[str, Measurement]:
        """What became of attacked faces."""
        source, target = self.pairs.similarities("code", cleaned)
        undone = (source > self._threshold) & (target < self._threshold)
        succeeds = (source < self._threshold) & (target > self._threshold)
        refused = self._defences.refused(name, attacked)
        return {
            "undone": Measurement.rate(undone),
            "stopped": Measurement.rate(~succeeds | refused),
            "distance": Measurement.mean(self.distance(cleaned)),
            "similarity": Measurement.mean(source),
        }

    def distance(self, images: Array) -> Array:
        """Distance of Eq. 1 between the codes of images and of their sources, [N]."""
        found = self.pairs.victim.codes(images)
        return np.asarray(code_distance(found, self.pairs.source_codes, self._weights).numpy())


def draw(experiment: MofaExperiment, run: Run, bench: Bench, names: list[str]) -> None:
    """Figure 6: images and, beside each, what MoFA reconstructs from it, without and with numbers.

    Args:
      experiment: draws.
      run: whose folder gets the figures.
      bench: attacked and defended faces.
      names: of the defences to show.
    """
    shown = slice(SHOWN)
    images = {
        "original": bench.pairs.sources,
        "adversarial": bench.attacked,
        "target": bench.pairs.targets,
    } | {name: bench.defended(name) for name in names}
    drawn = {name: experiment.reconstructions(each[shown]) for name, each in images.items()}
    numbers = {
        name: list(
            zip(
                bench.distance(each)[shown],
                bench.pairs.similarities("code", each)[0][shown],
                strict=True,
            )
        )
        for name, each in images.items()
    }
    columns: dict[str, Array] = {}
    for name, each in images.items():
        columns |= {name: each[shown], f"{name}, reconstructed": drawn[name]}
    experiment.panel(run.folder / "panel.png", columns)
    images = {name: each[shown] for name, each in images.items()}
    save_figure_6(run.folder / "figure6.png", images, drawn, numbers)


if __name__ == "__main__":
    command_line.run(main, FLAGS)
