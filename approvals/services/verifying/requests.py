"""Requests against the audit trail, in pages of their ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from approvals.models import ApprovalRequest, AuditEntry
from approvals.services.requests import lock_run
from approvals.services.verifying.asking import ASKING
from approvals.services.verifying.deciding import DECIDING
from approvals.services.verifying.differing import Difference
from approvals.services.verifying.kept import REQUESTED, Kept, kept_of

_AT_ONCE = 500
_PEOPLE = ("decision__decided_by", "grant__granted_by", "claimed_by", "handed_to")


def changed_requests() -> Iterator[Difference]:
    """Requests, and what hangs on them, that are not as the trail has them."""
    began = AuditEntry.objects.order_by("number").values_list("at", flat=True).first()
    after = ""
    while page := list(_rows().filter(pk__gt=after).order_by("pk")[:_AT_ONCE]):
        for kept in kept_of(page):
            if not _is_older(kept, began) and any(_problems(kept)):
                yield from _confirmed(kept.request)
        after = page[-1].pk


def gone_requests() -> Iterator[Difference]:
    """Requests that the trail says were made, and that are not there."""
    opened, after = AuditEntry.objects.filter(act=REQUESTED).order_by("number"), 0
    while page := list(opened.filter(number__gt=after).only("number", "subject")[:_AT_ONCE]):
        yield from _gone(page)
        after = page[-1].number


def _gone(entries: Sequence[AuditEntry]) -> Iterator[Difference]:
    wanted = [entry.subject for entry in entries]
    there = set(ApprovalRequest.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    for entry in entries:
        if entry.subject not in there:
            what = f"is gone, and entry {entry.number} says that it was made"
            yield Difference(f"request {entry.subject}", what)


def _rows() -> QuerySet[ApprovalRequest]:
    return ApprovalRequest.objects.select_related(*_PEOPLE).prefetch_related("asked")


def _is_older(kept: Kept, began: datetime | None) -> bool:
    """Whether it was asked before the trail began, by a release that kept none."""
    return not kept.entries and began is not None and kept.request.created_at < began


def _confirmed(request: ApprovalRequest) -> Iterator[Difference]:
    """What differs when nobody can be at work: whoever changes a request locks its run first."""
    with transaction.atomic():
        lock_run(request.run_id)
        found = [
            what
            for kept in kept_of(list(_rows().filter(pk=request.pk)))
            for what in _problems(kept)
        ]
    for what in found:
        yield Difference(f"request {request.pk}", what)


def _problems(kept: Kept) -> Iterator[str]:
    if not kept.of(REQUESTED):
        yield "has no entry that it was asked: it was added behind the trail"
        return
    for check in (*ASKING, *DECIDING):
        yield from check(kept)
