"""Machines that wait for each other, say for whom, and can be stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from experiments.running import cluster
from experiments.running.cluster import Cluster, wait_for_all
from tests.experiments.command import ROOT
from weights.errors import InputError


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture
def machines() -> tuple[str, ...]:
    return tuple(f"127.0.0.1:{port}" for port in free_ports(3))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(cluster.logging, "info", lambda text, *given: lines.append(text % given))
    monkeypatch.setattr(cluster, "_PAUSE", 0.05)
    return lines


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is not set"),
        ("", "malformed"),
        ("[]", "malformed"),
        ('{"cluster": {"worker": ["a:1"]}}', "malformed"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "malformed"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": -1}}', "malformed"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "malformed"),
        ('{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}', "malformed"),
        ('{"cluster": {"worker": ["a:x"]}, "task": {"type": "worker", "index": 0}}', "malformed"),
        ('{"cluster": {"worker": [":1"]}, "task": {"type": "worker", "index": 0}}', "malformed"),
        ('{"cluster": {"worker": ["a:70000"]}, "task": {"type": "worker", "index": 0}}', "malf"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}', "mal"),
        ('{"cluster": {"worker": []}, "task": {"type": "worker", "index": 0}}', "malformed"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(text: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Cluster.of(text)


def test_a_cluster_that_can_be() -> None:
    jobs = {"worker": ["a:1", "b:1"]}
    text = json.dumps({"cluster": jobs, "task": {"type": "worker", "index": 1}})
    assert Cluster.of(text) == Cluster(("a:1", "b:1"), 1)
    text = json.dumps(
        {"cluster": jobs | {"chief": ["c:2"]}, "task": {"type": "worker", "index": 1}}
    )
    assert Cluster.of(text) == Cluster(("c:2", "a:1", "b:1"), 2)
    text = json.dumps({"cluster": jobs | {"chief": ["c:2"]}, "task": {"type": "chief", "index": 0}})
    assert Cluster.of(text) == Cluster(("c:2", "a:1", "b:1"), 0)


def test_one_machine_waits_for_nobody(machines: tuple[str, ...]) -> None:
    wait_for_all(Cluster(machines[:1], 0), 0.0)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_all_go_when_the_last_has_come(
    machines: tuple[str, ...], said: list[str], order: tuple[int, ...]
) -> None:
    gone: dict[int, float] = {}
    last = f"Waiting for {machines[order[2]]},"  # somebody names it before it comes

    def one(index: int) -> None:
        wait_for_all(Cluster(machines, index), 30.0)
        gone[index] = time.monotonic()

    def has_been_said(start: str) -> None:
        deadline = time.monotonic() + 20.0
        while not any(line.startswith(start) for line in said):
            assert time.monotonic() < deadline, said
            time.sleep(0.02)

    with ThreadPoolExecutor(3) as pool:
        running = []
        for index, next_is_named in zip(order, ("Waiting for", last, ""), strict=True):
            assert not gone
            came = time.monotonic()
            running.append(pool.submit(one, index))
            has_been_said(next_is_named)
        for each in running:
            each.result(timeout=20)
    assert all(time_ >= came for time_ in gone.values())
    # Whoever came first was told whom it waits for; a worker alone only knows of the chief.
    waits = [line for line in said if line.startswith("Waiting for")]
    if order[0] == 0:
        assert f"Waiting for {machines[1]} and {machines[2]}" in waits[0]
    else:
        assert f"Waiting for {machines[0]}," in waits[0]
    assert said.count("All 3 machines are there.") == 3


def test_who_is_missing_is_named_again_and_at_the_end(
    machines: tuple[str, ...], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "SAY_AGAIN", 0.2)
    with pytest.raises(
        InputError, match=rf"{machines[1]} and {machines[2]} did not come within 0\.0166667 minutes"
    ):
        wait_for_all(Cluster(machines, 0), 1.0)
    assert 2 <= len(said) <= 6
    with pytest.raises(InputError, match=rf"^{machines[0]} did not come"):
        wait_for_all(Cluster(machines, 1), 0.3)


def test_a_machine_that_goes_away_is_missing_again(
    machines: tuple[str, ...], said: list[str]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        chief = pool.submit(wait_for_all, Cluster(machines, 0), 2.0)
        with pytest.raises(InputError, match=machines[2]):
            wait_for_all(Cluster(machines, 1), 0.8)
        with pytest.raises(InputError, match=f"^{machines[1]} and {machines[2]} did not come"):
            chief.result(timeout=20)
    assert any(f"Waiting for {machines[2]}," in line for line in said)


@contextlib.contextmanager
def _chief(machines: tuple[str, ...]) -> Iterator[None]:
    with ThreadPoolExecutor(1) as pool:
        chief = pool.submit(wait_for_all, Cluster(machines, 0), 3.0)
        time.sleep(0.3)
        yield
        with pytest.raises(InputError):
            chief.result(timeout=20)


def test_two_processes_with_one_number(machines: tuple[str, ...], said: list[str]) -> None:
    with _chief(machines), ThreadPoolExecutor(1) as pool:
        first = pool.submit(wait_for_all, Cluster(machines, 1), 1.5)
        time.sleep(0.5)
        # On one machine the port tells; on another machine only the number does.
        with pytest.raises(InputError, match=rf"{machines[1]} cannot be used .*TF_CONFIG"):
            wait_for_all(Cluster(machines, 1), 1.0)
        with contextlib.closing(
            socket.create_connection(("127.0.0.1", cluster_port(machines)))
        ) as s:
            s.sendall(json.dumps({"machine": 1, "machines": machines}).encode() + b"\n")
            assert b"another process is this machine already" in s.recv(4096)
        with pytest.raises(InputError, match="did not come"):
            first.result(timeout=20)


def cluster_port(machines: tuple[str, ...]) -> int:
    return int(machines[0].rpartition(":")[2])


def test_machines_of_another_cluster(machines: tuple[str, ...], said: list[str]) -> None:
    other = (*machines[:2], "127.0.0.1:9")
    with (
        _chief(machines),
        pytest.raises(InputError, match=r"index 1\) cannot join: the chief was told of other"),
    ):
        wait_for_all(Cluster(other, 1), 2.0)


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.0\r\n\r\n", b"\x00\xff\n", b"[]\n", b""])
def test_strangers_are_hung_up_on(machines: tuple[str, ...], said: list[str], noise: bytes) -> None:
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(wait_for_all, Cluster(machines[:2], 0), 20.0)]
        time.sleep(0.3)
        with contextlib.closing(
            socket.create_connection(("127.0.0.1", cluster_port(machines)))
        ) as stranger:
            stranger.sendall(noise)
            running.append(pool.submit(wait_for_all, Cluster(machines[:2], 1), 20.0))
            for each in running:
                each.result(timeout=20)


def test_a_chief_that_is_in_tensorflows_cluster_already(
    machines: tuple[str, ...], said: list[str]
) -> None:
    """A machine that comes back too late for the meeting still tries the cluster."""
    with socket.create_server(("127.0.0.1", cluster_port(machines))) as server:

        def tensorflow() -> None:
            with contextlib.closing(server.accept()[0]) as caller:
                caller.sendall(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\n")  # HTTP/2, settings
                caller.recv(4096)

        thread = threading.Thread(target=tensorflow)
        thread.start()
        wait_for_all(Cluster(machines, 1), 20.0)
        thread.join()


@pytest.mark.parametrize(
    ("end", "status", "last"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, -signal.SIGTERM, None),
        (None, 1, "did not come within 0.1 minutes"),
    ],
)
def test_a_process_that_waits_says_so_and_can_be_stopped(
    tmp_path: Path, machines: tuple[str, ...], end: int | None, status: int, last: str | None
) -> None:
    config = {"cluster": {"worker": machines[:2]}, "task": {"type": "worker", "index": 0}}
    log = tmp_path / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.experiments.toy_training"),
                *("--strategy=multi_worker", f"--output_dir={tmp_path}", "--wait_minutes=0.1"),
            ],
            env=os.environ | {"PYTHONPATH": str(ROOT), "TF_CONFIG": json.dumps(config)},
            stderr=stream,
            stdout=stream,
            # A shell that runs the tests in its background has Ctrl-C ignored, and so have they.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    try:
        deadline = time.monotonic() + 120.0
        while f"Waiting for {machines[1]}, for 6 more seconds" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        if end is not None:
            process.send_signal(end)  # the status tells it from the end of the waiting time
        assert process.wait(timeout=60.0) == status
    finally:
        process.kill()
    said = log.read_text()
    assert "Traceback" not in said
    if last is not None:
        assert last in said.splitlines()[-1]
