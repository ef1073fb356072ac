"""Each test begins as a process that has described and registered nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from timestep.engine.travel import allowed, registered


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registered, "_by_name", {})
    monkeypatch.setattr(registered, "_by_identity", {})
    monkeypatch.setattr(allowed, "_described", set())
    monkeypatch.setattr(allowed, "_described_parts", set())


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes this process one that has described nothing."""

    def forget() -> None:
        monkeypatch.setattr(allowed, "_described", set())
        monkeypatch.setattr(allowed, "_described_parts", set())

    return forget
