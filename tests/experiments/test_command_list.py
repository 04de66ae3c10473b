"""`python -m experiments` and `resgn`: the commands by name."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from experiments.__main__ import commands, main
from tests.experiments.command import ROOT

MODULE = ("-m", "experiments.results_page")


def run(
    *arguments: str, folder: Path = ROOT, program: tuple[str, ...] = ("-m", "experiments")
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPROFILEIMPORTTIME": "1"},
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=300,
    )


def test_commands_are_listed_without_tensorflow() -> None:
    done = run()
    assert done.returncode == 0
    lines = done.stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(commands())
    assert any("table1" in line and "Table 1 of Su et al. 2019" in line for line in lines)
    assert " ast\n" in done.stderr
    for slow in ("tensorflow", "keras", "h5py", "cv2"):
        assert f" {slow}\n" not in done.stderr


def test_every_command_says_what_it_does() -> None:
    assert {"table1", "scan", "render"} < set(commands())
    for name, text in commands().items():
        assert text.endswith((".", "?")), name


def test_a_command_runs_by_its_name_as_by_its_module() -> None:
    named, module = run("results-page", "--helpshort"), run("--helpshort", program=MODULE)
    assert named.returncode == module.returncode
    assert named.stdout == module.stdout
    assert named.stdout.startswith("Bring every page that holds results up to date")


def test_another_name_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tabel1"]) == 1
    error = capsys.readouterr().err
    assert "there is no command 'tabel1'. Do you mean table1?" in error


def test_a_folder_experiments_of_ones_own_is_not_in_the_way(tmp_path: Path) -> None:
    """A console script begins its path with its own folder, not with that of the user."""
    own = tmp_path / "work" / "experiments"
    own.mkdir(parents=True)
    for name in ("__init__", "results_page"):
        (own / f"{name}.py").write_text("raise SystemExit('the wrong folder')\n")
    script = tmp_path / "bin" / "resgn"
    script.parent.mkdir()
    script.write_text(
        textwrap.dedent("""
            import sys
            from experiments.__main__ import main
            sys.exit(main())
        """)
    )
    done = run("results_page", "--helpshort", folder=own.parent, program=(str(script),))
    assert done.stdout.startswith("Bring every page that holds results up to date")
    by_module = run("results_page", "--helpshort", folder=own.parent)
    assert "the wrong folder" in by_module.stderr  # which is why there is a script


def test_the_script_is_installed() -> None:
    assert "resgn = experiments.__main__:main" in (ROOT / "setup.cfg").read_text("utf-8")
