"""Test pairs as an attacker gets them who knows the defence."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from attacks import WrongVerification
from resgn.legitimate_pairs import LegitimatePairs
from resgn.verification_set import VerificationSet


@dataclasses.dataclass(frozen=True, eq=False)
class ProbePairs:
    """Test pairs for an attacker who knows the defence.

    Attributes:
      images: untouched probes, float32 `[P, H, W, 3]` in [0, 1].
      stored: the same under FGSM made without the defence, as 8-bit files hold them, float32.
      criterion: what to reach.
      same: bool `[P]`; an attack on a pair of one person is dodging, on two impersonation.
      probe: int `[P]`, which legitimate image each probe is.
      reference: int `[P]`, likewise.
      starts: faces that have the wanted verdict, uint8 `[P, H, W, 3]`: the reference's photograph
        for impersonation, for dodging the one that the target finds least like it.
    """

    images: np.ndarray
    stored: np.ndarray
    criterion: WrongVerification
    same: np.ndarray
    probe: np.ndarray
    reference: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, test: VerificationSet, pairs: int) -> ProbePairs:
        """The first `pairs` pairs of each kind, or all where there are fewer."""
        rows = first_of_each(test.same, pairs)
        same, reference = test.same[rows], test.reference[rows]
        embeddings = test.embeddings[reference]
        stranger = reference[np.argmin(embeddings @ embeddings.T, axis=1)]
        return cls(
            test.images[test.probe[rows]] / np.float32(255),
            test.adversarial[rows] / np.float32(255),
            WrongVerification(embeddings, same, test.threshold),
            same,
            test.probe[rows],
            reference,
            test.images[np.where(same, stranger, reference)],
        )

    @classmethod
    def untouched(cls, legitimate: LegitimatePairs, pairs: int) -> ProbePairs:
        """The same test pairs where nobody has attacked them yet: nothing is stored."""
        test = legitimate.parts["test"]
        test = test.select(first_of_each(test.same, pairs))
        images = legitimate.images
        untouched = VerificationSet(
            images,
            legitimate.embeddings,
            test.probe,
            test.reference,
            test.same,
            images[test.probe],
            legitimate.threshold,
        )
        return cls.of(untouched, pairs)

    def __len__(self) -> int:
        return len(self.same)

    @property
    def references(self) -> np.ndarray:
        """Embeddings of the untouched references, float32 `[P, D]`."""
        return np.asarray(self.criterion.tensors()[0])

    def select(self, rows: NDArray[np.integer]) -> ProbePairs:
        """Some of the pairs."""
        own = (self.same, self.probe, self.reference, self.starts)
        return ProbePairs(
            self.images[rows],
            self.stored[rows],
            self.criterion.select(rows),
            *(each[rows] for each in own),
        )

    def verified(self, success: np.ndarray) -> dict[str, np.ndarray]:
        """Success of attacks, bool `[P]`, as columns: who is still verified rightly."""
        return {
            "adaptive_dodging": ~success[self.same],
            "adaptive_impersonation": ~success[~self.same],
        }


def first_of_each(same: np.ndarray, count: int) -> NDArray[np.integer]:
    """Rows of the first `count` pairs of one person, then of two."""
    return np.concatenate([np.flatnonzero(same == kind)[:count] for kind in (True, False)])
