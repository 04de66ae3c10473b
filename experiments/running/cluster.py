"""Which machines take part in a run, and waiting until all of them are there.

TensorFlow waits for missing machines without a word, and so deep inside that neither Ctrl-C nor
SIGTERM reaches it. So the machines meet here first. The chief listens at its own address of
TF_CONFIG, every other machine calls it there and stays on the line; whoever is missing is named
again and again. When all are on the line the chief tells them to go, and everyone joins
TensorFlow's cluster at the same addresses within a second.

What goes over the line is one JSON object in a line: a machine says who it is, the chief who is
missing, that all are there, or why it cannot be.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import selectors
import socket
import time
from collections.abc import Iterable, Iterator
from typing import Any

from absl import logging

from weights.errors import InputError

SAY_AGAIN = 15.0
"""Seconds after which the missing are named again."""
_PAUSE = 0.5
_LONGEST_LINE = 1 << 16
_EXAMPLE = (
    '{"cluster": {"worker": ["host1:12345", "host2:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The machines of a run.

    Attributes:
      machines: the address of each as `host:port`, the chief first.
      index: which of them this process is.
    """

    machines: tuple[str, ...]
    index: int

    @classmethod
    def of(cls, text: str | None) -> Cluster:
        """What `TF_CONFIG` says.

        Raises:
          InputError: it is not there, not JSON, names an address that is none or twice, no workers,
            or not this one.
        """
        try:
            config = json.loads(text or "")
            jobs, task = config["cluster"], config["task"]
            chiefs, workers = jobs.get("chief", []), jobs["worker"]
            place = {"chief": 0, "worker": len(chiefs)}[task["type"]]
            number, machines = int(task["index"]), (*chiefs, *workers)
            if not 0 <= number < len({"chief": chiefs, "worker": workers}[task["type"]]):
                raise ValueError
            if len(set(machines)) != len(machines):
                raise ValueError
            for machine in machines:
                _address(machine)
            return cls(machines, place + number)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                "`strategy=multi_worker` reads the environment variable TF_CONFIG, which is "
                f"{'not set' if text is None else 'malformed'}; it should look like {_EXAMPLE}."
            ) from error


def wait_for_all(cluster: Cluster, limit: float) -> None:
    """Return when every machine is there, on all of them at the same time.

    Args:
      cluster: the machines.
      limit: seconds to wait at most.

    Raises:
      InputError: some are still missing, another process has this one's address or number, or the
        machines were told of different clusters.
    """
    if len(cluster.machines) == 1:
        return
    waiting = _Waiting(time.monotonic() + limit, limit)
    if cluster.index == 0:
        _as_chief(cluster, waiting)
    else:
        _as_worker(cluster, waiting)
    logging.info("All %d machines are there.", len(cluster.machines))


@dataclasses.dataclass
class _Waiting:
    """Says for whom this machine waits, and ends the waiting."""

    deadline: float
    limit: float
    _said: tuple[str, ...] = ()
    _again: float = 0.0

    def for_machines(self, missing: tuple[str, ...]) -> None:
        """Name the missing, at once where they have changed.

        Raises:
          InputError: the time is over.
        """
        now = time.monotonic()
        if now >= self.deadline:
            raise InputError(
                f"{' and '.join(missing)} did not come within {self.limit / 60:g} minutes. Start "
                "the same command there, or give `wait_minutes` more."
            )
        if missing != self._said or now >= self._again:
            self._said, self._again = missing, now + SAY_AGAIN
            logging.info(
                "Waiting for %s, for %.0f more seconds at most.",
                " and ".join(missing),
                self.deadline - now,
            )


def _as_chief(cluster: Cluster, waiting: _Waiting) -> None:
    lines: dict[socket.socket, _Line] = {}
    with _listening(cluster.machines[0]) as server, selectors.DefaultSelector() as selector:
        selector.register(server, selectors.EVENT_READ)
        try:
            while missing := _missing(cluster, lines.values()):
                waiting.for_machines(missing)
                for line in lines.values():
                    if line.index is not None:
                        line.say(missing=missing)
                for key, _ in selector.select(_PAUSE):
                    if key.fileobj is server:
                        caller = server.accept()[0]
                        lines[caller] = _Line(caller)
                        selector.register(caller, selectors.EVENT_READ)
                        continue
                    line = lines[key.fileobj]  # type: ignore[index]
                    if not _heard(cluster, line, lines.values()):
                        selector.unregister(key.fileobj)
                        lines.pop(key.fileobj).socket.close()  # type: ignore[call-overload]
            for line in lines.values():
                line.say(go=True)
        finally:
            for line in lines.values():
                line.socket.close()


def _missing(cluster: Cluster, lines: Iterable[_Line]) -> tuple[str, ...]:
    there = {0, *(line.index for line in lines)}
    return tuple(m for index, m in enumerate(cluster.machines) if index not in there)


def _heard(cluster: Cluster, line: _Line, others: Iterable[_Line]) -> bool:
    """Listen to a machine; whether it is still one of us."""
    try:
        heard = list(line.listen())
    except ValueError:  # a stranger
        return False
    for said in heard:
        index = said.get("machine")
        if said.get("machines") != list(cluster.machines):
            line.say(error="the chief was told of other machines; give all the same TF_CONFIG")
            return False
        if index not in range(1, len(cluster.machines)) or index in {o.index for o in others}:
            line.say(error="another process is this machine already; each needs its own index")
            return False
        line.index = index
    return line.open


def _as_worker(cluster: Cluster, waiting: _Waiting) -> None:
    chief = cluster.machines[0]
    # Held until all are there, so that a second process with this number is noticed at once.
    with _listening(cluster.machines[cluster.index]):
        while True:
            waiting.for_machines((chief,))
            try:
                with contextlib.closing(socket.create_connection(_address(chief), 5.0)) as call:
                    if _told_to_go(cluster, _Line(call), waiting):
                        return
            except OSError:
                pass
            time.sleep(_PAUSE)


def _told_to_go(cluster: Cluster, line: _Line, waiting: _Waiting) -> bool:
    """Stay on the line until the chief says go; False where it hangs up before."""
    line.say(machine=cluster.index, machines=cluster.machines)
    missing: tuple[str, ...] = (cluster.machines[0],)
    while line.open:
        waiting.for_machines(missing)
        try:
            heard = list(line.listen())
        except ValueError:
            # Not the chief as it waits here, but TensorFlow's own server: the chief is in the
            # cluster already, where a machine that comes back may still find it.
            return True
        for said in heard:
            if "error" in said:
                raise InputError(
                    f"{cluster.machines[cluster.index]} (index {cluster.index}) cannot join: "
                    f"{said['error']}."
                )
            if "go" in said:
                return True
            missing = tuple(said["missing"])
    return False


@dataclasses.dataclass
class _Line:
    """One end of a connection.

    Attributes:
      socket: the connection.
      index: of the machine at the other end; None until it has said so.
      open: whether the other end is still there.
    """

    socket: socket.socket
    index: int | None = None
    open: bool = True
    _rest: bytes = b""

    def __post_init__(self) -> None:
        self.socket.settimeout(_PAUSE)

    def say(self, **what: Any) -> None:
        """Send one object; a line that is broken shows when it is listened to."""
        with contextlib.suppress(OSError):
            self.socket.sendall(json.dumps(what).encode() + b"\n")

    def listen(self) -> Iterator[dict[str, Any]]:
        """What was said in the meantime; waits a moment.

        Raises:
          ValueError: it is nothing that a machine of ours says.
        """
        try:
            heard = self.socket.recv(_LONGEST_LINE)
        except TimeoutError:
            return
        except OSError:
            heard = b""
        self.open = bool(heard)
        *whole, self._rest = (self._rest + heard).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            raise ValueError("a line without an end")
        for each in whole:
            said = json.loads(each)
            if not isinstance(said, dict):
                raise ValueError("no object")
            yield said


def _address(machine: str) -> tuple[str, int]:
    """Host and port of `host:port`."""
    host, _, port = machine.rpartition(":")
    if not host or not 0 < int(port) < 1 << 16:
        raise ValueError(f"{machine!r} is no address")
    return host.strip("[]"), int(port)


def _listening(machine: str) -> socket.socket:
    """A server at this machine's own port.

    Raises:
      InputError: another process has it.
    """
    port = _address(machine)[1]
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):  # IPv6 may be switched off all the same
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    try:
        return socket.create_server(("", port))
    except OSError as error:
        raise InputError(
            f"{machine} cannot be used ({error.strerror or error}): end the process that has this "
            "port, or give TF_CONFIG another one on all machines."
        ) from error
