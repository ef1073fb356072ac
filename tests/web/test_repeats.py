"""What a retry, and another launch, would do once more: said next to their buttons."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.services.rows import standing, tool_start
from timestep.models import Run, RunStatus
from timestep.services.status import record_event
from workflows.selectors.repeats import repeated_by_launch, repeated_by_retry

pytestmark = pytest.mark.django_db


def _failed(*calls: tuple[str, str]) -> Run:
    """A run that failed after these calls: their id, and how they ended."""
    run = standing("run_r", RunStatus.FAILED, error={"what": "tool refund", "message": "no"})
    for step, (call_id, end) in enumerate(calls):
        raised = {"raised_at": timezone.now()} if end == "failed" else {}
        key = "sk-live-0123456789abcdef0123"
        text = f'{{"amount": {step}.5, "note": "<b>{call_id}</b>", "api_key": "{key}"}}'
        tool_start(run, call_id, step=step, arguments=text, **raised)
        if end == "made":
            record_event(run.pk, "tool.finished", {"call_id": call_id, "ok": True})
    return run


def _words(effects: Any) -> list[str]:
    return [effect.word for effect in effects.shown]


def test_a_retry_repeats_what_did_not_end_well() -> None:
    run = _failed(("c1", "made"), ("c2", "failed"), ("c3", "in flight"))
    assert _words(repeated_by_retry(run)) == ["failed", "outcome unknown"]
    assert _words(repeated_by_launch(run)) == ["made", "failed", "outcome unknown"]


def test_a_run_without_side_effects_has_none() -> None:
    run = _failed()
    assert not repeated_by_retry(run).any
    assert not repeated_by_launch(run).any


def test_the_page_says_it(owner: Client) -> None:
    _failed(("c1", "made"), ("c2", "failed"))
    page = owner.get("/runs/run_r/").content.decode()
    assert "A retry repeats, or asks about:" in page
    assert "This run did the following. Another one may do it a second time:" in page
    assert page.count("&lt;b&gt;c2&lt;/b&gt;") == 2
    assert page.count("&lt;b&gt;c1&lt;/b&gt;") == 1
    assert "sk-live" not in page


def test_the_page_says_that_nothing_is_repeated(owner: Client) -> None:
    _failed(("c1", "made"))
    page = owner.get("/runs/run_r/").content.decode()
    assert "A retry repeats no call that has side effects" in page


def test_many_are_cut() -> None:
    effects = repeated_by_launch(_failed(*((f"c{n}", "made") for n in range(25))))
    assert (len(effects.shown), effects.more) == (20, True)
