from __future__ import annotations

import pytest

from experiments.__main__ import commands
from tests.experiments.command import run


@pytest.mark.parametrize("name", commands())
def test_help_begins_with_what_the_command_does(name: str) -> None:
    done = run(name, "--helpshort")
    assert done.stdout.startswith(commands()[name])
    assert "Traceback" not in done.stderr
