"""Table 2 of Teng 2021: telling attacked faces from normal ones.

    python -m experiments.detection
    python -m experiments.detection --dataset=celeba --data_dir=DIR --images=400

Faces of people whom neither encoder, classifier nor detector has seen are attacked, each toward
another person's code, at several epsilons. The people are divided into two halves: one settles the
thresholds, the other is measured on. The columns l1, l2, linf and js are the accuracy on as many
normal as attacked faces, at the threshold that was best on the first half; `js_auc` and so on the
areas under the ROC, `js_tpr_0.01` and so on the share of attacks caught at 1 % of false alarms;
`magnet` the accuracy of MagNet's way, in which each score has a veto at a threshold from normal
faces alone, `magnet_caught` and `magnet_false_alarms` what makes it up.
`adaptive_js` is the accuracy on attacks that keep the divergence low; the rows fgsm and pgd are
attacks that the first half's thresholds for epsilon 0.05 have not seen. Attacked faces are judged
in 8 bits, as files hold them; they are kept in the user's cache, so that a second run need not make
them again.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import tqdm

from detector.roc import RocCurve
from detector.scores import SCORES
from detector.threshold_file import write_thresholds
from experiments.drawing.figures import COLORS, save_figure
from experiments.face_autoencoder import mofa_experiment
from experiments.face_autoencoder.detection_table import (
    UNSEEN_EPSILON,
    Scores,
    Table2,
    Table2Config,
    halves,
    toward_others,
)
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.flags import command_line, detector_flags, run_flags
from experiments.flags.attack_flags import in_words, perturbation_attack
from experiments.flags.detector_flags import Detector
from experiments.flags.groups import FlagGroup
from experiments.flags.preset_flags import PresetFlags
from experiments.running.run import Run
from weights.errors import InputError

FLAGS = FlagGroup(mofa_experiment.FLAGS, detector_flags.FLAGS)

PRESETS = PresetFlags(
    FLAGS,
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
_EPS = FLAGS.numbers("eps", (0.005, 0.02, 0.05, 0.2), "Epsilons of the attack.", "(0, inf)")
_ADAPTIVE_EPS = FLAGS.numbers(
    "adaptive_eps",
    (0.05,),
    "Those of --eps at which the detector is known to the attacker.",
    "(0, inf)",
    empty=True,
)
_WEIGHT = FLAGS.number("adaptive_weight", 1.0, "Weight of the divergence in its loss.", "[0, inf)")
_FAR = FLAGS.number("false_alarm_rate", 0.01, "Of each of MagNet's detectors.", "[0, 0.5]")


def main(argv: list[str]) -> None:
    """Attack both halves, settle thresholds on one, measure on the other."""
    del argv
    values = PRESETS.settle()
    epsilons, adaptive = _EPS.value, _ADAPTIVE_EPS.value
    if UNSEEN_EPSILON not in epsilons:
        raise InputError(f"--eps must name {UNSEEN_EPSILON:g}, which FGSM and PGD are judged by.")
    experiment = MofaExperiment(("code",))
    detector = Detector(experiment)
    names = ("eps", "adaptive_eps", "adaptive_weight", "false_alarm_rate")
    run = Run(
        "detection",
        experiment.settings(**values)
        | run_flags.settings_from_flags([*names, "detector", "temperature"]),
        run_flags.place(),
    )
    people = experiment.people("test", values["identities"], values["images_per_identity"])
    seed = run_flags.SEED.value
    validation, test = halves(people, values["images"], seed)
    run.same_data(validation.images, test.images)
    table = Table2(
        detector.scores,
        experiment.terms,
        {
            "validation": toward_others(experiment.victim, validation, seed),
            "test": toward_others(experiment.victim, test, seed),
        },
        perturbation_attack(),
        Table2Config(_FAR.value, values["adaptive_images"], _WEIGHT.value),
        experiment.crafted,
    )
    rows = []
    for name in tqdm.tqdm([f"eps={e:g}" for e in epsilons] + ["fgsm", "pgd"], unit="row"):
        known = name.startswith("eps=") and float(name[4:]) in adaptive
        rows.append(run.measured(name, functools.partial(table.row, name, known)))
    figures(run, table, epsilons)
    write_thresholds(
        run.folder / "thresholds.json",
        table.magnet.thresholds,
        _FAR.value,
        detector_flags.TEMPERATURE.value,
        detector.files(),
    )
    notes = (
        f"In 8 bits, epsilon {in_words(epsilons)}; fgsm and pgd change a pixel by as much as "
        f"{UNSEEN_EPSILON:g} does. "
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
            normal, attacked = table.normal["test"][score], table.attacked("test", name)[score]
            roc = RocCurve.of(normal, attacked)
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
    command_line.run(main, FLAGS)
