"""What every entry point answers to a user's mistake."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from absl import flags

from experiments.flags import cli
from tests.experiments.command import ROOT

flags.DEFINE_integer("cli_test_size", 1, "Of no use.")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("lower `cli_test_size` by one", "lower --cli_test_size by one"),
        ("`cli_test_size=3` does not fit", "--cli_test_size=3 does not fit"),
        ("give `cli_test_size=a b.h5`.", "give --cli_test_size=a b.h5."),
        # What is no flag of the command stays what it is in Python.
        ("lower `cli_test_other`", "lower `cli_test_other`"),
        ("`pip install cli_test_size`", "`pip install cli_test_size`"),
        ("cli_test_size alone", "cli_test_size alone"),
        ("`model.cli_test_size`", "`model.cli_test_size`"),
    ],
)
def test_parameters_get_the_dashes_of_flags(message: str, shown: str) -> None:
    assert cli.with_dashes(message) == shown


def command(
    body: str, *arguments: str, flag: str = "other", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of one flag, whose `main` is this body."""
    program = f"""
import errno, os, sys
from experiments.flags import command_line
from experiments.flags.groups import FlagGroup
from weights.errors import InputError

FLAGS = FlagGroup()
FLAG = FLAGS.boolean({flag!r}, False, "Of no use.")

def main(argv):
    {body}

command_line.run(main, FLAGS)
"""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("body", "status", "last"),
    [
        ("pass", 0, ""),
        ("raise InputError('lower `other` by one.')", 1, "error: lower --other by one."),
        ("raise KeyboardInterrupt", 130, "interrupted."),
        (
            "raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), '/x/y')",
            1,
            "error: /x/y: No space left on device. Free some space, or choose another folder.",
        ),
        ("open('/')", 1, "error: /: Is a directory. It is a folder; name a file."),
        ("open('/absent/file')", 1, "error: /absent/file: No such file or directory. Check how"),
        ("raise MemoryError('Unable to allocate 2 TiB')", 1, "error: not enough memory (Unable"),
        ("os.mkdir('x' * 300)", 1, "File name too long. Choose a shorter name."),
    ],
)
def test_what_ends_a_command_is_one_sentence(body: str, status: int, last: str) -> None:
    done = command(body)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    said = done.stderr.strip().splitlines()[-1:] or [""]
    assert last in said[0]


def test_only_commands_that_can_go_on_recommend_it() -> None:
    assert (
        "interrupted; --resume goes on from here."
        in command("raise KeyboardInterrupt", flag="resume").stderr
    )
    assert "--resume" not in command("raise KeyboardInterrupt").stderr


def test_what_is_no_mistake_of_the_user_keeps_its_traceback() -> None:
    done = command("1 / 0")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_arguments_that_are_not_understood() -> None:
    for argument, said in (
        ("stray", "error: unexpected argument 'stray'; options look like --name=value."),
        ("--ohter", "error: Unknown command line flag 'ohter'. Did you mean: other"),
        ("--other=x", "error: --other=x: "),
    ):
        done = command("print('ran')", argument)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
)
def test_terminals_without_letters_end_nothing(environment: dict[str, str]) -> None:
    body = "print('Zo\\u00eb \\U0001f600 \\udcff.jpg'); raise InputError('Zo\\u00eb.jpg: damaged')"
    done = command(body, **environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stdout == "Zo\\xeb \\U0001f600 \\udcff.jpg\n"
    assert "error: Zo\\xeb.jpg: damaged" in done.stderr


def unread(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with an output that nobody reads, as behind `| true`."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    return done


@pytest.mark.parametrize("body", ["print('line\\n' * 100_000)", "print('x'); print('y')"])
@pytest.mark.parametrize(
    ("argument", "code"),
    # Of --helpfull absl notices it by itself, and ends as after every help.
    [("--nothing", 141), ("--help", 141), ("--helpfull", 1), ("--helpxml", 141)],
)
def test_whoever_reads_may_stop_reading(body: str, argument: str, code: int) -> None:
    source = f"""
from experiments.flags import command_line
from experiments.flags.groups import FlagGroup

def main(argv):
    {body}

flags = FlagGroup()
for number in range(500):
    flags.boolean(f"nothing{{number or ''}}", False, "A flag whose help is longer than a buffer.")
command_line.run(main, flags)
"""
    done = unread("-c", source, argument)
    assert done.returncode == code
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [(), ("help",), ("results_page", "--help"), ("results-page", "--old"), ("weights",)],
)
def test_nobody_need_read_what_a_command_says(arguments: tuple[str, ...]) -> None:
    done = unread("-m", "experiments", *arguments)
    assert done.returncode == 141
    assert done.stderr == ""


def test_ctrl_c_before_the_command_has_begun() -> None:
    """TensorFlow takes seconds to import; an interruption meanwhile leaves no traceback."""

    def ended(argv: str, error: str) -> str:
        program = f"import sys; sys.argv = [{argv!r}]; import experiments; raise {error}"
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode != 0
        return done.stderr

    assert ended("-m", "KeyboardInterrupt") == "\ninterrupted.\n"
    assert "Traceback" in ended("-m", "ValueError")
    assert "Traceback" in ended("notebook.py", "KeyboardInterrupt")  # not ours to hide
