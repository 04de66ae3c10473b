"""Who is cleaned for whom: ResGN trained against one network, attacks on another, a third judges.

    python -m experiments.judges                             # FaceNet and dlib's network on ORL
    python -m experiments.judges --dataset=lfw --data_dir=DIR
    python -m experiments.judges --judges=dlib,mine:network  # with a network of your own

A cleaner in use stands in front of networks that it has never seen. Each network is attacked by
FGSM on its own crop; each image is cleaned by a ResGN that learned from the attacks on that
network, on another one, or on the target with every network as a verification critic (--critics of
Table 1); and each network judges the cleaned image in its own crop, with its own threshold. ResGNs
are the joint ones of Table 1, taken from the cache where they are there.
"""

from __future__ import annotations

import tqdm

from experiments.drawing.figures import save_heat_maps
from experiments.face_verification.cleaning_matrix import CleaningMatrix, heat_maps
from experiments.face_verification.sentences import about_network, about_pairs
from experiments.face_verification.settings import VerificationSettings
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.flags import (
    command_line,
    intensity_flags,
    run_flags,
    strategy_flags,
    verification_flags,
)
from experiments.flags.groups import FlagGroup
from experiments.flags.strategy_flags import restarting
from experiments.running.run import Run
from resgn.target import TARGETS
from weights.errors import InputError

FLAGS = FlagGroup(verification_flags.FLAGS, intensity_flags.FLAGS, run_flags.FLAGS)

_JUDGES = FLAGS.names(
    "judges",
    None,
    f"Networks beside the target ({', '.join(TARGETS)}, or package.module:callable), each of them "
    "attacked, learned from and a judge. Default: those of ours that the target is not.",
)


def main(_: list[str]) -> None:
    """Craft, train against each network and against all, measure, write table and heat maps."""
    epsilon = intensity_flags.intensity()
    settings = verification_flags.settings()
    names = chosen_networks(settings)
    devices = strategy_flags.chosen_devices()
    experiments = {
        name: VerificationExperiment(settings.but(target=name), devices) for name in names
    }
    first = experiments[names[0]]
    first.texture  # noqa: B018, a missing one shows at once
    flat = first.flat_settings({"judges": names[1:], "eps": epsilon})
    run = Run("judges", flat, run_flags.place(), devices)
    run.same_data(*(experiment.legitimate.images for experiment in experiments.values()))
    for experiment in experiments.values():
        for part in ("validation", "test"):
            experiment.sets.attacked(part, epsilon)
    matrix = CleaningMatrix(experiments, run, epsilon)
    rows = [matrix.row(*each) for each in tqdm.tqdm(matrix.rows(), desc="judges", unit="row")]
    title = f"Cleaned for whom, on {settings.dataset}: verified correctly (%)"
    save_heat_maps(run.folder / "judges.png", heat_maps(rows, matrix), title)
    table = run.finish(
        rows,
        first.settings.precision,
        "trained, attacked",
        notes(experiments, epsilon),
        thresholds=matrix.thresholds(),
        **first.devices.facts(),
    )
    print("\n" + table)
    print(f"{run.folder}: judges.md, .csv, .png, result.json, tensorboard/, cleaners/")


def chosen_networks(settings: VerificationSettings) -> list[str]:
    """The target and the other networks, by name.

    Raises:
      InputError: another one is unknown, named twice or the target itself, or there is none.
    """
    if settings.critics:
        raise InputError("--critics is what this command goes through by itself; leave it out.")
    others = [name for name in TARGETS if name != settings.target]
    if _JUDGES.value is not None:
        others = list(_JUDGES.value)
    if not others or len({*others, settings.target}) <= len(others):
        raise InputError(
            f"--judges are further networks than the target, {settings.target}, each once."
        )
    return [settings.target, *others]


def notes(experiments: dict[str, VerificationExperiment], epsilon: float) -> str:
    """What was measured how, in words below the table."""
    first, together = next(iter(experiments.values())), "+".join(experiments)
    return " ".join(
        [
            *about_pairs(first, [epsilon]),
            *about_network(first),
            "train=A: learned from the attacks on A, in A's crop; "
            f"train={together}: from those on {first.settings.target}, with the mean of all "
            "verification losses. attack=A: pairs that A verifies correctly, attacked on A in A's "
            "crop. Columns: who judges, in its own crop and with its own threshold.",
        ]
    )


if __name__ == "__main__":
    command_line.run(restarting(main), FLAGS)
