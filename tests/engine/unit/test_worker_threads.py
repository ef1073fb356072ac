"""A worker ends with any of the engine's threads."""

from __future__ import annotations

import os
import threading

import pytest

from timestep.engine.worker import _end_with_any_thread


def _dies(name: str) -> None:
    def fail() -> None:
        raise ValueError("a thread of the test")

    thread = threading.Thread(target=fail, name=name)
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    ("name", "codes"), [("timestep-dispatch", [1]), ("timestep-events", [1]), ("a-tool", [])]
)
def test_the_worker_ends_with_a_thread_of_its_own(
    name: str, codes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    exits: list[int] = []
    monkeypatch.setattr(os, "_exit", exits.append)
    monkeypatch.setattr(threading, "excepthook", _end_with_any_thread)
    monkeypatch.setattr(threading, "__excepthook__", lambda _: None)
    _dies(name)
    assert exits == codes
