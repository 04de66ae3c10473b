from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.face_verification import cleaner_cache
from resgn.generator import GeneratorConfig, residual_generator
from resgn.training import Progress

CONFIG = GeneratorConfig(blocks=1, maps=8, in_kernel=3, out_kernel=3, scale=2)
HISTORY = [Progress(1, 2, {"total": 0.5}, 1e-3, 10.0, None)]


def test_an_entry_without_a_course_of_training_counts_as_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever takes a network from the cache logs the course of its training."""
    monkeypatch.setenv("RESGN_CACHE_DIR", str(tmp_path))
    cleaner_cache.keep("toy", residual_generator(CONFIG), CONFIG, {}, HISTORY)
    kept = cleaner_cache.read("toy", "float32")
    assert kept is not None
    assert kept.history == HISTORY
    record = tmp_path / "cleaners" / "toy.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"history": []}))
    assert cleaner_cache.read("toy", "float32") is None
    assert "toy.json is damaged (it says nothing of its training)" in caplog.text
