"""Which test pairs are certified: as few probes as serve as many pairs as are wanted.

The votes of a probe serve all pairs that it is in, and they take the time. Each certificate holds
by itself, whatever the other pairs are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resgn.faces.pairs import Pairs


def of_few_probes(pairs: Pairs, count: int) -> NDArray[np.int64]:
    """Some pairs of each kind, such that many share their probe.

    Probes come in turn: first those with pairs of both kinds, then those of one kind, each from the
    most pairs to the fewest, and as they come in `pairs` where that is equal. Of each kind the
    first pairs in this order are taken. Nothing decides but which image is in which pair, and fewer
    pairs are always a part of more.

    Args:
      pairs: to choose from.
      count: of each kind at most.

    Returns:
      int `[P]`, numbers of pairs: those of one person, then those of two, each in order.
    """
    images = 1 + int(pairs.probe.max(initial=-1))
    served = np.stack(
        [np.bincount(pairs.probe[pairs.same == kind], minlength=images) for kind in (True, False)]
    )
    of_both, of_all = served.min(axis=0)[pairs.probe] > 0, served.sum(axis=0)[pairs.probe]
    first = np.unique(pairs.probe, return_index=True)
    appears = np.zeros(images, np.int64)
    appears[first[0]] = first[1]
    turn = np.lexsort((appears[pairs.probe], -of_all, ~of_both))
    chosen = [np.sort(turn[pairs.same[turn] == kind][:count]) for kind in (True, False)]
    return np.concatenate(chosen)
