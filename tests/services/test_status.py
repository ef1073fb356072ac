"""Status changes and events within the caller's transaction."""

from __future__ import annotations

import pytest
from django.db import transaction

from tests.services.rows import launched, standing
from tests.workflows.rows import in_threads
from timestep.errors import RunNotFound
from timestep.models import Run, RunEvent, RunStatus
from timestep.services.status import change_status, record_event


@pytest.mark.django_db
def test_a_status_changes_only_from_an_allowed_one() -> None:
    standing("r", RunStatus.FAILED)
    running = [RunStatus.RUNNING, RunStatus.QUEUED]
    assert not change_status("r", running, RunStatus.SUCCEEDED, requests=9)
    assert (Run.objects.get().status, Run.objects.get().requests) == (RunStatus.FAILED, 0)
    assert change_status("r", [RunStatus.FAILED], RunStatus.QUEUED, requests=9)
    assert (Run.objects.get().status, Run.objects.get().requests) == (RunStatus.QUEUED, 9)


@pytest.mark.django_db
def test_events_of_each_run_are_numbered_by_themselves() -> None:
    launched("a")
    launched("b")
    seqs = [record_event(run, "status", {}).seq for run in ("a", "b", "a", "a")]
    assert seqs == [2, 2, 3, 4]
    assert dict(Run.objects.values_list("pk", "last_seq")) == {"a": 4, "b": 2}


@pytest.mark.django_db
def test_an_event_that_is_rolled_back_gives_its_number_back() -> None:
    launched("r")
    with transaction.atomic():
        record_event("r", "status", {})
        transaction.set_rollback(True)
    assert record_event("r", "run.retried", {}).seq == 2


@pytest.mark.django_db
def test_text_that_no_database_keeps_is_made_fit() -> None:
    launched("r")
    told = {"reason": "a\x00b", "list": [{"deep": ["\ud83d", "\ude42 ok"]}], "\x00": None, "n": 1.5}
    record_event("r", "approval.decided", told)
    kept = RunEvent.objects.get(seq=2).payload
    assert kept["reason"] == "a\ufffdb"
    assert kept["list"] == [{"deep": ["\ufffd", "\ufffd ok"]}]
    assert (kept["\ufffd"], kept["n"]) == (None, 1.5)


@pytest.mark.django_db
def test_an_event_of_a_run_that_is_not_there_is_an_error() -> None:
    with pytest.raises(RunNotFound), transaction.atomic():
        record_event("nope", "status", {})
    assert not RunEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_fifty_threads_number_their_events_without_gap_or_double() -> None:
    launched("r")
    results = in_threads(50, lambda n: record_event("r", "status", {"n": n}).seq)
    assert sorted(results) == list(range(2, 52))
    assert Run.objects.get().last_seq == RunEvent.objects.count() == 51
    assert {e.seq: e.payload["n"] for e in RunEvent.objects.filter(seq__gt=1)} == {
        seq: n for n, seq in enumerate(results)
    }
