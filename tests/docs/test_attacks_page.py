"""The section of docs/attacks.md on `face_recognition` runs, and keeps what it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_dodging_and_impersonating_dlibs_network(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "attacks.md").read_text("utf-8")
    (section,) = [part for part in page.split("\n## ") if part.startswith("Dodging and impers")]
    attack, check = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len([line for line in attack.splitlines() if line]) <= 10
    levels = "assert 0 < max(abs(x.astype(int) - probe).max() for x in (refused, accepted)) <= 7"
    done = subprocess.run(
        [sys.executable, "-c", f"{attack}\n{check}\n{levels}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
