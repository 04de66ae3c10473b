from __future__ import annotations

import pytest

from experiments.running.cores import cores


def test_those_that_the_process_is_held_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert cores() == 3


@pytest.mark.parametrize(("counted", "wanted"), [(8, 8), (None, 1)])
def test_without_it_all_that_there_are(
    counted: int | None, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: counted)
    assert cores() == wanted
