"""Which Keras and which kernels: settled by the project, whatever is imported first."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("weights", "resgn", "mofa", "detector", "experiments")
# Keras 2 keeps its models here; Keras 3 in `models.model`.
KERAS_2 = "print(tf.keras.Model.__module__.endswith('src.engine.training'))"
BOTH = util.find_spec("tf_keras") is not None
both_kerases = pytest.mark.skipif(not BOTH, reason="this TensorFlow has one Keras only")


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own, in which nobody has settled anything."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("TF_USE_LEGACY_KERAS", "TF_ENABLE_ONEDNN_OPTS")
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        env=inherited | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
    )


def test_no_room_imports_tensorflow_before_it_is_settled() -> None:
    code = "import sys, weights; sys.exit('tensorflow' in sys.modules)"
    assert python(code).returncode == 0


@pytest.mark.parametrize("room", ROOMS)
def test_who_imports_one_room_alone_has_keras_2_and_onednn(room: str) -> None:
    run = python(
        f"import os, {room}\n"
        "import tensorflow as tf\n"
        f"{KERAS_2}\n"
        "print(os.environ['TF_ENABLE_ONEDNN_OPTS'])"
    )
    assert run.stdout == "True\n1\n", run.stderr


def test_the_attacks_leave_keras_alone() -> None:
    run = python(
        "import os, attacks\n"
        "print(os.environ['TF_ENABLE_ONEDNN_OPTS'], 'TF_USE_LEGACY_KERAS' in os.environ)"
    )
    assert run.stdout == "1 False\n", run.stderr


def test_tensorflow_may_come_first_as_long_as_its_keras_was_not_used() -> None:
    run = python(f"import tensorflow as tf, resgn.generator\n{KERAS_2}")
    assert run.stdout == "True\n", run.stderr


def test_a_shell_in_which_the_other_stack_was_settled_does_no_harm() -> None:
    run = python(f"import resgn.generator, tensorflow as tf\n{KERAS_2}", TF_USE_LEGACY_KERAS="1")
    assert run.stdout == "True\n", run.stderr


def test_what_the_user_has_set_for_onednn_stays() -> None:
    run = python(
        "import os, weights\nprint(os.environ['TF_ENABLE_ONEDNN_OPTS'])", TF_ENABLE_ONEDNN_OPTS="0"
    )
    assert run.stdout == "0\n", run.stderr


@both_kerases
def test_keras_3_in_use_is_an_error_that_says_what_to_do() -> None:
    run = python("import tensorflow as tf\ntf.keras.layers.Dense(1)\nimport resgn")
    assert run.stderr.splitlines()[-1] == (
        "ImportError: tf.keras is Keras 3 here, and this project needs Keras 2: TensorFlow was "
        "imported and its Keras used before this project. Import the project first, or set "
        "TF_USE_LEGACY_KERAS=1 before TensorFlow is imported."
    )


@both_kerases
def test_keras_3_asked_for_is_an_error_that_says_what_to_do() -> None:
    run = python("import mofa", TF_USE_LEGACY_KERAS="0")
    assert run.stderr.splitlines()[-1] == (
        "ImportError: tf.keras is Keras 3 here, and this project needs Keras 2: "
        "TF_USE_LEGACY_KERAS=0 asks for it. Unset TF_USE_LEGACY_KERAS."
    )


@both_kerases
def test_keras_3_without_the_package_of_keras_2_says_what_to_install() -> None:
    run = python(
        "from importlib import util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name: None if name == 'tf_keras' else found(name)\n"
        "import weights"
    )
    assert run.stderr.splitlines()[-1].endswith("pip install tf-keras"), run.stderr
