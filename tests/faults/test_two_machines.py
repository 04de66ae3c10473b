"""Every experiment that knows strategies, on two processes as on one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.running.results import Row
from tests.experiments.command import assert_both_end_well, result, run, start
from tests.experiments.running.test_cluster import free_ports

pytestmark = pytest.mark.faults

RUNS = {
    "table1": ("--preset=smoke", "--rows=joint,none"),
    "attack_intensity": ("--preset=smoke", "--eps=0.03"),
    "sweep": ("--preset=smoke", "--test_eps=0,0.03"),
    "judges": ("--preset=smoke",),
    "gallery": ("--preset=smoke",),
    "train_mofa": ("--preset=smoke",),
}


@pytest.mark.parametrize("module", RUNS)
def test_the_same_numbers_as_alone(module: str, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    # Half precision rounds differently in other sums.
    flags = (*RUNS[module], "--precision=float32")
    done = run(module, *flags, f"--output_dir={alone}/run", cache=alone)
    assert done.returncode == 0, done.stderr

    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    shared = ("--strategy=multi_worker", f"--output_dir={tmp_path}/run")
    machines = []
    for index in range(2):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        folder = tmp_path / f"machine {index}"
        folder.mkdir()
        environment = {"TF_CONFIG": json.dumps(config)}
        machines.append(start(module, *flags, *shared, cache=folder, environment=environment))
    try:
        assert_both_end_well(machines)
    finally:
        for machine in machines:
            machine.kill()

    expected, found = result(alone / "run"), result(tmp_path / "run")
    assert found["strategy"] == "multi_worker"
    assert found["replicas"] == 2
    assert [row["name"] for row in found["rows"]] == [row["name"] for row in expected["rows"]]
    for one, other in zip(expected["rows"], found["rows"], strict=True):
        columns = Row.from_json(other).columns
        for column, measured in Row.from_json(one).columns.items():
            # A pair at the threshold may fall to the other side: one of six, or of twelve.
            assert columns[column].value == pytest.approx(measured.value, rel=0.02, abs=0.2)
    # Nothing but the run is in the shared folder, and the second machine wrote none of it.
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"alone", "machine 0", "machine 1", "run"}
