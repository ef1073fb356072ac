"""Clocks: called when they say that they are due, and never for long not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError
from pytest_django.fixtures import Settings

from timestep.engine import clocks as module
from timestep.engine.clocks import Clocks

TICKS: list[str] = []
_due: dict[str, Callable[[], float | None]] = {}


def first() -> float | None:
    """A clock that the setting names."""
    TICKS.append("first")
    return _due["first"]()


def second() -> float | None:
    """Another."""
    TICKS.append("second")
    return _due["second"]()


def _away() -> float | None:
    raise OperationalError("away")


@pytest.fixture
def clocks(settings: Settings) -> Iterator[Clocks]:
    settings.TIMESTEP_CLOCKS = [f"{__name__}.first", f"{__name__}.second"]
    TICKS.clear()
    _due.update(first=lambda: None, second=lambda: None)
    made = Clocks()
    yield made
    made.stop()


def _ticks_within(clocks: Clocks, seconds: float) -> list[str]:
    clocks.start()
    time.sleep(seconds)
    clocks.stop()
    return list(TICKS)


def test_every_clock_is_called_at_once_and_then_when_one_is_due(clocks: Clocks) -> None:
    _due["second"] = lambda: 0.1
    ticks = _ticks_within(clocks, 0.5)
    assert ticks[:4] == ["first", "second"] * 2
    assert 4 <= len(ticks) <= 12


def test_a_clock_that_has_nothing_to_do_is_asked_again_within_a_second(
    clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.LONGEST_WAIT_SECONDS == 1.0
    monkeypatch.setattr(module, "LONGEST_WAIT_SECONDS", 0.1)
    _due.update(first=lambda: 3600.0)
    assert len(_ticks_within(clocks, 0.5)) >= 4


def test_a_clock_that_is_always_due_does_not_spin(clocks: Clocks) -> None:
    _due.update(first=lambda: 0.0, second=lambda: -5.0)
    assert len(_ticks_within(clocks, 0.3)) <= 2 * 31


def test_a_clock_outlives_a_database_that_is_away(
    clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_WAIT_SECONDS", 0.05)
    _due["first"] = _away
    ticks = _ticks_within(clocks, 0.5)
    assert len(ticks) >= 3
    assert set(ticks) == {"first"}


def test_stopping_ends_the_thread_without_waiting_for_the_next_tick(clocks: Clocks) -> None:
    clocks.start()
    begun = time.monotonic()
    clocks.stop()
    assert time.monotonic() - begun < 0.9
    assert not clocks._thread.is_alive()


def test_without_the_setting_schedules_are_fired(
    settings: Settings, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    del settings.TIMESTEP_CLOCKS
    monkeypatch.setattr("timestep.services.ticking.fire_due", first)
    monkeypatch.setattr("timestep.services.failures.pause_failing", first)
    assert set(_ticks_within(clocks, 0.1)) == {"first"}
