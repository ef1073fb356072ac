"""Notes about changes of sessions go once their runs have ended for good."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from tests.services.rows import standing
from timestep.engine import heartbeat
from timestep.engine.lease import Lease
from timestep.models import RunStatus, SessionWrite


@pytest.mark.django_db
def test_notes_of_runs_that_ended_for_good_are_tidied_away(monkeypatch: pytest.MonkeyPatch) -> None:
    for hours, when in ((0, "now"), (2, "earlier")):
        for status in RunStatus:
            at = timezone.now() - timedelta(hours=hours)
            run = standing(f"{status}.{when}", status, finished_at=at)
            SessionWrite.objects.create(run=run, step="0.1", mark={})
    monkeypatch.setattr(heartbeat, "_TIDY_EVERY_BEATS", 1)
    strays: Any = SimpleNamespace()
    heartbeat.Heartbeat("w-1", Lease(), lambda: None, strays)._look_after_others()
    all_runs = {f"{status}.{when}" for status in RunStatus for when in ("now", "earlier")}
    left = set(SessionWrite.objects.values_list("run_id", flat=True))
    assert all_runs - left == {"succeeded.earlier", "cancelled.earlier"}
