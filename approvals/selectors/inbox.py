"""The inbox: what waits for a person, nearest deadline first; and what was decided.

Keyset pages: `after` is the approval id of the last row before. What has a deadline comes first and
what has none after it, each read along an index of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import cached_property

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone

from approvals.access import visible_requests
from approvals.errors import RequestNotFound
from approvals.models import ApprovalRequest, RequestStatus
from approvals.policies.people import PERMISSION, Decider
from timestep.errors import InvalidInput
from timestep.storable import storable_text

PAGE_SIZE = 25
AGES = {
    "10m": ("10 minutes", timedelta(minutes=10)),
    "1h": ("an hour", timedelta(hours=1)),
    "1d": ("a day", timedelta(days=1)),
    "7d": ("a week", timedelta(days=7)),
}
SHOWN = ("waiting", "all", "decided")
_TEXT_LIMIT = 100
# What lists show of a run; its output, context and error can be large.
_PEOPLE = ("run__launched_by", "claimed_by", "handed_to", "kept_from")
_NOT_OF_RUN = ("run__final_output", "run__context", "run__error")


@dataclass(frozen=True)
class InboxFilters:
    """What the inbox is narrowed to; the names are those of the URL.

    `show`: `waiting` (for the person), `all` (that waits), `decided`. `mine`: what the person
    reviews or was handed; under `decided` what they decided. `age`: waiting for longer than that.
    """

    show: str = ""
    agent: str = ""
    tool: str = ""
    age: str = ""
    mine: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> InboxFilters:
        """Read filters from a query string. Raises InvalidInput naming the parameter."""
        given = {one.name: query.get(one.name, "").strip() for one in fields(cls)}
        for name in ("agent", "tool"):
            if len(given[name]) > _TEXT_LIMIT or not given[name].isprintable():
                raise InvalidInput(name, f"has at most {_TEXT_LIMIT} printable characters")
        for name, known in (("show", SHOWN), ("age", tuple(AGES)), ("mine", ("1",))):
            if given[name] and given[name] not in known:
                raise InvalidInput(name, f"must be one of {', '.join(known)}, or left out")
        return cls(**given)

    def as_query(self, **changes: str) -> dict[str, str]:
        """The filters that are set, as parameters of a URL."""
        pairs = {one.name: getattr(self, one.name) for one in fields(self)} | changes
        return {name: value for name, value in pairs.items() if value}

    @property
    def narrows(self) -> bool:
        """Whether anything but the kind of list is set."""
        return bool(self.agent or self.tool or self.age or self.mine)


@dataclass(frozen=True)
class InboxPage:
    """One page, and the id that the next one comes after."""

    rows: list[ApprovalRequest]
    next: str | None = None


def get_seen(user: User, approval_id: str) -> ApprovalRequest:
    """The request with this id, if the person sees it. Raises RequestNotFound."""
    rows = visible_requests(user).select_related("run", "decision", *_PEOPLE)
    found = rows.filter(approval_id=storable_text(approval_id)).first()
    if found is None:
        raise RequestNotFound(approval_id)
    return found


def waiting_for(user: User, cap: int) -> int:
    """How many requests wait for the person, counted no further than `cap`."""
    return Inbox(user, InboxFilters(show="waiting")).count(cap)


class Inbox:
    """The requests that one person sees, narrowed by filters."""

    def __init__(self, user: User, filters: InboxFilters | None = None) -> None:
        self.user = user
        self.decider = Decider(user)
        self.filters = filters or InboxFilters()

    @cached_property
    def show(self) -> str:
        """The list that is shown: who may not decide at all is shown everything that waits."""
        return self.filters.show or ("waiting" if self.user.has_perm(PERMISSION) else "all")

    def page(self, after: str | None = None, limit: int = PAGE_SIZE) -> InboxPage:
        """The first page, or the one after a row."""
        last = self._row(after)
        found = (self._decided if self.show == "decided" else self._waiting)(last, limit + 1)
        shown = found[:limit]
        return InboxPage(shown, shown[-1].approval_id if len(found) > limit else None)

    def holds(self, approval_id: str) -> bool:
        """Whether a request belongs to the list, wherever in it."""
        return self._matching().filter(approval_id=approval_id).exists()

    def count(self, cap: int = 100) -> int:
        """How many there are, counted no further than `cap`: a result of `cap` means "at least"."""
        return self._matching()[:cap].count()

    def _matching(self) -> QuerySet[ApprovalRequest]:
        rows = visible_requests(self.user)
        if self.show == "decided":
            rows = rows.filter(decided_at__isnull=False)
        else:
            rows = rows.filter(status=RequestStatus.PENDING)
        if self.show == "waiting":
            rows = rows.filter(self.decider.waiting())
        exact = {"agent": self.filters.agent, "tool": self.filters.tool}
        rows = rows.filter(**{name: value for name, value in exact.items() if value})
        if self.filters.age:
            rows = rows.filter(created_at__lte=timezone.now() - AGES[self.filters.age][1])
        return rows.filter(self._of_mine()) if self.filters.mine else rows

    def _of_mine(self) -> Q:
        if self.show == "decided":
            return Q(decision__decided_by=self.user)
        return Q(claimed_by=self.user) | Q(handed_to=self.user)

    def _rows(self) -> QuerySet[ApprovalRequest]:
        return self._matching().select_related("run", "decision", *_PEOPLE).defer(*_NOT_OF_RUN)

    def _waiting(self, last: ApprovalRequest | None, limit: int) -> list[ApprovalRequest]:
        found: list[ApprovalRequest] = []
        if last is None or last.deadline_at is not None:
            found = self._with_deadline(last, limit)
            last = None
        if len(found) < limit:
            found += self._without_deadline(last, limit - len(found))
        return found

    def _with_deadline(self, last: ApprovalRequest | None, limit: int) -> list[ApprovalRequest]:
        rows = self._rows().filter(deadline_at__isnull=False)
        return _page_by("deadline_at", rows, last, limit)

    def _without_deadline(self, last: ApprovalRequest | None, limit: int) -> list[ApprovalRequest]:
        rows = self._rows().filter(deadline_at__isnull=True)
        return _page_by("created_at", rows, last, limit)

    def _decided(self, last: ApprovalRequest | None, limit: int) -> list[ApprovalRequest]:
        rows = self._rows()
        if last is not None and last.decided_at is not None:
            earlier = Q(decided_at=last.decided_at, approval_id__lt=last.approval_id)
            rows = rows.filter(decided_at__lte=last.decided_at)
            rows = rows.filter(Q(decided_at__lt=last.decided_at) | earlier)
        return list(rows.order_by("-decided_at", "-approval_id")[:limit])

    def _row(self, approval_id: str | None) -> ApprovalRequest | None:
        """Where the page before ended; an id that is none begins at the first page."""
        if not approval_id:
            return None
        return ApprovalRequest.objects.filter(approval_id=approval_id).first()


def _page_by(
    column: str, rows: QuerySet[ApprovalRequest], last: ApprovalRequest | None, limit: int
) -> list[ApprovalRequest]:
    """The first rows in the order of a moment, or those after a row."""
    if last is not None:
        at = getattr(last, column)
        later = Q(**{column: at}, approval_id__gt=last.approval_id)
        # Said twice, because databases find their place in an index by the plain condition only.
        rows = rows.filter(**{f"{column}__gte": at}).filter(Q(**{f"{column}__gt": at}) | later)
    return list(rows.order_by(column, "approval_id")[:limit])
