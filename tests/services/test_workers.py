"""Which workers count as living."""

from __future__ import annotations

import pytest
from django.utils import timezone

from tests.workflows.rows import worker
from timestep.services.workers import ALIVE_WITHIN_SECONDS, living_workers

pytestmark = pytest.mark.django_db


def test_who_beat_lately_lives() -> None:
    worker("fresh")
    worker("late", silent=ALIVE_WITHIN_SECONDS - 2)
    assert {w.worker_id for w in living_workers()} == {"fresh", "late"}


def test_who_is_silent_stopped_or_swept_does_not() -> None:
    worker("silent", silent=ALIVE_WITHIN_SECONDS + 2)
    worker("stopped", stopped_at=timezone.now())
    worker("swept", swept_by="fresh")
    assert not living_workers().exists()
