"""What viewers of a run are sent for a batch of events."""

from __future__ import annotations

from typing import Any

import pytest
from django.template.loader import render_to_string

from tests.approvals.rows import ask, awaiting_run
from tests.web.events import event, model_finished, model_started
from tests.workflows.rows import run as make_run
from timestep.models import RunEvent
from workflows.selectors.live import live_context
from workflows.selectors.runs import RunRow

pytestmark = pytest.mark.django_db
TEMPLATE = "workflows/run/_live.html"


def fragments(*events: RunEvent) -> str:
    return render_to_string(TEMPLATE, live_context(events[0].run_id, events))


def test_deltas_need_no_query(django_assert_num_queries: Any) -> None:
    run = make_run("r")
    first = event(run, "model.delta", "0.1", text="Hello ")
    second = event(run, "model.delta", "0.1", text=" <b>world")
    with django_assert_num_queries(0):
        html = fragments(first, second)
    assert '<div hx-swap-oob="beforeend:#text-0-1">Hello  &lt;b&gt;world</div>' in html
    assert f'id="run-seq" data-seq="{second.seq}"' in html


def test_a_started_call_brings_its_row_and_a_place_for_its_text() -> None:
    run = make_run("r", status="running")
    html = fragments(model_started(run, "0.1"))
    row = html.partition('<div hx-swap-oob="beforeend:#timeline">')[2]
    assert '<li id="step-0-1"' in row
    assert '<pre id="text-0-1"' in html
    assert 'data-status="running"' in html


def test_a_finished_call_counts_while_the_run_goes_on() -> None:
    run = make_run("r", status="running")
    model_finished(run, "0.1")
    html = fragments(model_finished(run, "0.2", parent_call_id="call_1"))
    assert "1 of 20 turns" in html
    assert "1,624 tokens" in html
    stored = type(run).objects.get()
    assert (stored.turns, stored.total_tokens) == (0, 0)


def test_text_is_sent_once_when_its_row_is_rendered_in_the_same_batch() -> None:
    run = make_run("r", status="running")
    events = [model_started(run, "0.1"), event(run, "model.delta", "0.1", text="only once")]
    assert fragments(*events).count("only once") == 1
    later = [event(run, "status", status="running"), event(run, "model.delta", "0.1", text=" and")]
    assert fragments(*later).count("only once and") == 1


def test_fragments_hold_nothing_that_belongs_to_one_viewer() -> None:
    run = awaiting_run()
    (asked,) = ask(run)
    facts = {"call_id": "call_1", "tool": "refund_order", "agent": "refunds", "arguments": "{}"}
    html = fragments(event(run, "approval.requested", **facts))
    assert f'hx-get="/approvals/{asked.pk}/?in=run"' in html
    assert "csrfmiddlewaretoken" not in html
    assert "<form" not in html


def test_a_failure_is_sent_without_its_traceback() -> None:
    error = {"what": "model gpt", "message": "<i>bad key", "traceback": "File secret.py"}
    run = make_run("r", status="failed", error=error)
    html = fragments(event(run, "run.failed"), event(run, "status", status="failed"))
    assert "Model gpt failed" in html
    assert "&lt;i&gt;bad key" in html
    assert "secret.py" not in html


def test_the_end_sends_the_final_output() -> None:
    run = make_run("r", status="succeeded", final_output="All done.")
    html = fragments(model_finished(run, "0.1", "All done."), event(run, "run.finished"))
    assert 'id="output-body"' in html
    assert "All done." in html.partition('id="output-body"')[2]


def test_a_list_is_sent_rows_that_know_their_filters() -> None:
    run = make_run("r", status="running", queue="nightly")
    html = render_to_string("workflows/runs/_live.html", {"runs": [RunRow.of(run)]})
    assert '<tr id="run-row-r"' in html
    assert 'hx-swap-oob="true"' in html
    assert 'data-queue="nightly"' in html
