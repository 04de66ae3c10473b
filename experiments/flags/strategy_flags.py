"""One device or many: `--strategy` and `--jit`.

    python -m experiments.table1 --strategy=mirrored            # all GPUs of this machine
    TF_CONFIG=... python -m experiments.table1 --strategy=multi_worker --output_dir=SHARED

docs/compute.md shows both in full.
"""

from __future__ import annotations

from collections.abc import Callable

from experiments.flags import run_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.run_flags import OUTPUT_DIR
from experiments.running import devices
from experiments.running.devices import STRATEGIES, Devices
from weights.errors import InputError

FLAGS = FlagGroup(run_flags.FLAGS)

STRATEGY = FLAGS.choice(
    "strategy",
    "none",
    list(STRATEGIES),
    "Devices to compute on: none (one), mirrored (every GPU of this machine), multi_worker (the "
    "machines that TF_CONFIG names, which share --output_dir). Batch size, learning rate and "
    "losses are those of all devices together.",
)
WAIT = FLAGS.number(
    "wait_minutes",
    devices.WAIT / 60,
    "With --strategy=multi_worker: minutes to wait for machines that are missing.",
    "[0, inf)",
)
JIT = FLAGS.boolean("jit", False, "Compile ResGN's gradients with XLA; one device only.")


def chosen_devices() -> Devices:
    """Settle the devices; to be called before TensorFlow computes anything.

    Raises:
      InputError: `TF_CONFIG` is missing or malformed, several machines have no common folder, or
        some machine does not come.
    """
    if STRATEGY.value == "multi_worker" and not OUTPUT_DIR.value:
        raise InputError(
            "--strategy=multi_worker needs --output_dir, a folder that all machines share."
        )
    return devices.devices(STRATEGY.value, 60.0 * WAIT.value)


def restarting(main: Callable[[list[str]], None]) -> Callable[[list[str]], None]:
    """`main` that starts itself anew with `--resume` when another machine is lost."""
    return devices.restarting(main, lambda: STRATEGY.value == "multi_worker")
