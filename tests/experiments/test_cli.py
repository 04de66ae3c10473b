"""What every entry point answers to a user's mistake."""

from __future__ import annotations

import pytest
from absl import flags

from experiments.running import cli

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
