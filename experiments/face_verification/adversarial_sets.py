"""Adversarial sets as Section 4.1 makes them: legitimate pairs, FGSM, 8 bits.

Crafting takes a while, so that each set is kept in the user's cache under a name that says all that
decides its content.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tqdm

from attacks import FGSM, WrongVerification
from experiments.running import image_cache
from experiments.running.devices import ONE, Devices
from resgn.faces.pairs import Pairs
from resgn.legitimate_pairs import LegitimatePairs
from resgn.target import Target
from resgn.verification_set import VerificationSet

FORMAT = 3
"""Part of every cached set's name; to be raised when the making of a set changes."""

_FLOATS = 1024
"""Attacked images that are held as floats at a time, 300 MB of them at 160x160."""

_FGSM = FGSM()  # one instance: what it compiled for a target serves every set


def attacked(
    legitimate: LegitimatePairs,
    part: str,
    target: Target,
    identity: str,
    epsilons: Sequence[float],
    keep: bool = True,
    devices: Devices = ONE,
) -> dict[float, VerificationSet]:
    """The probes of a part under FGSM, from the cache if they were crafted before.

    Those of several intensities are crafted together, since FGSM's gradient serves them all.

    Args:
      legitimate: the pairs.
      part: one of `resgn.legitimate_pairs.PARTS`.
      target: under attack.
      identity: what names the target; together with probes, references and epsilon it names the
        set.
      epsilons: budgets in (0, 1].
      keep: put what was crafted into the cache; of several machines only the chief does.
      devices: share out the crafting.

    Returns:
      A set for each budget.
    """
    pairs = legitimate.parts[part]
    probes = legitimate.images[pairs.probe]

    def path(epsilon: float) -> Path:
        settings = [FORMAT, identity, epsilon, legitimate.threshold]
        references = legitimate.embeddings[pairs.reference]
        return image_cache.entry(settings, [probes, references, pairs.same])

    found = {epsilon: image_cache.read(path(epsilon), probes.shape) for epsilon in epsilons}
    missing = [e for e in epsilons if not devices.everyone(found[e] is not None)]
    if missing:
        crafted = _craft(legitimate, pairs, target, missing, part, devices)
        for epsilon, adversarial in zip(missing, crafted, strict=True):
            found[epsilon] = adversarial
            if keep and devices.chief:
                image_cache.write(path(epsilon), adversarial)
    return {
        epsilon: VerificationSet(
            legitimate.images,
            legitimate.embeddings,
            pairs.probe,
            pairs.reference,
            pairs.same,
            adversarial,
            legitimate.threshold,
        )
        for epsilon, adversarial in found.items()
        if adversarial is not None
    }


def _craft(
    legitimate: LegitimatePairs,
    pairs: Pairs,
    target: Target,
    epsilons: Sequence[float],
    part: str,
    devices: Devices,
) -> np.ndarray:
    """Attacked probes as 8-bit files hold them, uint8 `[K, P, H, W, 3]`."""
    adversarial = np.empty((len(epsilons), len(pairs), *legitimate.images.shape[1:]), np.uint8)
    shown = ", ".join(f"{epsilon:g}" for epsilon in epsilons)
    bar = functools.partial(tqdm.tqdm, desc=f"FGSM {shown}, {part}", unit="batch")

    def craft(rows: np.ndarray) -> np.ndarray:
        references = legitimate.embeddings[pairs.reference[rows]]
        criterion = WrongVerification(references, pairs.same[rows], legitimate.threshold)
        images = legitimate.images[pairs.probe[rows]]
        found = _FGSM.craft(target, images, criterion, epsilons=epsilons, progress=bar)
        return np.moveaxis(_FGSM.stored(found, images, epsilons), 0, 1)

    # An attack gives floats, four times the size: not of all images and budgets at once.
    chunk = max(32, _FLOATS // len(epsilons) // 32 * 32)
    for start in range(0, len(pairs), chunk):
        rows = np.arange(start, min(start + chunk, len(pairs)))
        adversarial[:, rows] = np.moveaxis(devices.share(craft, rows), 1, 0)
    return adversarial
