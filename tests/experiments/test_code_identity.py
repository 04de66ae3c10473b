from __future__ import annotations

import pytest

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
