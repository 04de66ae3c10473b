"""Table 2 of Teng 2021: telling attacked faces from normal ones.

    python -m experiments.detection
    python -m experiments.detection --dataset=celeba --data_dir=DIR --images=400

Faces of people whom neither encoder, classifier nor detector has seen are attacked, each toward
another person's code, at several epsilons. The people are divided into two halves: one settles the
thresholds, the other is measured on. The columns l1, l2, linf and js are the accuracy on as many
normal as attacked faces, at the threshold that was best on the first half; `js_auc` and so on the
areas under the ROC, `js_tpr_0.01` the share of attacks caught at 1 % of false alarms; `magnet` the
accuracy of MagNet's way, in which each score has a veto at a threshold from normal faces alone.
`adaptive_js` is the accuracy on attacks that keep the divergence low; the rows fgsm and pgd are
attacks that the first half's thresholds for epsilon 0.05 have not seen.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
import tqdm
from absl import flags

from attacks import FGSM, PGD, Attack
from attacks.undetected import Undetected
from detector.detection import DetectionResult, ScoreSet, Thresholds, Verdicts, validation_half
from detector.magnet import MagNetDetector
from detector.scores import SCORES
from experiments import cli, detector_flags, mofa_experiment, mofa_flags
from experiments import run as run_flags
from experiments.attack_flags import perturbation_attack
from experiments.detector_flags import Detector
from experiments.figures import COLORS, save_figure
from experiments.mofa_experiment import MofaExperiment
from experiments.mofa_people import People, load_people
from experiments.mofa_victim import AttackedPairs, Function
from experiments.preset_flags import PresetFlags, numbers
from experiments.results import Measurement, Row, write_json
from experiments.run import Run
from mofa.arrays import Array
from weights.errors import InputError

PRESETS = PresetFlags(
    {
        "images": "Faces of each half, each once as it is and once attacked.",
        "identities": "Rendered people.",
        "images_per_identity": "Pictures of each.",
        "adaptive_images": "Faces of the second half, attacked with the detector known.",
    },
    laptop={"images": 100, "identities": 60, "images_per_identity": 4, "adaptive_images": 32},
    paper={
        "images": 10_000,
        "identities": 1000,
        "images_per_identity": 20,
        "adaptive_images": 1000,
    },
    smoke={"images": 2, "identities": 4, "images_per_identity": 1, "adaptive_images": 2},
)
_EPS = flags.DEFINE_list("eps", ["0.005", "0.02", "0.05", "0.2"], "Epsilons of the attack.")
_ADAPTIVE_EPS = flags.DEFINE_list(
    "adaptive_eps", ["0.05"], "Those of --eps at which the detector is known to the attacker."
)
_WEIGHT = flags.DEFINE_float("adaptive_weight", 1.0, "Weight of the divergence in its loss.", 0.0)
_FAR = flags.DEFINE_float("false_alarm_rate", 0.01, "Of each of MagNet's detectors.", 0.0, 0.5)

flags.adopt_module_key_flags(mofa_experiment)  # shown by --help
flags.adopt_module_key_flags(detector_flags)

PAPER: dict[float, tuple[float, float, float, float]] = {
    0.005: (0.5021, 0.5009, 0.5007, 0.7113),
    0.02: (0.5103, 0.5051, 0.5016, 0.8846),
    0.05: (0.5394, 0.5230, 0.5049, 0.9632),
    0.2: (0.7429, 0.6745, 0.5424, 0.9794),
}
"""Table 2 as printed: L1, L2, L-infinity and JS."""

UNSEEN_EPSILON = 0.05
"""At whose change of a pixel FGSM and PGD attack, and whose thresholds judge them."""
TPR_AT = (0.01, 0.001)
BATCH = 16

Scores = dict[str, np.ndarray]


def main(argv: list[str]) -> None:
    """Attack both halves, settle thresholds on one, measure on the other."""
    del argv
    values = PRESETS.settle()
    epsilons, adaptive = numbers("eps", _EPS.value), numbers("adaptive_eps", _ADAPTIVE_EPS.value)
    if UNSEEN_EPSILON not in epsilons:
        raise InputError(f"--eps must name {UNSEEN_EPSILON:g}, which FGSM and PGD are judged by.")
    experiment = MofaExperiment(("code",))
    detector = Detector(experiment)
    names = ("eps", "adaptive_eps", "adaptive_weight", "false_alarm_rate")
    run = Run(
        "detection",
        experiment.settings(**values)
        | run_flags.settings_from_flags([*names, "detector", "temperature"]),
    )
    people = load_people(
        mofa_flags.sources(),
        "rendered" in mofa_flags.DATASET.value,
        "test",
        experiment.renderer,
        values["identities"],
        values["images_per_identity"],
    )
    table = Table2(
        experiment, detector, *halves(people, values["images"], run_flags.SEED.value), values
    )
    rows = []
    for name in tqdm.tqdm([f"eps={e:g}" for e in epsilons] + ["fgsm", "pgd"], unit="row"):
        known = name.startswith("eps=") and float(name[4:]) in adaptive
        rows.append(run.measured(name, functools.partial(table.row, name, known)))
    figures(run, table, epsilons)
    normal = table.normal["validation"]
    rate = _FAR.value
    found = MagNetDetector.calibrated(normal, rate)
    write_json(run.folder / "thresholds.json", {"rate": rate, "thresholds": dict(found.thresholds)})
    notes = (
        f"{len(table.pairs['test'])} normal and as many attacked faces of people whom nothing has "
        f"seen; thresholds from {len(table.pairs['validation'])} faces of other people. Accuracy "
        f"with its 95 % Wilson interval, the paper's in square brackets. adaptive_js: "
        f"{values['adaptive_images']} of the faces, attacked with the divergence in the loss. "
        "magnet: veto of each score, thresholds from normal faces alone at a false-alarm rate of "
        f"{_FAR.value:g} each."
    )
    plain = tuple(f"{score}_auc" for score in SCORES)
    print("\n" + run.finish(rows, "float32", "attack", notes, plain=plain))
    print(f"{run.folder}: detection.md, .csv, result.json, roc.png, scores.png, thresholds.json")


def halves(people: People, images: int, seed: int) -> tuple[People, People]:
    """Faces for thresholds and faces to measure on, of different people.

    Raises:
      InputError: a half has fewer than two people, or none.
    """
    if len(np.unique(people.people)) < 4:
        raise InputError("Two halves of different people need four people or more.")
    first = validation_half(people.people, seed)
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(np.flatnonzero(side))[:images] for side in (first, ~first)]
    return people.part(chosen[0]), people.part(chosen[1])


class Table2:
    """Scores of normal and attacked faces of both halves."""

    def __init__(
        self,
        experiment: MofaExperiment,
        detector: Detector,
        validation: People,
        test: People,
        values: dict[str, int],
    ) -> None:
        self._experiment, self._detector, self._values = experiment, detector, values
        self.pairs = {
            name: toward_others(experiment, people, run_flags.SEED.value)
            for name, people in (("validation", validation), ("test", test))
        }
        self.normal: dict[str, Scores] = {
            name: detector.scores.measure(pairs.sources, BATCH)
            for name, pairs in self.pairs.items()
        }
        self._attack, self._others = perturbation_attack(), {"fgsm": FGSM(), "pgd": PGD(50)}
        self._attacked: dict[tuple[str, str], Scores] = {}

    def attacked(self, half: str, name: str) -> Scores:
        """Scores of attacked faces; `name` is the row's."""
        if (half, name) not in self._attacked:
            pairs = self.pairs[half]
            match = pairs.match(self._experiment.terms)
            attack: Attack = self._others.get(name, self._attack)
            epsilon = (
                self._attack.upper * UNSEEN_EPSILON
                if name in self._others
                else float(name.removeprefix("eps="))
            )
            images = attack.craft(
                self._experiment.victim.encoder,
                pairs.sources,
                match,
                epsilons=[epsilon],
                batch_size=BATCH,
            )[0]
            self._attacked[half, name] = self._detector.scores.measure(images, BATCH)
        return self._attacked[half, name]

    def thresholds(self, name: str, score: str) -> Thresholds:
        """From the validation half alone."""
        return Thresholds.of(
            ScoreSet(self.normal["validation"][score], self.attacked("validation", name)[score])
        )

    def row(self, name: str, known: bool) -> Row:
        """One row of the table.

        Args:
          name: `eps=...`, `fgsm` or `pgd`.
          known: also measure an attacker who knows the detector.
        """
        seen = name if name.startswith("eps=") else f"eps={UNSEEN_EPSILON:g}"
        paper = PAPER.get(float(name[4:]), (None,) * 4) if name == seen else (None,) * 4
        attacked = self.attacked("test", name)
        columns: dict[str, Measurement] = {}
        areas: dict[str, Measurement] = {}
        for number, score in enumerate(SCORES):
            result = DetectionResult.of(
                self.thresholds(seen, score),
                ScoreSet(self.normal["test"][score], attacked[score]),
            )
            columns[score] = Measurement.rate(result.best_accuracy.correct, paper[number])
            count = len(attacked[score])
            areas[f"{score}_auc"] = Measurement(result.roc.auc(), None, None, count)
            if score == "js":
                for rate in TPR_AT:
                    caught = result.roc.detection_rate_at(rate)
                    areas[f"js_tpr_{rate:g}"] = Measurement(caught, None, None, count)
        columns["magnet"] = Measurement.rate(self._magnet(attacked))
        if known:
            columns["adaptive_js"] = Measurement.rate(self._adaptive(seen))
        return Row(name, columns | areas)

    def _magnet(self, attacked: Scores) -> Array:
        """Right verdicts of MagNet's detectors, whose thresholds have seen no attack."""
        magnet = MagNetDetector.calibrated(self.normal["validation"], _FAR.value)
        return np.concatenate([~magnet.flags(self.normal["test"]), magnet.flags(attacked)])

    def _adaptive(self, name: str) -> Array:
        """Right verdicts of `js` where the attack keeps it low."""
        threshold = self.thresholds(name, "js").best_accuracy
        pairs = self.pairs["test"].part(slice(self._values["adaptive_images"]))
        criterion = Undetected(pairs.match(self._experiment.terms), threshold, _WEIGHT.value)
        images = self._attack.craft(
            self._code_and_score,
            pairs.sources,
            criterion,
            epsilons=[float(name[4:])],
            batch_size=BATCH,
        )[0]
        found = self._detector.scores.measure(images, BATCH)["js"]
        normal = self.normal["test"]["js"][: len(pairs)]
        return Verdicts.of(threshold, ScoreSet(normal, found)).correct

    @functools.cached_property
    def _code_and_score(self) -> Function:
        """The code, and behind it the divergence: [N, 258]."""
        encode, scores = self._experiment.victim.encoder, self._detector.scores

        def outputs(images: tf.Tensor) -> tf.Tensor:
            return tf.concat([encode(images), scores(images)["js"][:, tf.newaxis]], axis=-1)

        return outputs


def toward_others(experiment: MofaExperiment, people: People, seed: int) -> AttackedPairs:
    """Every face as a source, each with a face of somebody else of the same half as target."""
    rng = np.random.default_rng(seed)
    targets = [rng.choice(np.flatnonzero(people.people != person)) for person in people.people]
    return AttackedPairs.of(experiment.victim, people.images, people.images[np.array(targets)])


def figures(run: Run, table: Table2, epsilons: list[float]) -> None:
    """ROC of each score at each epsilon, and histograms of the scores."""
    names = [f"eps={e:g}" for e in epsilons]
    save_rocs(run, table, names)
    figure, axes = plt.subplots(1, len(SCORES), figsize=(3.4 * len(SCORES), 3.2), squeeze=False)
    shown: Mapping[str, Scores] = {"normal": table.normal["test"]} | {
        name: table.attacked("test", name) for name in names
    }
    for score, panel in zip(SCORES, axes[0], strict=True):
        values = np.concatenate([scores[score] for scores in shown.values()])
        edges = np.linspace(values.min(), values.max() + 1e-9, 25)
        for number, (name, scores) in enumerate(shown.items()):
            color = COLORS[number % len(COLORS)]
            panel.hist(
                scores[score], edges, histtype="step", color=color, label=name, linewidth=1.5
            )
        panel.set(title=score, xlabel="score")
    axes[0, 0].set_ylabel("faces")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.tight_layout()
    figure.legend(
        handles, labels, frameon=False, ncols=5, loc="upper center", bbox_to_anchor=(0.5, 0.01)
    )
    save_figure(figure, run.folder / "scores.png")


def save_rocs(run: Run, table: Table2, names: list[str]) -> None:
    """A panel for each epsilon with a curve for each score."""
    figure, axes = plt.subplots(
        1, len(names), figsize=(3.2 * len(names), 3.2), sharey=True, squeeze=False
    )
    for name, panel in zip(names, axes[0], strict=True):
        for number, score in enumerate(SCORES):
            roc = DetectionResult.of(
                table.thresholds(name, score),
                ScoreSet(table.normal["test"][score], table.attacked("test", name)[score]),
            ).roc
            label = f"{score}, AUC {roc.auc():.3f}"
            panel.step(
                roc.false_alarms, roc.detections, where="post", color=COLORS[number], label=label
            )
        panel.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle=":")
        panel.set(title=name, xlabel="false alarms", xlim=(0, 1), ylim=(0, 1.02))
        panel.legend(frameon=False, fontsize=7, loc="lower right")
        panel.grid(alpha=0.3)
    axes[0, 0].set_ylabel("attacks caught")
    figure.tight_layout()
    save_figure(figure, run.folder / "roc.png")


if __name__ == "__main__":
    cli.run(main)
