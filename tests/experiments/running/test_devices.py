from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from experiments.flags import groups, strategy_flags
from experiments.running import devices
from experiments.running.devices import ONE, Devices
from experiments.running.json_files import write_json
from experiments.running.precision import settle_precision, without_loss_scaling
from experiments.running.results import Measurement, Row
from experiments.running.run import Place, Run
from tests.experiments.command import ROOT
from tests.experiments.running.test_cluster import free_ports
from tests.experiments.toy_training import train
from weights.errors import InputError


def start(module: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.experiments.{module}", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def virtual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two virtual devices did, beside one."""
    file = tmp_path_factory.mktemp("virtual") / "found.json"
    process = start("virtual_devices", str(file))
    output = process.communicate(timeout=300)[0]
    assert process.returncode == 0, output
    return json.loads(file.read_text("utf-8"))


def test_two_devices_train_the_same_weights_as_one(virtual: dict[str, Any]) -> None:
    assert virtual["replicas"] == 2
    assert virtual["float32"]["weights"] < 1e-4
    # Half precision rounds differently in other sums; Adam's steps of 1e-3 bound the difference.
    assert virtual["mixed_float16"]["weights"] < 1e-2


def test_reported_losses_are_those_of_the_whole_batch(virtual: dict[str, Any]) -> None:
    assert virtual["float32"]["terms"] < 1e-4
    assert virtual["mixed_float16"]["terms"] < 1e-2
    assert virtual["mixed_float16"]["finite"]


def test_compiles_once_on_two_devices(virtual: dict[str, Any]) -> None:
    assert virtual["float32"]["traces"] == 1
    assert virtual["mixed_float16"]["traces"] == 1


def test_two_devices_train_the_same_encoder_as_one(virtual: dict[str, Any]) -> None:
    found = virtual["mofa"]
    assert found["moved"] > 1e-4
    assert found["weights"] < 1e-4
    assert found["terms"] < 1e-5
    assert found["relation_apart"] < 1e-3 < 1e-1 < found["relation"]
    assert found["traces"] == 1


def test_two_devices_draw_the_noise_of_one(virtual: dict[str, Any]) -> None:
    """Whose training noise it is, and whose votes are counted."""
    assert virtual["noise"] < 1e-4
    one, two = virtual["votes"]
    assert one == two
    assert one == sorted(one, reverse=True)
    assert one[0] > 30 > 20 > one[4]


def test_work_is_shared_out_over_devices_and_comes_back_in_order(virtual: dict[str, Any]) -> None:
    assert virtual["shared"] == [0, 2, 4, 6, 8, 10, 12]
    assert virtual["devices"] == ["CPU:0", "CPU:1"]
    assert virtual["squares"] == [0, 1, 4, 9, 16]
    assert virtual["everyone"] == [True, False]


def test_what_many_devices_cannot_do_is_refused(virtual: dict[str, Any]) -> None:
    batch, jit, photographs = virtual["refused"]
    assert "`batch_size=3` cannot be shared out over 2 devices" in batch
    assert "`jit` works on one device only" in jit
    assert "`batch_size=5` cannot be shared out over 2 devices" in photographs


def test_one_device_works_alone() -> None:
    assert ONE.share(lambda rows: rows * 2, np.arange(3)).tolist() == [0, 2, 4]
    assert ONE.everyone(True)
    assert not ONE.everyone(False)
    assert ONE.chief


@pytest.mark.slow
def test_a_machine_that_dies_and_comes_back_ends_with_the_same_weights(tmp_path: Path) -> None:
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]

    def machine(index: int) -> subprocess.Popen[str]:
        config = {
            "cluster": {"worker": addresses},
            "task": {"type": "worker", "index": index},
        }
        return start(
            "toy_training",
            "--strategy=multi_worker",
            f"--output_dir={tmp_path / 'run'}",
            *(["--die_at=3"] if index == 1 else []),  # in the second of three epochs
            TF_CONFIG=json.dumps(config),
        )

    (tmp_path / "run").mkdir()
    machines = [machine(0), machine(1)]
    try:
        machines[1].communicate(timeout=120)
        assert machines[1].returncode == -signal.SIGKILL
        machines[1] = machine(1)
        outputs = [each.communicate(timeout=180)[0] for each in machines]
    finally:
        for each in machines:
            each.kill()
    assert [each.returncode for each in machines] == [0, 0], outputs
    assert "Another machine is lost" in outputs[0]
    alone = train(tmp_path / "alone", ONE)
    for name in ("chief", "worker"):
        with np.load(tmp_path / "run" / f"{name}.npz") as file:
            for expected, key in zip(alone.weights, file.files, strict=True):
                np.testing.assert_allclose(file[key], expected, atol=1e-4)
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left == {"died", "checkpoints", "best.h5", "chief.npz", "worker.npz"}


def test_several_machines_need_a_common_folder() -> None:
    with (
        groups.parsed([strategy_flags.FLAGS], ["--strategy=multi_worker"]),
        pytest.raises(InputError, match="needs --output_dir"),
    ):
        strategy_flags.chosen_devices()


class Second(Devices):
    """A machine that is not the chief."""

    chief = False


def test_only_the_chief_writes_into_the_folder_of_the_run(tmp_path: Path) -> None:
    row = Row("none", {"dodging": Measurement.rate(np.array([True, False]))})
    write_json(tmp_path / "rows" / "none.json", row.as_json())
    run = Run("table1", {"eps": 0.03}, Place(tmp_path), Second("none", ONE.strategy))
    run.log("joint", 1, {"loss": 1.0})
    run.log_images("joint", 1, {"panel": np.zeros((1, 4, 4, 3), np.uint8)})
    read = run.measured("none", lambda: pytest.fail("measured again"))
    assert read == row
    made = Row("joint", row.columns)
    assert run.measured("joint", lambda: made) == made
    run.finish([read, made], "float32", "losses")
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()] == [
        "rows/none.json"
    ]


def test_a_process_starts_itself_anew_when_a_machine_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: started.append(arguments))
    monkeypatch.setattr(devices, "_PAUSE", 0.0)
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "experiments.table1", "--resume"])
    monkeypatch.setenv("RESGN_RESTARTS", "3")

    def lost(_: list[str]) -> None:
        raise tf.errors.UnavailableError(None, None, "heartbeat timeout")

    several = devices.restarting(lost, lambda: True)
    several([])
    assert started == [[sys.executable, "-m", "experiments.table1", "--resume"]]
    assert os.environ["RESGN_RESTARTS"] == "4"
    # Alone there is nobody to lose, and no error is hidden.
    with pytest.raises(tf.errors.UnavailableError):
        devices.restarting(lost, lambda: False)([])
    monkeypatch.setenv("RESGN_RESTARTS", str(devices.RESTARTS))
    with pytest.raises(tf.errors.UnavailableError):
        several([])


def test_precision_goes_by_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settle_precision("mixed_float16") == "mixed_float16"
    assert settle_precision("auto") in ("float32", "mixed_bfloat16")
    monkeypatch.setattr(Path, "read_text", lambda *_: "flags : avx512f avx512_bf16")
    assert settle_precision("auto") == "mixed_bfloat16"
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")  # bfloat16 is slow without oneDNN
    assert settle_precision("auto") == "float32"
    assert settle_precision("float32") == "float32"


@pytest.mark.parametrize(
    ("capabilities", "unscaled"),
    [
        ([(8, 0)], "mixed_bfloat16"),
        ([(9, 0), (8, 6)], "mixed_bfloat16"),
        ([(7, 5)], "float32"),
        ([(8, 0), (7, 0)], "float32"),  # all devices compute alike
        ([None], "float32"),  # a GPU of others tells no capability
    ],
)
def test_float16_on_gpus_needs_loss_scaling(
    monkeypatch: pytest.MonkeyPatch, capabilities: list[tuple[int, int] | None], unscaled: str
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: range(len(capabilities)))
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda gpu: {"compute_capability": capabilities[gpu]} if capabilities[gpu] else {},
    )
    assert settle_precision("auto", loss_scaling=True) == "mixed_float16"
    assert settle_precision("auto") == unscaled
    assert without_loss_scaling("mixed_float16") == unscaled
    assert without_loss_scaling("mixed_bfloat16") == "mixed_bfloat16"
    assert without_loss_scaling("float32") == "float32"


def test_without_a_gpu_nothing_is_trained_in_float16_unscaled() -> None:
    assert without_loss_scaling("mixed_float16") == "float32"


def test_machines_compare_what_they_were_told(monkeypatch: pytest.MonkeyPatch) -> None:
    others = np.frombuffer(b"same", np.uint8)
    monkeypatch.setattr(
        devices.Devices, "_gathered", lambda _, part: np.concatenate([part, others[np.newaxis]])
    )
    assert ONE.alike(b"same")
    assert not ONE.alike(b"else")


def test_a_machine_that_could_not_join_is_not_ended_by_its_own_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Timers survive the start of another program in this process."""

    class Lost:
        def __init__(self) -> None:
            assert signal.getitimer(signal.ITIMER_REAL)[0] > 0.0
            raise tf.errors.UnavailableError(None, None, "gone")

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", Lost)
    try:
        with pytest.raises(tf.errors.UnavailableError):
            devices._joined()
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGINT, before)
