"""No eye sees a secret: every page, every page of the admin, every command, every export.

The walks take pages from the URL configuration, the admin's from its registry, commands from the
list of commands and columns from the models: what is added is walked over, too.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from approvals.models import ApprovalRequest, AuditEntry, Delivery
from approvals.services.messages import body_of, message_of
from tests.approvals.everything import Everything
from tests.web.planted import APPS, MARK, installation, plant
from timestep.management.seen import SeenCommand
from timestep.masked_logs import MaskedFormatter
from timestep.masking import MASK
from timestep.models import Hold, Run, RunEvent
from timestep.sealing import opened_link, sealed_link
from workflows.live.batches import RunBatch
from workflows.live.lists import ListBatch

pytestmark = pytest.mark.django_db
# Commands that print nothing of any row to an output of theirs: logs are masked where they are
# formatted, and the password that `up` shows is meant for whoever installs.
PRINT_NO_ROWS = {"migrate", "up", "web", "worker"}


def _clean(text: str, where: str) -> None:
    at = text.find(MARK)
    assert at < 0, f"{where}: …{text[max(0, at - 120) : at + 60]}…"


@pytest.fixture
def made() -> Everything:
    made = installation()
    plant()
    return made


def _patterns(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for one in resolver.url_patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLPattern):
            yield route, one
        elif not route.startswith("admin/"):
            yield from _patterns(one, route)


def _addresses(made: Everything) -> Iterator[str]:
    values: dict[str, Any] = {
        "slug": "desk", "schedule": "nightly", "name": "mail", "worker_id": "w-1", "form": "csv",
        "hold_id": Hold.objects.all()[0].pk, "run_id": "r-failed",
        "approval_id": made.ids["waiting"],
    }  # fmt: skip
    for route, pattern in _patterns(get_resolver()):
        if not pattern.name:
            yield f"/{route}"
            continue
        names = pattern.pattern.converters
        missing = names.keys() - values.keys()
        assert not missing, f"say in this test what {route} is asked with"
        yield reverse(pattern.name or "", kwargs={name: values[name] for name in names})
    yield from (f"/approvals/{pk}/" for pk in made.ids.values())
    runs = Run.objects.values_list("run_id", flat=True)
    yield from (f"/runs/{run_id}/" for run_id in runs)
    yield from ("/audit/export.jsonl", "/approvals/?show=all", "/approvals/?show=decided")
    yield from ("/search/?q=r", "/runs/?status=failed", "/agents/desk/?like=r-failed")


def test_no_page_shows_what_is_planted(made: Everything, owner: Client) -> None:
    statuses = {}
    for address in _addresses(made):
        answer = owner.get(address)
        statuses[address] = answer.status_code
        _clean(answer.content.decode(), address)
        _clean(str(answer.headers), address)
    assert statuses.pop("/readyz") == 503  # No worker is there.
    assert max(statuses.values()) < 500
    assert sum(code == 200 for code in statuses.values()) > 30


def _admin_pages() -> Iterator[str]:
    for model in admin.site._registry:
        if model._meta.app_label not in APPS:
            continue
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{base}_changelist")
        for row in model._default_manager.order_by("-pk")[:3]:
            for page in ("change", "history", "delete"):
                yield reverse(f"{base}_{page}", args=[row.pk])


def test_no_page_of_the_admin_shows_what_is_planted(made: Everything, owner: Client) -> None:
    statuses = {}
    for address in _admin_pages():
        answer = owner.get(address, follow=True)
        statuses[address] = answer.status_code
        _clean(answer.content.decode(), address)
    assert set(statuses.values()) <= {200, 403}
    assert sum(code == 200 for code in statuses.values()) > 40


def _commands(made: Everything) -> dict[str, list[list[str]]]:
    waiting = made.ids["waiting"]
    return {
        "agents": [[], ["--json"], ["export"]],
        "approvals": [[], ["--json"], ["--all"], ["--all", "--json"]],
        "cancel": [[ApprovalRequest.objects.get(pk=waiting).run_id, "--json"], ["r-failed"]],
        "decide": [[made.ids["approved"], "--approve", "--as", "ana"]],
        "doctor": [[], ["--json"]],
        "erase_audit": [["none", "--reason", "x"]],
        "export_audit": [["--format", "csv"], ["--format", "jsonl"]],
        "holds": [[], ["--json"]],
        "launch": [["desk", "--input", "x"], ["desk", "--input", "x", "--json"]],
        "limits": [[], ["--json"]],
        "queues": [[], ["--json"], ["pause", "mail", "--reason", "x"]],
        "retry": [["r-failed"], ["r-failed", "--json"]],
        "runs": [[], ["--json"], ["r-failed"], ["r-failed", "--events"],
                 ["r-failed", "--events", "--json"]],
        "schedules": [[], ["--json"], ["pause", "nightly", "--reason", "x"]],
        "tools": [[], ["--json"]],
        "verify_audit": [[]],
        "workers": [[], ["--json"], ["drain", "w-1", "--json"]],
    }  # fmt: skip


def _ours() -> set[str]:
    return {name for name, app in get_commands().items() if str(app) in APPS}


def test_every_command_of_ours_masks_by_what_it_is() -> None:
    for name in _ours() - PRINT_NO_ROWS:
        assert isinstance(load_command_class(get_commands()[name], name), SeenCommand), name


def test_no_command_prints_what_is_planted(made: Everything) -> None:
    known = _commands(made)
    assert known.keys() == _ours() - PRINT_NO_ROWS, "say in this test how it is called"
    for name, calls in known.items():
        for arguments in calls:
            out = io.StringIO()
            try:
                call_command(name, *arguments, stdout=out, stderr=out)
            except CommandError as error:
                out.write(str(error))
            except SystemExit:
                pass
            _clean(out.getvalue(), f"{name} {arguments}")
            if "--json" in arguments and out.getvalue().startswith(("{", "[")):
                json.loads(out.getvalue().split("\n")[0])


def test_no_letter_and_no_webhook_tells_what_is_planted(made: Everything) -> None:
    for delivery in Delivery.objects.select_related("notice__request__run"):
        message = message_of(delivery)
        _clean(f"{message.subject}\n{message.text}", "letter")
        _clean(json.dumps(body_of(delivery)), "webhook")


def test_no_live_page_and_no_feed_gets_what_is_planted(made: Everything) -> None:
    from timestep.events.feed import events_after  # noqa: PLC0415

    for run_id in RunEvent.objects.values_list("run_id", flat=True).distinct():
        rows = events_after(run_id, 0, 500)
        for batch in (RunBatch(run_id, 0, rows[-1].seq, rows), ListBatch(0, 0, rows)):
            for form in ("html", "json"):
                for frame in batch.frames(form):
                    _clean(frame, f"{type(batch).__name__} {form}")


def test_no_log_line_has_what_looks_like_a_secret() -> None:
    try:
        raise ValueError(f"password={MARK}")
    except ValueError as error:
        found = (type(error), error, error.__traceback__)
        record = logging.LogRecord("x", 40, "f", 1, "key %s", (f"sk-{MARK}-1234567890",), found)
    line = MaskedFormatter("{levelname} {message}", style="{").format(record)
    assert "Traceback" in line
    _clean(line, "log")


def test_a_masked_session_still_links_to_its_runs(owner: Client, made: Everything) -> None:
    secret = f"sk-{MARK}-777-1234567890"
    Run.objects.filter(pk="r-failed").update(session_id=secret)
    links = owner.get("/runs/r-failed/").content.decode().split('href="')
    [link] = {one.split('"')[0] for one in links if one.startswith("/runs/?session=")}
    shown = owner.get(link).content.decode()
    assert "r-failed" in shown
    assert shown.count("/runs/r-") >= 1
    assert "waiting" not in shown.partition("<tbody")[2].partition("</tbody>")[0]
    assert opened_link(sealed_link(f"/runs/?session={secret}")) == f"/runs/?session={secret}"


def test_what_was_not_sealed_here_is_left_alone(settings: Any) -> None:
    link = sealed_link(f"/queues/sk-{MARK}-1234567890/?a=b&c=d%20e")
    assert MARK not in link
    assert link.endswith("/?a=b&c=d%20e")
    settings.SECRET_KEY = "another"
    assert opened_link(link) == link.replace("~", "%7E") or MARK not in opened_link(link)


def test_a_form_of_the_admin_keeps_what_it_does_not_show(owner: Client) -> None:
    from tests.workflows.rows import agent  # noqa: PLC0415
    from workflows.models import AgentDefinition  # noqa: PLC0415

    said = f"Use password={MARK} and be kind."
    agent("desk", instructions=said)
    address = "/admin/workflows/agentdefinition/desk/change/"
    shown = owner.get(address)
    form = shown.context["adminform"].form
    sent = {name: form[name].value() for name in form.fields}
    assert sent["instructions"] == f"Use password={MASK} and be kind."
    sent = {name: value for name, value in sent.items() if value not in (None, False)}
    sent |= {"name": "Other", "model_settings": "{}", "output_type": ""}
    owner.post(address, {k: v if isinstance(v, str | int | float) else "" for k, v in sent.items()})
    kept = AgentDefinition.objects.get()
    assert (kept.instructions, kept.name) == (said, "Other")


def test_a_trail_that_was_planted_is_exported_masked(made: Everything) -> None:
    assert AuditEntry.objects.filter(actor__contains=MARK).exists()
