"""Certificates for test pairs: votes that are kept as they come, and rows of a table from them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from experiments.face_verification import certified_pairs
from experiments.face_verification.ballots import Ballots
from experiments.face_verification.certification_settings import CertificationSettings
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running.kept_arrays import KeptArrays
from experiments.running.pairs_of_people import People, of_pairs
from experiments.running.results import Measurement, Row
from resgn.faces.pairs import Pairs
from resgn.smoothing import DIFFERENT, SAME, Certificates, Denoiser, Draws
from resgn.smoothing import certify as certify_votes
from resgn.smoothing import predict as predict_votes

PROBES_PER_DEVICE = 2
"""Between two writes to the disk."""


@dataclasses.dataclass(frozen=True, eq=False)
class Votes:
    """How many noisy copies of each pair's probe were taken for the reference's person.

    Attributes:
      selection: int64 `[P]`.
      certification: int64 `[P]`.
      seconds: that the probes of all pairs took together, a probe of several pairs once.
    """

    selection: np.ndarray
    certification: np.ndarray
    seconds: float


@dataclasses.dataclass(frozen=True, eq=False)
class Certified:
    """What one denoiser is worth on pairs.

    Attributes:
      sigma: of the noise.
      same: bool `[P]`, the truth.
      certificates: of CERTIFY.
      decision: of PREDICT, int `[P]`.
      seconds: for each pair.
      threshold: of the smoothed verifier.
      people: whose probes and references are, int `[P]` each; None where nobody knows.
    """

    sigma: float
    same: np.ndarray
    certificates: Certificates
    decision: np.ndarray
    seconds: float
    threshold: float
    people: People | None = None

    @classmethod
    def of(
        cls,
        votes: Votes,
        same: np.ndarray,
        denoiser: Denoiser,
        draws: Draws,
        people: People | None = None,
    ) -> Certified:
        """From votes on pairs with the truth `same`, bool `[P]`, of `people`, see there."""
        return cls(
            denoiser.sigma,
            same,
            certify_votes(votes.selection, votes.certification, denoiser.sigma, draws),
            predict_votes(votes.certification, draws.certification, draws.confidence),
            votes.seconds / len(same),
            denoiser.threshold,
            people,
        )

    def _share(
        self, outcomes: np.ndarray, rows: np.ndarray, paper: float | None = None
    ) -> Measurement:
        """Of some pairs, bool `[P]`."""
        people = None if self.people is None else (self.people[0][rows], self.people[1][rows])
        return of_pairs(outcomes[rows], people, paper)

    def at(
        self, radius: float, published: Mapping[float, tuple[float, float]] = MappingProxyType({})
    ) -> Row:
        """The share of pairs that no change of the probe up to a radius can turn.

        Args:
          radius: 0 or more.
          published: somebody's figures for dodging and impersonation, by radius.
        """
        holds = self.certificates.hold(self.same, radius)
        kinds = {"dodging": self.same, "impersonation": ~self.same}
        columns = {
            name: self._share(holds, kind, paper)
            for (name, kind), paper in zip(
                kinds.items(), published.get(radius, (None, None)), strict=True
            )
        }
        return Row(f"sigma={self.sigma:g},radius={radius:g}", columns)

    def summary(self) -> Row:
        """Accuracy without an attack, abstentions, radii; nothing that differs from run to run.

        A certificate of a wrong decision is worth nothing: its radius counts as 0.
        """
        certificates = self.certificates
        radius = np.where(certificates.hold(self.same, 0.0), certificates.radius, 0.0)
        right = self.decision == np.where(self.same, SAME, DIFFERENT)
        everyone = np.ones(len(self.same), bool)
        columns = {
            "clean": self._share(right, everyone),
            "clean_same": self._share(right, self.same),
            "clean_different": self._share(right, ~self.same),
            "abstained": self._share(~np.isin(self.decision, (SAME, DIFFERENT)), everyone),
            "median_radius": Measurement.quartiles(radius),
            "threshold": Measurement.bare(self.threshold, len(self.same)),
        }
        return Row(f"sigma={self.sigma:g}", columns)


@dataclasses.dataclass(frozen=True, eq=False)
class Certification:
    """Lets noisy probes vote, on one device or many.

    Attributes:
      experiment: faces and target.
      settings: how many draws.
      kept: votes as they come.
    """

    experiment: VerificationExperiment
    settings: CertificationSettings
    kept: KeptArrays

    @functools.cached_property
    def pairs(self) -> Pairs:
        """The certified test pairs of each kind."""
        return self._test.select(self._chosen)

    def certified(self, denoiser: Denoiser) -> Certified:
        """All pairs behind one denoiser.

        Votes of an earlier part of the run are read back, and those of other runs on the same
        probes, with the same draws behind the same denoiser.
        """
        votes, pairs, people = self.votes(denoiser), self.pairs, self.experiment.legitimate.people
        ends = None if people is None else (people[pairs.probe], people[pairs.reference])
        return Certified.of(votes, pairs.same, denoiser, self.settings.voting, ends)

    def votes(self, denoiser: Denoiser) -> Votes:
        """The votes on all pairs; the noisy copies of a probe serve all pairs that it is in."""
        ballots = Ballots(self.experiment, self.settings, denoiser)
        devices, probes = self.experiment.devices, np.unique(self.pairs.probe)

        def work(rows: np.ndarray) -> np.ndarray:
            return np.stack([ballots.of_probe(int(row)) for row in rows])

        found = self.kept.in_chunks(
            f"sigma={denoiser.sigma:g}/probes",
            probes,
            lambda rows: devices.share(work, rows),
            PROBES_PER_DEVICE * devices.strategy.num_replicas_in_sync,
            "probe",
        )
        place = np.searchsorted(probes, self.pairs.probe)
        by_pair = found["votes"][place, :, _place_at_probe(self._test.probe)[self._chosen]]
        return Votes(by_pair[:, 0], by_pair[:, 1], float(found["seconds"].sum()))

    @property
    def _test(self) -> Pairs:
        return self.experiment.legitimate.parts["test"]

    @functools.cached_property
    def _chosen(self) -> np.ndarray:
        return certified_pairs.of_few_probes(self._test, self.settings.certified_pairs)


def _place_at_probe(probe: np.ndarray) -> np.ndarray:
    """For each pair which of its probe's pairs it is, from 0, int `[P]`."""
    order = np.argsort(probe, kind="stable")
    place = np.empty(len(probe), np.int64)
    place[order] = np.arange(len(probe)) - np.searchsorted(probe[order], probe[order])
    return place
