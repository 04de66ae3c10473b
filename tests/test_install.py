"""`make install`: which Python it takes, what it says without one. With Pythons of straw."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = ("bash", "basename", "cat", "cp", "dirname", "grep", "head", "ls", "make", "mkdir", "rm")
TOOLS += ("env", "touch", "sed")

PYTHON = r"""#!/usr/bin/env bash
# Python {version} of straw.
case "$*" in
  *'"%d.%d"'*) echo {version} ;;
  *hexversion*) echo {version} ;;
  *ensurepip*) exit {no_venv} ;;
  *'"faithful"'*) [[ {version} == 3.1[01] ]] && echo faithful || echo current ;;
  --version) echo "Python {version}.0" ;;
  '-m venv --clear '*) rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
  *--target*) [ -n "{pip}" ] || exit 1
    mkdir -p .venv.uv/bin; cp "{pip}" .venv.uv/bin/uv ;;
  *freeze) echo tensorflow==2 ;;
  *) echo "$@" >> log ;;
esac
"""

UV = r"""#!/usr/bin/env bash
echo "uv $*" >> log
[ -n "{python}" ] || {{ echo "no network" >&2; exit 2; }}
for folder in "$@"; do :; done
mkdir -p "$folder/bin"
cp "{python}" "$folder/bin/python"
"""


class Clone:
    """A clone in a folder with a space, and a PATH of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a clone"
        self.path = folder / "bin"
        self.path.mkdir()
        (self.folder / ".ci").mkdir(parents=True)
        for name in ("Makefile", ".ci/install", ".ci/find_python"):
            shutil.copy(ROOT / name, self.folder / name)
        for name in (
            "setup.cfg",
            "setup.py",
            "constraints-faithful.txt",
            "constraints-current.txt",
        ):
            (self.folder / name).touch()
        for tool in TOOLS:
            found = shutil.which(tool)
            if found is None:
                pytest.skip(f"{tool} is not here")
            (self.path / tool).symlink_to(found)

    def python(self, version: str, venv: bool = True, name: str = "", pip: str = "") -> Path:
        text = PYTHON.format(version=version, no_venv=int(not venv), pip=pip)
        return self.script(self.path / (name or f"python{version}"), text)

    def script(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IEXEC)
        return path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            arguments,
            cwd=self.folder,
            env={"PATH": str(self.path), "HOME": str(self.folder)},
            capture_output=True,
            text=True,
        )

    def install(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("make", "install", *words)

    @property
    def log(self) -> list[str]:
        file = self.folder / "log"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_the_newest_python_with_its_stack(clone: Clone) -> None:
    for version in ("3.9", "3.11", "3.12", "3.14"):
        clone.python(version)
    run = clone.install()
    assert run.returncode == 0, run.stderr
    assert "with Python 3.12.0" in run.stdout
    assert clone.log[-1].endswith("-c constraints-current.txt --editable .[test,dev]")
    assert not clone.log[-1].startswith("uv")


def test_one_without_venv_is_passed_over(clone: Clone) -> None:
    clone.python("3.13", venv=False)
    clone.python("3.11", name="python3")
    assert "with Python 3.11.0" in clone.install().stdout
    assert clone.log[-1].endswith("-c constraints-faithful.txt --editable .[test,dev]")


def test_pyenvs_count_where_the_path_leads_nowhere(clone: Clone) -> None:
    clone.script(clone.path / "python3.13", "#!/usr/bin/env bash\nexit 127\n")
    text = PYTHON.format(version="3.13", no_venv=0, pip="")
    clone.script(clone.folder / ".pyenv/versions/3.13.5/bin/python", text)
    assert "with Python 3.13.0" in clone.install().stdout


def test_with_none_it_says_what_to_type(clone: Clone) -> None:
    clone.python("3.9")
    clone.python("3.14", name="python3")
    run = clone.install()
    assert run.returncode != 0
    assert "error: no Python from 3.10 to 3.13 was found, and no uv to bring one." in run.stderr
    for words in ("apt install", "dnf install", "brew install", "uv", "make install PYTHON="):
        assert words in run.stderr
    assert not (clone.folder / ".venv").exists()


def test_with_none_that_has_venv_it_names_the_one_that_lacks_it(clone: Clone) -> None:
    bare = clone.python("3.12", venv=False)
    run = clone.install()
    assert run.returncode != 0
    assert f"error: {bare} has no venv module, and uv is not there." in run.stderr


def test_uv_brings_one(clone: Clone) -> None:
    brought = clone.python("3.13", name="elsewhere/python")
    clone.script(clone.path / "uv", UV.format(python=brought))
    run = clone.install()
    assert run.returncode == 0, run.stderr
    assert clone.log[0] == "uv venv --quiet --seed --python >=3.10,<3.14 .venv"
    assert clone.log[-1].endswith("-c constraints-current.txt --editable .[test,dev]")


def test_uv_is_installed_with_the_python_at_hand(clone: Clone, tmp_path: Path) -> None:
    brought = clone.python("3.12", name="elsewhere/python")
    uv = clone.script(tmp_path / "uv of pip", UV.format(python=brought))
    clone.python("3.9", name="python3", pip=str(uv))
    run = clone.install()
    assert run.returncode == 0, run.stderr
    assert clone.log[0].startswith("uv venv")
    assert not (clone.folder / "uv").exists()


def test_uv_without_a_network_ends_in_the_same_advice(clone: Clone) -> None:
    clone.script(clone.path / "uv", UV.format(python=""))
    run = clone.install()
    assert run.returncode != 0
    assert "no network" in run.stderr
    assert "error: uv could bring no Python (see above). Install one" in run.stderr


@pytest.mark.parametrize(
    ("version", "venv", "message"),
    [
        ("3.9", True, "is Python 3.9; the project needs 3.10 to 3.13."),
        ("3.14", True, "is Python 3.14; the project needs 3.10 to 3.13."),
        (
            "3.12",
            False,
            "has no venv module. On Ubuntu and Debian: sudo apt install",
        ),
    ],
)
def test_one_asked_for_that_will_not_do(
    clone: Clone, version: str, venv: bool, message: str
) -> None:
    clone.python("3.11")
    asked = clone.python(version, venv)
    run = clone.install(f"PYTHON={asked}")
    assert run.returncode != 0
    assert f"error: PYTHON={asked} {message}" in run.stderr


def test_one_asked_for_that_is_not_there(clone: Clone) -> None:
    clone.python("3.11")
    run = clone.install("PYTHON=/nowhere/python3")
    assert "error: PYTHON=/nowhere/python3 cannot be run." in run.stderr


def test_one_asked_for_is_taken_and_changed_when_another_is_asked_for(clone: Clone) -> None:
    clone.python("3.13")
    older = clone.python("3.10", name="with a space/python")
    assert "with Python 3.10.0" in clone.install(f"PYTHON={older}").stdout
    count = len(clone.log)
    clone.install(f"PYTHON={older}")
    clone.install()
    assert len(clone.log) == count  # nothing was done anew
    assert "with Python 3.13.0" in clone.install("PYTHON=python3.13").stdout


def test_a_half_made_environment_and_one_whose_python_has_gone_are_made_anew(clone: Clone) -> None:
    clone.python("3.12")
    (clone.folder / ".venv" / "lib").mkdir(parents=True)
    assert clone.install().returncode == 0
    assert not (clone.folder / ".venv" / "lib").exists()
    (clone.folder / ".venv" / "bin" / "python").unlink()
    assert "with Python 3.12.0" in clone.install().stdout
    assert clone.install().stdout.count("Installing") == 0


def test_an_installation_that_failed_is_no_installation(clone: Clone) -> None:
    python = clone.python("3.12")
    python.write_text(python.read_text().replace('*) echo "$@" >> log', "*--editable*) exit 1"))
    assert clone.install().returncode != 0
    clone.python("3.12")
    assert "Installing" in clone.install().stdout


def test_a_folder_of_other_things_is_left_alone(clone: Clone) -> None:
    clone.python("3.12")
    (clone.folder / "mine").mkdir()
    (clone.folder / "mine" / "thesis.tex").touch()
    run = clone.install("VENV=mine")
    assert run.returncode != 0
    assert "error: mine is there and no virtual environment" in run.stderr
    assert (clone.folder / "mine" / "thesis.tex").exists()
    assert os.listdir(clone.folder / "mine") == ["thesis.tex"]
