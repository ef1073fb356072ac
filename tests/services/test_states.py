"""The store of saved states: what goes in comes out, and damage is named."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from tests.services.rows import launched
from timestep.models import Run, SavedState
from timestep.services.states import StateUnreadable, save_interrupted, segment_start

pytestmark = pytest.mark.django_db


def _save(state: dict[str, Any], revision: int = 1) -> SavedState:
    run = Run.objects.filter(pk="r").first() or launched("r", session_id="s")
    run.revision = revision
    return save_interrupted(run, state)


@pytest.mark.parametrize(
    "state",
    [{}, {"$schemaVersion": "1.21", "items": [1, None, {"ä": "🙂"}]}, {"context": "\x00 \ud800"}],
    ids=ascii,
)
def test_what_was_saved_is_loaded(state: dict[str, Any]) -> None:
    _save(state)
    assert segment_start("r", 1).state == state


def test_a_row_says_of_whom_it_is_and_in_which_schema() -> None:
    row = _save({"$schemaVersion": "1.21"}, revision=4)
    run = Run.objects.get()
    assert (row.run, row.revision, row.session_id) == (run, 4, "s")
    assert (row.schema_version, row.spec_digest) == ("1.21", run.spec_id)


def test_each_revision_is_kept_by_itself() -> None:
    for revision in (1, 2):
        _save({"n": revision}, revision)
    assert [segment_start("r", revision).state["n"] for revision in (1, 2)] == [1, 2]


def test_a_revision_is_saved_once() -> None:
    _save({"n": 1})
    with pytest.raises(IntegrityError), transaction.atomic():
        _save({"n": 2})
    assert segment_start("r", 1).state == {"n": 1}


def test_a_long_history_takes_little_room() -> None:
    state = {"items": [{"role": "assistant", "content": f"answer {n}"} for n in range(2000)]}
    assert len(bytes(_save(state).body)) * 10 < len(json.dumps(state))


@pytest.mark.parametrize(("run_id", "revision"), [("r", 2), ("other", 1)])
def test_a_state_that_is_not_there_is_named(run_id: str, revision: int) -> None:
    _save({})
    says = f"run {run_id} has no saved state of revision {revision}"
    with pytest.raises(StateUnreadable, match=says):
        segment_start(run_id, revision)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not compressed",
        zlib.compress(b'{"a": 1}')[:-3],
        zlib.compress(b'{"a": 1}')[:-1] + b"\x00",
        zlib.compress(b'{"a": '),
        zlib.compress(b"\xff\xfe"),
        zlib.compress(b"[]"),
        zlib.compress(b"null"),
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_damaged_row_is_named_and_left_as_it_is(body: bytes) -> None:
    _save({"a": 1})
    SavedState.objects.update(body=body)
    with pytest.raises(StateUnreadable, match="of run r, revision 1, is damaged"):
        segment_start("r", 1)
    assert bytes(SavedState.objects.get().body) == body
