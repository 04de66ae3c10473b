from __future__ import annotations

import pytest

from tests.experiments.command import result, run


@pytest.mark.slow
def test_rendered_people(tmp_path) -> None:
    done = run(
        "code_identity",
        *("--people=4", "--resamples=5", f"--output_dir={tmp_path}/run"),
        cache=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in result(tmp_path / "run")["rows"]}
    assert set(rows) == {"rendered,shape+albedo", "rendered,shape", "rendered,albedo"}
    for row in rows.values():
        assert 0.0 <= row["auc"]["low"] <= row["auc"]["high"] <= 1.0
