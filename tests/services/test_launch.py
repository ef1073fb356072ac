"""Launching: what is written, and what the same id twice does."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from tests.services.rows import launched, spec, standing
from timestep.engine_version import ENGINE_VERSION
from timestep.errors import DuplicateRun, RunIdInUse
from timestep.ids import RUN_ID
from timestep.models import (
    ACTIVE_STATUSES,
    ENDED_STATUSES,
    Run,
    RunEvent,
    RunStatus,
    Segment,
    SegmentKind,
    SegmentState,
)
from timestep.services.launch import checked_run, insert_run, relaunch

pytestmark = pytest.mark.django_db


def test_a_launch_writes_run_segment_and_event() -> None:
    run = Run.objects.get(pk=launched().pk)
    assert RUN_ID.fullmatch(run.run_id)
    assert (run.status, run.queue, run.engine_version) == ("queued", "default", ENGINE_VERSION)
    assert (run.input, run.spec, run.owner, run.epoch) == ("hello", spec(), None, 0)
    segment = run.segments.get()
    assert segment.segment_id == f"{run.run_id}:0"
    assert (segment.kind, segment.state) == (SegmentKind.START, SegmentState.READY)
    event = run.events.get()
    assert (event.seq, event.kind, event.payload) == (1, "status", {"status": "queued"})


def test_a_launch_keeps_all_that_it_was_told() -> None:
    ana = User.objects.create_user("ana")
    said = {
        "agent_version": 3,
        "session_id": "s-1",
        "queue": "slow",
        "priority": 7,
        "dedup_id": "d-1",
        "timeout_seconds": 1.5,
        "max_turns": 4,
        "context": {"customer": [1, None]},
        "launched_from": "cli",
        "again_of": "run-0",
        "label": "nightly",
    }
    run = Run.objects.get(pk=launched("r", launched_by=ana, **said).pk)
    assert {key: getattr(run, key) for key in said} == said
    assert run.launched_by == ana


def test_a_launch_that_is_rolled_back_leaves_nothing() -> None:
    with transaction.atomic():
        launched("r")
        transaction.set_rollback(True)
    assert not Run.objects.exists()
    assert not Segment.objects.exists()
    assert not RunEvent.objects.exists()


@pytest.mark.parametrize("status", RunStatus)
def test_the_same_launch_again_gives_the_run_as_it_stands(status: RunStatus) -> None:
    standing("r", status)
    again = launched("r", queue="other")
    assert (again.pk, again.status, again.queue) == ("r", status, "default")
    assert Segment.objects.count() == RunEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("other", "differs"), [({"agent": "sales"}, "agent"), ({"input": "bye"}, "input")]
)
def test_an_id_of_another_launch_is_refused(other: dict[str, str], differs: str) -> None:
    launched("r")
    with pytest.raises(RunIdInUse) as refused:
        launched("r", **other)
    assert (refused.value.run_id, refused.value.differs) == ("r", differs)
    assert Run.objects.get().input == "hello"


def test_an_id_of_a_launch_in_another_session_is_refused() -> None:
    first = launched("r", session_id="chat")
    assert launched("r", session_id="chat") == first
    for other in ("talk", None):
        with pytest.raises(RunIdInUse, match="another session") as refused:
            launched("r", session_id=other)
        assert refused.value.differs == "session"


def test_a_start_that_made_a_new_conversation_at_openai_repeats_the_launch() -> None:
    at_openai = {"session_spec": {"kind": "openai"}}
    first = launched("r", session_id="openai:1:conv_1", **at_openai)
    assert launched("r", session_id="openai:1:conv_2", **at_openai) == first


def test_an_input_of_items_is_the_same_whatever_the_order_of_its_keys() -> None:
    first = launched("r", input=[{"role": "user", "content": "hi"}])
    assert launched("r", input=[{"content": "hi", "role": "user"}]) == first


@pytest.mark.parametrize(
    ("items", "same"),
    [
        ([{"role": "user", "content": "hello"}], True),
        ([{"type": "message", "role": "user", "content": "hello"}], True),
        ([{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}], True),
        ([{"role": "user", "content": "hello"}] * 2, False),
        ([{"role": "system", "content": "hello"}], False),
        ([{"role": "user", "content": [{"type": "input_file", "text": "hello"}]}], False),
        ([{"content": "hello"}], False),
    ],
)
def test_a_text_is_the_same_input_as_one_user_message_of_it(items: list[Any], same: bool) -> None:
    first = launched("r")
    if same:
        assert launched("r", input=items) == first
        return
    with pytest.raises(RunIdInUse, match="another input"):
        launched("r", input=items)


@pytest.mark.parametrize("status", ACTIVE_STATUSES)
def test_a_deduplication_id_is_held_until_the_end(status: RunStatus) -> None:
    standing("first", status, dedup_id="d")
    with pytest.raises(DuplicateRun) as refused:
        launched("second", dedup_id="d")
    assert (refused.value.dedup_id, refused.value.run_id) == ("d", "first")
    assert [run.pk for run in Run.objects.all()] == ["first"]


@pytest.mark.parametrize("status", ENDED_STATUSES)
def test_a_deduplication_id_is_free_after_the_end(status: RunStatus) -> None:
    standing("first", status, dedup_id="d")
    assert launched("second", dedup_id="d").status == RunStatus.QUEUED


def test_the_same_id_counts_before_the_deduplication_id() -> None:
    first = launched("r", dedup_id="d")
    assert launched("r", dedup_id="d") == first


def test_a_refused_duplicate_leaves_the_callers_transaction_usable() -> None:
    launched("first", dedup_id="d")
    with transaction.atomic():
        with pytest.raises(DuplicateRun):
            launched("second", dedup_id="d")
        launched("third")
    assert set(Run.objects.values_list("pk", flat=True)) == {"first", "third"}


def test_a_relaunch_repeats_all_but_id_and_deduplication() -> None:
    limits = {"session_id": "s", "queue": "slow", "priority": 2, "timeout_seconds": 9.0}
    run = launched("r", dedup_id="d", max_turns=3, context={"a": 1}, agent_version=2, **limits)
    again = relaunch(run, launched_by=None, launched_from="page")
    kept = ("spec_id", "input", "agent", "agent_version", "max_turns", "context", *limits)
    assert {key: getattr(again, key) for key in kept} == {key: getattr(run, key) for key in kept}
    assert again.pk != run.pk
    assert (again.again_of, again.dedup_id, again.launched_from) == ("r", None, "page")


def test_a_run_that_the_database_does_not_take_says_why() -> None:
    run = checked_run(spec=spec(), input="hello", agent="desk")
    run.label = None  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match=r"could not be inserted: .*label") as refused:
        insert_run(run)
    assert isinstance(refused.value.__cause__, IntegrityError)
