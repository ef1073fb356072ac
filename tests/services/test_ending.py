"""Every end of a run is told by one `run.finished`, whoever or whatever ended it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from tests.services.rows import launched, standing, tool_start
from timestep.models import Run, RunEvent, RunStatus
from timestep.services.cancel import cancel
from timestep.services.resume import resolve_outcome
from timestep.services.retry import retry
from timestep.services.status import record_event

pytestmark = pytest.mark.django_db
USAGE = {"input_tokens": 10, "output_tokens": 3}
NOTHING = {"requests": 0, "input_tokens": 0, "output_tokens": 0, "total_tokens": 0}


def _queued() -> None:
    launched("r")
    cancel("r", by="ana")


def _delayed() -> None:
    launched("r", delayed_until=timezone.now() + timedelta(hours=1))
    cancel("r", by="ana")


def _awaiting() -> None:
    standing("r", RunStatus.AWAITING_APPROVAL)
    cancel("r", by="ana")


def _on_a_word() -> None:
    run = standing("r", RunStatus.AWAITING_APPROVAL)
    tool_start(run, "c1", unknown_at=timezone.now())
    resolve_outcome("r", "c1", "fail")


def _ends() -> list[dict[str, Any]]:
    rows = RunEvent.objects.filter(run_id="r", kind="run.finished").order_by("seq")
    return [row.payload for row in rows]


@pytest.mark.parametrize("way", [_queued, _delayed, _awaiting, _on_a_word])
def test_the_last_event_of_an_end_says_how_it_ended(way: Callable[[], None]) -> None:
    way()
    run = Run.objects.get()
    by = {"by": "ana"} if run.status == RunStatus.CANCELLED else {}
    expected = {"status": run.status, "final_output": None, "usage": NOTHING} | by
    assert _ends() == [expected]
    last = run.events.order_by("-seq")[0]
    assert (last.kind, last.seq, bool(run.finished_at)) == ("run.finished", run.last_seq, True)


def test_an_end_counts_what_was_used_before() -> None:
    standing("r", RunStatus.AWAITING_APPROVAL)
    record_event("r", "model.finished", {"usage": USAGE})
    cancel("r", by="ana")
    used = {"requests": 1, "input_tokens": 10, "output_tokens": 3, "total_tokens": 13}
    assert _ends()[0]["usage"] == used
    assert Run.objects.get().total_tokens == 13


def test_an_end_that_is_rolled_back_is_not_told() -> None:
    launched("r")
    with transaction.atomic():
        cancel("r", by="ana")
        transaction.set_rollback(True)
    assert _ends() == []
    assert Run.objects.get().status == RunStatus.QUEUED


def test_a_run_that_is_retried_has_one_per_end() -> None:
    _on_a_word()
    retry("r", by="bo")
    cancel("r", by="ana")
    assert [end["status"] for end in _ends()] == ["failed", "cancelled"]
