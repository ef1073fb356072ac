"""Programs that resume: each saved state once, whichever process asks and in whatever order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from tests.services.rows import standing
from tests.workflows.rows import in_threads
from timestep.errors import AlreadyResumed, InvalidInput, RunNotFound, WrongStatus
from timestep.gate import approval_gate
from timestep.models import Run, RunStatus, SavedState, Segment, SegmentKind, StateKind
from timestep.services.resume import resume, resume_by_program
from timestep.services.states import revisions, save_interrupted, save_plain, segment_start

SAVED = {"$schemaVersion": "1.21", "from": "engine"}
DECIDED = {"$schemaVersion": "1.21", "from": "program"}


@pytest.fixture(autouse=True)
def _without_approvals(settings: Settings) -> Iterator[None]:
    """As in an installation that keeps no approvals."""
    settings.TIMESTEP_APPROVAL_GATE = "timestep.gate.DefaultGate"
    approval_gate.cache_clear()
    yield
    approval_gate.cache_clear()


def _awaiting() -> Run:
    run = standing("r", RunStatus.AWAITING_APPROVAL, revision=1, session_id="chat")
    save_interrupted(run, SAVED)
    return run


def _said(call_id: str, approve: bool = True, reason: str = "", always: bool = False) -> Any:
    return {"call_id": call_id, "approve": approve, "reason": reason, "always": always}


def _resume(*decisions: Any, revision: int = 1) -> Segment:
    return resume_by_program("r", revision, list(decisions), state=DECIDED, by="program x.py")


@pytest.mark.django_db
def test_the_segment_starts_from_what_the_program_decided() -> None:
    _awaiting()
    segment = _resume(_said("a"))
    assert (segment.segment_id, segment.kind, segment.revision) == ("r:1", SegmentKind.RESUME, 1)
    start = segment_start("r", 1)
    assert (start.state, start.by_program) == (DECIDED, True)
    assert Run.objects.get().status == RunStatus.QUEUED
    kept = SavedState.objects.get(kind=StateKind.RESUMED)
    assert (kept.session_id, kept.agent, kept.schema_version) == ("chat", "desk", "1.21")


@pytest.mark.django_db
def test_a_person_resumes_from_the_engines_own_state() -> None:
    _awaiting()
    resume("r", 1, [{"call_id": "a", "approve": True, "reason": ""}])
    start = segment_start("r", 1)
    assert (start.state, start.by_program) == (SAVED, False)


@pytest.mark.django_db
def test_the_same_decisions_in_any_order_give_the_same_segment() -> None:
    _awaiting()
    first = _resume(_said("a"), _said("b", False, "no"))
    assert _resume(_said("b", False, "no"), _said("a")) == first
    assert SavedState.objects.filter(kind=StateKind.RESUMED).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [
        [_said("a", False)],
        [_said("a"), _said("b")],
        [_said("b")],
        [_said("a", always=True)],
    ],
    ids=["other", "more", "another call", "for ever"],
)
def test_other_decisions_on_a_resumed_revision_are_refused(other: list[Any]) -> None:
    _awaiting()
    _resume(_said("a"))
    with pytest.raises(AlreadyResumed):
        _resume(*other)
    assert Segment.objects.count() == 2


@pytest.mark.django_db
def test_a_program_after_a_person_who_decided_the_same_joins() -> None:
    _awaiting()
    first = resume("r", 1, [{"call_id": "a", "approve": True, "reason": ""}])
    assert _resume(_said("a")) == first
    with pytest.raises(AlreadyResumed):
        _resume(_said("a", False))


@pytest.mark.django_db
def test_what_cannot_be_resumed_is_named_and_nothing_is_written() -> None:
    _awaiting()
    with pytest.raises(InvalidInput, match="state: decides nothing"):
        _resume()
    with pytest.raises(WrongStatus):
        _resume(_said("a"), revision=2)
    with pytest.raises(RunNotFound):
        resume_by_program("nope", 1, [_said("a")], state=DECIDED, by="x")
    assert SavedState.objects.count() == Segment.objects.count() == 1
    assert Run.objects.get().status == RunStatus.AWAITING_APPROVAL


@pytest.mark.django_db(transaction=True)
def test_of_fifty_programs_that_disagree_one_side_counts() -> None:
    _awaiting()
    results = in_threads(50, lambda n: _resume(_said("a", bool(n % 2))))
    assert Counter(type(result) for result in results) == {Segment: 25, AlreadyResumed: 25}
    kept = Segment.objects.get(n=1).decisions
    assert all(r.decisions == kept for r in results if isinstance(r, Segment))
    assert SavedState.objects.filter(kind=StateKind.RESUMED).count() == 1
    assert Run.objects.get().events.filter(payload__status="queued").count() == 2


@pytest.mark.django_db(transaction=True)
def test_fifty_that_save_at_once_keep_fifty_revisions() -> None:
    in_threads(50, lambda n: save_plain("chat", "desk", "", {"n": n}))
    assert sorted(row.revision for row in revisions("chat", "desk")) == list(range(1, 51))
