"""The FaceNet that comes along, on its own crop of research data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from resgn.calibration import ten_fold
from resgn.faces.alignment import aligned_faces
from resgn.faces.loading import load_dataset
from resgn.faces.pairs import read_pairs
from resgn.target import embed_all, load_target

LFW = Path(__file__).parents[2] / ".." / "shared" / "data" / "lfw"


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif(not LFW.is_dir(), reason="needs LFW in ../shared/data/lfw")
def test_it_verifies_faces_better_on_its_own_crop() -> None:
    dataset = load_dataset("lfw", LFW)
    pairs = read_pairs("pairsDevTrain.txt", dataset)
    pairs = pairs.select(np.r_[0:300, 1100:1400])
    target = load_target("facenet")
    used = np.unique(np.r_[pairs.probe, pairs.reference])

    def accuracy(crop: str) -> float:
        faces = aligned_faces(dataset, used, crop=crop, progress=False)
        assert faces.indices.tolist() == used.tolist()
        embeddings = embed_all(tf.function(target), faces.images)
        probe, reference = (np.searchsorted(used, rows) for rows in (pairs.probe, pairs.reference))
        distances = np.sum((embeddings[probe] - embeddings[reference]) ** 2, axis=-1)
        correct, _ = ten_fold(distances, pairs.same, np.arange(len(pairs)) % 10)
        return float(correct.mean())

    own = accuracy(target.crop)
    assert own > 0.975  # 98.4 % of all 2,200 pairs
    assert own > accuracy("five_points")
