"""Where a result comes from."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from experiments.running import provenance

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


def test_a_commit_is_the_projects_own_and_no_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed into an environment within another repository, the project has no commit."""

    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "file").write_text("")
    git("add", ".")
    git("commit", "-qm", "first")
    inside = tmp_path / "site" / "experiments" / "running" / "provenance.py"
    inside.parent.mkdir(parents=True)
    monkeypatch.setattr(provenance, "__file__", str(inside))
    assert provenance.commit() is None
    own = tmp_path / "experiments" / "running" / "provenance.py"
    own.parent.mkdir(parents=True)
    monkeypatch.setattr(provenance, "__file__", str(own))
    found = provenance.commit()
    assert found is not None
    assert len(found) == 12
    (tmp_path / "file").write_text("changed")
    assert provenance.commit() == f"{found}+"
