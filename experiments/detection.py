"""Table 2 of Teng 2021: telling attacked faces from normal ones.

    python -m experiments.detection
    python -m experiments.detection --dataset=celeba --data_dir=DIR --images=400

Faces of people whom neither encoder, classifier nor detector has seen are attacked, each toward
another person's code, at several epsilons. The people are divided into two halves: one settles the
thresholds, the other is measured on. The columns l1, l2, linf and js are the accuracy on as many
normal as attacked faces, at the threshold that was best on the first half for the row's epsilon;
`js_one` and so on at one threshold for all epsilons. `js_auc` and so on are the areas under the
ROC, `js_tpr_0.01` the share of attacks caught at 1 % of false alarms; `js_pca` is the divergence
where the detector's principal components alone reconstruct; the row `normal` says how far both
reconstructions are off. `self_perturbed` is the score of a classifier that learned from normal
faces with noise of their own (Wang et al. 2023). `magnet` is the accuracy of MagNet's way, in which
each score of the autoencoder has a veto at a threshold from normal faces alone, `magnet_caught` and
`magnet_false_alarms` what makes it up.
The rows fgsm and pgd are attacks that the first half's thresholds for epsilon 0.05 have not seen.
The rows `unaware`, `equation1` and `judge` say in which share of the faces an attack is taken for
its target (`reached`) and also raises no alarm (`unnoticed`): one that does not know the detector,
one that keeps the divergence low while it matches codes by Eq. 1, and one that does so by the
identity classifier that judges. With --adaptive_scores=self_perturbed it is the classifier's score
that has to stay low, in rows that name it. Attacked faces are judged in 8 bits, as files hold them;
where that leaves nothing of an attack, a row `float` has it as it was. They are kept in the user's
cache, so that a second run need not make them again.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import Any, ClassVar

import numpy as np
import tqdm

from detector.perturbation_detector import SCORE
from detector.scores import SCORES
from detector.threshold_file import write_thresholds
from experiments.drawing.detection_figures import save_detection_rocs, save_histograms
from experiments.face_autoencoder import over_people
from experiments.face_autoencoder.detection_table import (
    UNSEEN_EPSILON,
    Table2,
    Table2Config,
    halves,
    toward_others,
)
from experiments.face_autoencoder.face_detector import (
    DetectorSettings,
    FaceDetector,
    perturbation_detector,
)
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.papers import TABLE_2
from experiments.face_autoencoder.settings import AutoencoderSettings
from experiments.face_autoencoder.unnoticed_attacks import (
    ATTACKERS,
    UnnoticedAttacks,
    UnnoticedConfig,
    row_name,
)
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import CommandFlags
from experiments.running.run import Run
from experiments.running.settings import Presets, check_above_zero, check_at_least, flat, part
from weights.errors import InputError

ALARMS = ("js", SCORE)
"""Scores that an attacker who knows them can keep low."""


@dataclasses.dataclass(frozen=True)
class DetectionSettings(Presets):
    """What decides Table 2.

    Attributes:
      images: faces of each half, each once as it is and once attacked.
      self_perturbed: a detector that learned from self-perturbed faces; None for the project's own
        small one.
      eps: epsilons of the attack.
      adaptive_eps: those of `eps` at which the detector is known to the attacker.
      adaptive_scores: of `ALARMS`, each of which is to stay silent by itself.
    """

    autoencoder: AutoencoderSettings = part(AutoencoderSettings(images_per_identity=20))
    detector: DetectorSettings = part(DetectorSettings())
    table: Table2Config = part(Table2Config())
    self_perturbed: str | None = None
    images: int = 10_000
    eps: tuple[float, ...] = tuple(TABLE_2)
    unnoticed: UnnoticedConfig = part(UnnoticedConfig())
    adaptive_eps: tuple[float, ...] = (0.05,)
    adaptive_scores: tuple[str, ...] = ("js",)

    LAPTOP: ClassVar[dict[str, Any]] = AutoencoderSettings.LAPTOP | {
        "images": 100,
        "adaptive_images": 24,
        "adaptive_starts": 3,
        "adaptive_penalties": (0.01, 0.1, 1.0),
        "tuning_images": 16,
    }
    SMOKE: ClassVar[dict[str, Any]] = AutoencoderSettings.SMOKE | {
        "identities": 4,
        "images": 2,
        "adaptive_images": 2,
        "adaptive_steps": 2,
        "adaptive_starts": 2,
        "tuning_images": 2,
    }

    def __post_init__(self) -> None:
        check_at_least(self, 1, "images")
        check_above_zero(self, "eps", "adaptive_eps")
        if UNSEEN_EPSILON not in self.eps:
            raise InputError(
                f"`eps` must name {UNSEEN_EPSILON:g}, which FGSM and PGD are judged by."
            )
        if not set(self.adaptive_eps) <= set(self.eps):
            raise InputError("`adaptive_eps` must be among `eps`.")
        if not self.adaptive_scores or not set(self.adaptive_scores) <= set(ALARMS):
            raise InputError(
                f"`adaptive_scores` knows {' and '.join(ALARMS)}; got "
                f"{','.join(self.adaptive_scores)!r}."
            )


SETTINGS = CommandFlags(
    DetectionSettings,
    {
        "images": "Faces of each half, each once as it is and once attacked.",
        "self_perturbed": "Detector that learned from self-perturbed faces, a file of "
        "train_detector --kind=self_perturbed; the project's own small one by default.",
        "adaptive_images": "Faces of the second half, attacked with the detector known.",
        "adaptive_steps": "Steps of PGD by who knows the detector, for each start.",
        "adaptive_starts": "Random starts of who knows the detector; one success is enough.",
        "adaptive_penalties": "Weights of the score in the loss of who knows the detector, the "
        "score in units of what the attack lifts it by; the best on the first half is taken.",
        "tuning_images": "Faces of the first half by which that weight is chosen.",
        "eps": "Epsilons of the attack.",
        "adaptive_eps": "Epsilons among --eps at which attacks also have to raise no alarm; empty "
        "for none.",
        "adaptive_scores": "Scores whose alarms these attacks must not raise, each by itself: js, "
        "self_perturbed.",
        "false_alarm_rate": "Share of normal faces that each of MagNet's detectors may flag.",
    },
    within={
        "eps": "(0, inf)",
        "adaptive_eps": "(0, inf)",
        "adaptive_penalties": "(0, inf)",
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
    if settings.autoencoder.calibrate:
        experiment.calibrate()
    judge = experiment.victim.identities["code"]
    people = experiment.people("test")
    sides = dict(zip(("validation", "test"), halves(people, settings.images, seed), strict=True))
    run.same_data(*(side.images for side in sides.values()))
    scores = {"": detector.scores}
    if detector.pca_scores:
        scores["pca"] = detector.pca_scores
    table = Table2(
        scores,
        experiment.terms,
        {name: toward_others(experiment.victim, side, seed) for name, side in sides.items()},
        algorithm.attack(),
        settings.eps,
        settings.table,
        experiment.crafted,
        {SCORE: perturbation_detector(experiment, settings.self_perturbed)},
    )
    measured = {"normal": table.reconstruction}
    measured |= {name: functools.partial(table.row, name) for name in table.names}
    unnoticed = functools.cache(functools.partial(UnnoticedAttacks, table, settings.unnoticed))
    for score, epsilon, attacker in itertools.product(
        settings.adaptive_scores, settings.adaptive_eps, ATTACKERS
    ):
        measured[row_name(epsilon, attacker, score)] = functools.partial(
            lambda score, *known: unnoticed(score).row(*known), score, epsilon, attacker
        )
    rows = [
        run.measured(name, measure) for name, measure in tqdm.tqdm(measured.items(), unit="row")
    ]
    normal = table.normal["test"]
    attacked = {name: table.attacked("test", name) for name in table.series}
    save_detection_rocs(run.folder / "roc.png", normal, attacked)
    save_histograms(run.folder / "scores.png", normal, attacked)
    write_thresholds(
        run.folder / "thresholds.json",
        table.magnet.thresholds,
        settings.table.false_alarm_rate,
        settings.detector.temperature,
        detector.files(),
        float(table.magnet.flags(normal).mean()),
    )
    known = settings.unnoticed
    notes = (
        f"In 8 bits, epsilon {algorithm.in_words(settings.eps)}; fgsm and pgd change a pixel by as "
        f"much as {UNSEEN_EPSILON:g} does. "
        f"{len(table.halves['test'].people)} normal and as many attacked faces of "
        f"{len(np.unique(table.halves['test'].people))} people whom nothing has seen; thresholds "
        f"from {len(table.halves['validation'].people)} faces of other people. Intervals of 95 % "
        "allow for faces of one person, those of areas and tpr by draws of as many people with "
        f"replacement; {over_people.ALIKE}; the paper's value in square brackets. "
        "tpr: attacks caught where so many of these normal faces are flagged, too; caught and "
        "alarms: at the threshold where so many of the other people's were. "
        "magnet: veto of each score, thresholds from normal faces alone at a false-alarm rate of "
        f"{settings.table.false_alarm_rate:g} each."
    )
    if settings.adaptive_eps:
        notes += (
            f" Who knows the detector: {known.adaptive_images} faces at most, of those whose "
            f"targets the judge takes for others (threshold {judge.threshold:.3f}), PGD of "
            f"{known.adaptive_steps} steps, {known.adaptive_starts} starts, alarms at the one "
            f"threshold of {' or '.join(settings.adaptive_scores)}."
        )
    areas = (f"{score}_auc" for score in (*SCORES, "js_pca", SCORE))
    plain = (*areas, "weight", "rmse", "rmse_pca")
    print("\n" + run.finish(rows, "float32", "attack", notes, plain=plain))
    print(f"{run.folder}: detection.md, .csv, result.json, roc.png, scores.png, thresholds.json")


if __name__ == "__main__":
    command_line.run(main, FLAGS)
