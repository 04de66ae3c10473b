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

import dataclasses
import functools
from typing import Any, ClassVar

import tqdm

from detector.scores import SCORES
from detector.threshold_file import write_thresholds
from experiments.drawing.detection_figures import save_detection_rocs, save_histograms
from experiments.face_autoencoder.detection_table import (
    UNSEEN_EPSILON,
    Table2,
    Table2Config,
    halves,
    toward_others,
)
from experiments.face_autoencoder.face_detector import DetectorSettings, FaceDetector
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.papers import TABLE_2
from experiments.face_autoencoder.settings import AutoencoderSettings
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import CommandFlags
from experiments.running.run import Run
from experiments.running.settings import Presets, check_above_zero, check_at_least, flat, part
from weights.errors import InputError


@dataclasses.dataclass(frozen=True)
class DetectionSettings(Presets):
    """What decides Table 2.

    Attributes:
      images: faces of each half, each once as it is and once attacked.
      eps: epsilons of the attack.
      adaptive_eps: those of `eps` at which the detector is known to the attacker.
    """

    autoencoder: AutoencoderSettings = part(AutoencoderSettings(images_per_identity=20))
    detector: DetectorSettings = part(DetectorSettings())
    table: Table2Config = part(Table2Config())
    images: int = 10_000
    eps: tuple[float, ...] = tuple(TABLE_2)
    adaptive_eps: tuple[float, ...] = (0.05,)

    LAPTOP: ClassVar[dict[str, Any]] = AutoencoderSettings.LAPTOP | {
        "images": 100,
        "adaptive_images": 32,
    }
    SMOKE: ClassVar[dict[str, Any]] = AutoencoderSettings.SMOKE | {
        "identities": 4,
        "images": 2,
        "adaptive_images": 2,
    }

    def __post_init__(self) -> None:
        check_at_least(self, 1, "images")
        check_above_zero(self, "eps", "adaptive_eps")
        if UNSEEN_EPSILON not in self.eps:
            raise InputError(
                f"`eps` must name {UNSEEN_EPSILON:g}, which FGSM and PGD are judged by."
            )


SETTINGS = CommandFlags(
    DetectionSettings,
    {
        "images": "Faces of each half, each once as it is and once attacked.",
        "adaptive_images": "Faces of the second half, attacked with the detector known.",
        "eps": "Epsilons of the attack.",
        "adaptive_eps": "Epsilons among --eps at which the detector is known to the "
        "attacker; empty for none.",
        "adaptive_weight": "Weight of the divergence in the loss of who knows the detector.",
        "false_alarm_rate": "Share of normal faces that each of MagNet's detectors may flag.",
    },
    within={
        "eps": "(0, inf)",
        "adaptive_eps": "(0, inf)",
        "adaptive_weight": "[0, inf)",
        "false_alarm_rate": "[0, 0.5]",
    },
)
FLAGS = SETTINGS.group


def main(_: list[str]) -> None:
    """Attack both halves, settle thresholds on one, measure on the other."""
    settings = SETTINGS.settings()
    algorithm, seed = settings.autoencoder.algorithm, settings.autoencoder.seed
    experiment = MofaExperiment(settings.autoencoder, ("code",))
    detector = FaceDetector(experiment, settings.detector)
    run = Run("detection", flat(settings), run_flags.place())
    people = experiment.people("test")
    sides = dict(zip(("validation", "test"), halves(people, settings.images, seed), strict=True))
    run.same_data(*(side.images for side in sides.values()))
    table = Table2(
        detector.scores,
        experiment.terms,
        {name: toward_others(experiment.victim, side, seed) for name, side in sides.items()},
        algorithm.attack(),
        settings.table,
        experiment.crafted,
    )
    names = [f"eps={epsilon:g}" for epsilon in settings.eps]
    known = {f"eps={epsilon:g}" for epsilon in settings.adaptive_eps}
    rows = [
        run.measured(name, functools.partial(table.row, name, name in known))
        for name in tqdm.tqdm([*names, "fgsm", "pgd"], unit="row")
    ]
    normal, attacked = table.normal["test"], {name: table.attacked("test", name) for name in names}
    save_detection_rocs(run.folder / "roc.png", normal, attacked)
    save_histograms(run.folder / "scores.png", normal, attacked)
    write_thresholds(
        run.folder / "thresholds.json",
        table.magnet.thresholds,
        settings.table.false_alarm_rate,
        settings.detector.temperature,
        detector.files(),
    )
    notes = (
        f"In 8 bits, epsilon {algorithm.in_words(settings.eps)}; fgsm and pgd change a pixel by as "
        f"much as {UNSEEN_EPSILON:g} does. "
        f"{len(table.pairs['test'])} normal and as many attacked faces of people whom nothing has "
        f"seen; thresholds from {len(table.pairs['validation'])} faces of other people. Accuracy "
        "with its 95 % Wilson interval, the paper's in square brackets. adaptive_js: "
        f"{settings.table.adaptive_images} of the faces, attacked with the divergence in the loss. "
        "magnet: veto of each score, thresholds from normal faces alone at a false-alarm rate of "
        f"{settings.table.false_alarm_rate:g} each."
    )
    plain = tuple(f"{score}_auc" for score in SCORES)
    print("\n" + run.finish(rows, "float32", "attack", notes, plain=plain))
    print(f"{run.folder}: detection.md, .csv, result.json, roc.png, scores.png, thresholds.json")


if __name__ == "__main__":
    command_line.run(main, FLAGS)
