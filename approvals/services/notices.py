"""Saying that there is something to tell, in the transaction in which it happened."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User

from approvals.models import ApprovalRequest, Notice, NoticeKind


def tell(
    requests: Sequence[ApprovalRequest],
    kind: NoticeKind,
    *,
    number: int = 0,
    only_to: User | None = None,
) -> None:
    """Have people told, in the caller's transaction; what is to be told already is left alone.

    Args:
        requests: The requests that it is about.
        kind: What happened.
        number: Which one of its kind: the second reminder is another message than the first.
        only_to: One person, in place of all who may decide.
    """
    notices = [
        Notice(request=request, kind=kind, number=number, only_to=only_to) for request in requests
    ]
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
