"""Certified verification: pairs that no change of the probe up to a radius can turn.

    python -m experiments.certify                                # ORL, tens of minutes on two cores
    python -m experiments.certify --dataset=lfw --data_dir=DIR --sigma=0.25,0.5
    python -m experiments.certify --denoiser=runs/certify/<time>/cleaners/sigma=0.25.h5

A ResGN that was trained on Gaussian noise stands before the target, which stays as it is, and
noisy copies of the probe vote (randomized smoothing). The certificate is a proof: within its
radius, in L2 over all pixels of images in [0, 1], no attack changes the decision, whatever it
knows. Dodging counts pairs of one person on which "same" must hold, impersonation pairs of two on
which "different" must. Votes are kept as they come, and --resume goes on from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import tqdm

from experiments.drawing.certified_figure import save_certified
from experiments.face_verification.certification import Certification, Certified
from experiments.face_verification.certification_settings import (
    CertificationSettings,
    denoiser_settings,
)
from experiments.face_verification.denoisers import trained_denoiser
from experiments.face_verification.papers import CERTROBFR
from experiments.face_verification.sentences import about_certificates, warn_of_radii
from experiments.face_verification.trained_elsewhere import warn_of_people
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.flags import command_line, run_flags, verification_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.settings_flags import SettingsFlags
from experiments.flags.strategy_flags import restarting
from experiments.running.kept_arrays import KeptArrays
from experiments.running.run import Run
from experiments.running.settings import flat
from resgn.smoothing import Denoiser, load_denoiser
from weights import files
from weights.errors import InputError

FLAGS = FlagGroup(verification_flags.FLAGS)

_VALUES = SettingsFlags(
    FLAGS,
    {
        "sigma": "Standard deviations of the noise, in images of [0, 1]; a denoiser each.",
        "draws": "Noisy copies of each probe that bound a probability; more give larger radii.",
        "selection_draws": "Further copies, that guess the decision.",
        "confidence": "Probability with which each certificate is true, at least.",
        "radii": "Radii of the table, in L2 over all pixels of images in [0, 1].",
        "certified_pairs": "Test pairs of each kind at most.",
        "draw_batch": "Noisy copies at a time; memory follows it, and which noise is drawn.",
    },
    {"laptop": CertificationSettings.laptop(), "paper": CertificationSettings()},
    within={"sigma": "(0, inf)", "radii": "[0, inf)", "confidence": "(0.5, 1)"},
)
_DENOISER = FLAGS.paths(
    "denoiser",
    [],
    "Trained denoisers, cleaners/sigma=....h5 in the folder of an earlier run, instead of training "
    "them; each says its sigma.",
)

GRID = 120
"""Places of the figure's curves."""


def main(_: list[str]) -> None:
    """Train denoisers, let noisy probes vote, write table and curves."""
    settings = _VALUES.settle(CertificationSettings.of_preset(verification_flags.PRESET.value))
    experiment = chosen_experiment()
    given = given_denoisers(experiment)
    if given:
        settings = settings.but(sigma=tuple(denoiser.sigma for denoiser in given))
    warn_of_radii(max(settings.sigma), settings.radii, settings.voting)
    hashes = [files.sha256(Path(path)) for path in _DENOISER.value]
    more = {name: value for name, value in flat(settings).items() if name != "preset"}
    run = Run(
        "certify",
        experiment.flat_settings(more | {"denoiser": hashes}),
        run_flags.place(),
        experiment.devices,
    )
    run.same_data(experiment.legitimate.images)
    kept = KeptArrays(run.folder / "votes", run.shared / "votes", experiment.devices)
    certification = Certification(experiment, settings, kept)
    found, denoisers = [], []
    for denoiser in given or trained(experiment, run, settings.sigma):
        denoisers.append(denoiser)
        found.append(certification.certified(denoiser))
        row = found[-1].summary()
        run.log(row.name, 0, {f"test/{name}": m.value for name, m in row.columns.items()})
    published = CERTROBFR if experiment.settings.dataset == "lfw" else {}
    draw(run.folder / "certify.png", found, published, experiment)
    seconds = {f"sigma={each.sigma:g}": each.seconds for each in found}
    table = run.finish(
        [
            row
            for each in found
            for row in (*(each.at(r, published) for r in settings.radii), each.summary())
        ],
        experiment.settings.precision,
        "noise, radius",
        " ".join(
            [
                *about_certificates(
                    experiment, settings, certification.pairs, denoisers, not given
                ),
                "A pair took "
                + ", ".join(f"{s:.3g} s with {name}" for name, s in seconds.items())
                + ".",
            ]
        ),
        ("median_radius", "threshold"),
        seconds_per_pair=seconds,
        **experiment.facts(),
    )
    print("\n" + table)
    print(f"{run.folder}: certify.md, certify.csv, certify.png, result.json, cleaners/, votes/")


def chosen_experiment() -> VerificationExperiment:
    """Faces and target, with the settings under which a denoiser is trained."""
    preset = verification_flags.PRESET.value
    dataset = verification_flags.faces().dataset
    training = not _DENOISER.value
    return verification_flags.experiment(
        texture=training, calibrate=True, **denoiser_settings(preset, dataset)
    )


def given_denoisers(experiment: VerificationExperiment) -> list[Denoiser]:
    """The denoisers of --denoiser, read before long work begins.

    Raises:
      InputError: one is no denoiser, was trained for another target or on other noise than --sigma
        names, or two were trained on the same noise.
    """
    paths = list(_DENOISER.value)
    sigmas = _VALUES.given().get("sigma", [None] * len(paths))
    if paths and len(sigmas) != len(paths):
        raise InputError(
            "--sigma and --denoiser: name a file for each sigma, or leave --sigma out."
        )
    for path in paths:
        warn_of_people(path)
    precision = experiment.settings.precision
    found = [
        load_denoiser(path, experiment.target, sigma, precision)
        for path, sigma in zip(paths, sigmas, strict=False)
    ]
    if len({denoiser.sigma for denoiser in found}) < len(found):
        raise InputError("--denoiser: two files were trained on the same noise; name one.")
    return found


def trained(
    experiment: VerificationExperiment, run: Run, sigmas: tuple[float, ...]
) -> Iterator[Denoiser]:
    """A denoiser for each sigma, from the cache or trained now, one after the other."""
    for sigma in tqdm.tqdm(sigmas, desc="certify", unit="sigma"):
        yield trained_denoiser(experiment, run, sigma)


def draw(
    path: Path,
    found: list[Certified],
    published: Mapping[float, tuple[float, float]],
    experiment: VerificationExperiment,
) -> None:
    """Certified accuracy against the radius, a curve for each sigma."""
    radii = np.linspace(0.0, 1.05 * max(each.certificates.radius.max() for each in found), GRID)
    settings = experiment.settings
    save_certified(
        path,
        radii,
        {f"sigma={each.sigma:g}": [each.at(float(r)) for r in radii] for each in found},
        published,
        "CertRobFR, a network trained for it",
        f"Certified at {settings.dataset}, target {settings.target}",
    )


if __name__ == "__main__":
    command_line.run(restarting(main), FLAGS)
