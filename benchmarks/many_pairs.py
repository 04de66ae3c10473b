"""Robust accuracy over many pairs: gradients and seconds of three ways to the same number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attacks import APGD, PGD, Criterion, StagedPGD, judge, stored
from attacks.stochastic import Deterministic
from benchmarks.counting import CountedGradients
from benchmarks.peers import Craft
from benchmarks.timing import measure
from experiments.running.results import Measurement

ROUNDS = 2
"""Timed rounds unless told otherwise."""

PLAIN, APGD_ON_ALL, STAGED = "PGD on all", "APGD on all", "PGD in stages"

Columns = dict[str, Measurement]


def many_pairs(
    network: Deterministic,
    images: np.ndarray,
    criterion: Criterion,
    epsilons: Sequence[float],
    steps: int,
    rounds: int = 0,
) -> dict[str, Columns]:
    """Attack all pairs with PGD, with APGD, and with PGD in stages.

    Args:
      network: under attack.
      images: float32 `[N, H, W, 3]` in [0, 1], of whole levels.
      criterion: with one row of data for each image.
      epsilons: budgets in L-infinity.
      steps: of each attack.
      rounds: how often it is timed; 0 for `ROUNDS`.

    Returns:
      By row, an attack at a budget: `gradients` (for each image, those included by which a batch is
      filled up), `ratio` (to those of PGD on all), `seconds` (of all images, median and quartiles),
      `robust` (the share that holds out, judged as files hold it).
    """
    rounds = rounds or ROUNDS
    found: dict[str, Columns] = {}
    for epsilon in epsilons:
        counted = {name: CountedGradients(network) for name in (PLAIN, APGD_ON_ALL, STAGED)}
        crafts = _crafts(counted, images, criterion, epsilon, steps)
        times = measure(crafts, rounds)
        taken = {name: model.taken() / (rounds + 1) for name, model in counted.items()}
        for name, (perturbed, seconds, _) in times.items():
            kept = stored(perturbed, images, epsilon)[np.newaxis]
            _, success = judge(network, kept, criterion, batch_size=len(images))
            found[f"{name}, eps={epsilon:g}"] = {
                "gradients": Measurement.bare(taken[name] / len(images), len(images)),
                "ratio": Measurement.bare(taken[name] / taken[PLAIN], len(images)),
                "seconds": Measurement.quartiles(np.array(seconds)),
                "robust": Measurement.rate(~success[0]),
            }
    return found


def _crafts(
    models: dict[str, CountedGradients],
    images: np.ndarray,
    criterion: Criterion,
    epsilon: float,
    steps: int,
) -> dict[str, Craft]:
    count = len(images)
    pgd, apgd, staged = PGD(steps), APGD(steps), StagedPGD(steps)

    def whole(attack: PGD | APGD, name: str) -> Craft:
        return lambda: attack.craft(
            models[name], images, criterion, epsilons=[epsilon], batch_size=count
        )[0]

    def in_stages() -> np.ndarray:
        model = models[STAGED]
        found = staged(model, images, criterion, epsilon=epsilon, batch_size=count)
        return found.stored / np.float32(255)

    return {PLAIN: whole(pgd, PLAIN), APGD_ON_ALL: whole(apgd, APGD_ON_ALL), STAGED: in_stages}
