"""The audit trail: a page to read it, and its export."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals.models import AuditEntry
from approvals.selectors.audit import (
    FORMATS,
    entries_after,
    entries_before,
    entry_as_json,
    head,
)
from timestep.access import needs

PAGE_SIZE = 50
# One answer is made in memory; `manage.py export_audit` writes a trail of any length.
EXPORTED_AT_ONCE = 10_000
_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}


@require_safe
@needs("approvals.view_auditentry")
def trail(request: HttpRequest) -> HttpResponse:
    """The latest entries, or those before a number."""
    before = _number(request, "before", 0) or None
    found = entries_before(before, PAGE_SIZE + 1)
    context = {
        "entries": [_line(entry) for entry in found[:PAGE_SIZE]],
        "before": found[PAGE_SIZE - 1].number if len(found) > PAGE_SIZE else None,
        "head": head(),
        "at_once": EXPORTED_AT_ONCE,
        "deep": before is not None,
    }
    return render(request, "approvals/audit.html", context)


@require_safe
@needs("approvals.view_auditentry")
def export(request: HttpRequest, form: str) -> HttpResponse:
    """Entries after a number, in order; `X-Timestep-Next` names the last where more follow."""
    if form not in FORMATS:
        raise Http404(f"the trail is exported as {' or '.join(FORMATS)}")
    found = entries_after(_number(request, "after", 0), EXPORTED_AT_ONCE + 1)
    shown = found[:EXPORTED_AT_ONCE]
    answer = HttpResponse("".join(FORMATS[form](shown)), content_type=_TYPES[form])
    answer["Content-Disposition"] = f'attachment; filename="audit.{form}"'
    if len(found) > EXPORTED_AT_ONCE:
        answer["X-Timestep-Next"] = str(shown[-1].number)
    return answer


def _line(entry: AuditEntry) -> dict[str, Any]:
    """An entry as the page shows it, with the page of what it is about."""
    links = {"approval": "approval", "call": "run"}
    name = links.get(entry.act.partition(".")[0])
    link = reverse(name, args=[entry.subject]) if name else ""
    return entry_as_json(entry) | {"at": entry.at, "link": link}


def _number(request: HttpRequest, name: str, default: int) -> int:
    """A number of an entry; what is none counts as not given."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else default
