from __future__ import annotations

import numpy as np
import pytest

from experiments.code_identity import CodeIdentitySettings, measure
from tests.experiments.command import result, run


@pytest.mark.slow
def test_rendered_people(tmp_path) -> None:
    done = run(
        "code_identity",
        *("--people=3", "--resamples=5", "--refine=1", f"--output_dir={tmp_path}/run"),
        cache=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in result(tmp_path / "run")["rows"]}
    parts = ("shape+albedo", "shape", "albedo")
    assert set(rows) == {f"rendered,{part}{end}" for part in parts for end in ("", ",refined")}
    # Rendered people come from the face model, so that refined codes know them apart.
    refined = rows["rendered,shape+albedo,refined"]["auc"]["value"]
    assert refined >= rows["rendered,shape+albedo"]["auc"]["value"]
    for row in rows.values():
        assert 0.0 <= row["auc"]["low"] <= row["auc"]["high"] <= 1.0


def test_who_is_told_apart_without_a_fault_still_has_an_interval() -> None:
    people = np.repeat(np.arange(4), 2)
    row, _ = measure("toy", np.eye(4)[people], people, CodeIdentitySettings(resamples=20))
    auc = row.columns["auc"]
    assert (auc.value, auc.high) == (1.0, 1.0)
    assert auc.low == pytest.approx(4 / (4 + 1.96**2), abs=1e-3)  # Wilson's of 4 of 4
