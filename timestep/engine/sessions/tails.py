"""What was appended to a session since a mark: how a write that died half way is recognised."""

from __future__ import annotations

from typing import Any, Protocol

from agents import OpenAIConversationsSession
from agents.memory import Session

from timestep.errors import TimestepError

# More than any session has; the settings' own limit must not count here.
_ALL = 2**31 - 1
# What the SDK writes to a conversation by one request, which happens whole or not at all.
_PER_REQUEST = 20


class SessionChanged(TimestepError):
    """Somebody else changed a session while a run wrote to it, so nobody knows what is missing."""


class Tail(Protocol):
    """How far a session went, in a form that JSON keeps."""

    async def mark(self) -> Any:
        """Where the session ends now."""

    async def since(self, mark: Any, count: int) -> list[Any]:
        """The items after a mark, of which `count` are expected at most."""

    def sizes(self, count: int) -> list[int]:
        """How many of so many items a broken write may have left, largest first."""


class CountedTail:
    """For sessions that append a batch as one transaction: the mark is how many items it has."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def mark(self) -> int:
        """How many items there are."""
        return len(await self._session.get_items(_ALL))

    async def since(self, mark: int, count: int) -> list[Any]:
        """The items after the first `mark`."""
        items: list[Any] = await self._session.get_items(_ALL)
        return items[mark:]

    def sizes(self, count: int) -> list[int]:
        """All or none."""
        return [count]


class ConversationTail:
    """For conversations: the mark is the id of the last item, which no other item ever has."""

    def __init__(self, session: OpenAIConversationsSession) -> None:
        self._session = session

    async def mark(self) -> str | None:
        """The last item's id; None in an empty conversation."""
        last: list[Any] = await self._session.get_items(1)
        return last[0]["id"] if last else None

    async def since(self, mark: str | None, count: int) -> list[Any]:
        """The items after the one with this id."""
        near: list[Any] = await self._session.get_items(count + 1)
        ids = [item.get("id") for item in near]
        if mark is None and len(near) <= count:
            return near
        if mark not in ids:
            items: list[Any] = await self._session.get_items(_ALL)
            near, ids = items, [item.get("id") for item in items]
        if mark is not None and mark not in ids:
            raise SessionChanged(
                f"item {mark} was taken out of conversation {self._session.session_id} while a "
                "run wrote to it; look at the conversation, and launch again"
            )
        return near[ids.index(mark) + 1 :] if mark is not None else near

    def sizes(self, count: int) -> list[int]:
        """All, or whole requests of it."""
        return [count, *range(count - count % _PER_REQUEST, 0, -_PER_REQUEST)]


def tail_of(session: Session) -> Tail:
    """How to see what was appended to a session."""
    if isinstance(session, OpenAIConversationsSession):
        return ConversationTail(session)
    return CountedTail(session)


def missing(wanted: list[Any], after: list[Any], sizes: list[int]) -> list[Any]:
    """What of a write is not in the session yet.

    Args:
        wanted: The items of the write.
        after: The items that the session has after the write's mark.
        sizes: How many of them a broken write may have left, largest first.
    """
    keys, there = [identity(item) for item in wanted], [identity(item) for item in after]
    for size in sizes:
        ours = keys[:size]
        if any(there[i : i + size] == ours for i in range(len(there) - size + 1)):
            return wanted[size:]
    return wanted


def identity(item: Any) -> tuple[Any, ...]:
    """What of an item no backend changes: its kind, its call, its text."""
    kind = item.get("type") or "message"
    role, call_id = item.get("role"), item.get("call_id")
    said = item.get("content") if kind == "message" else item.get("output")
    return kind, role, call_id, item.get("name"), item.get("arguments"), _text(said)


def _text(content: Any) -> str:
    if isinstance(content, list):
        parts = (part for part in content if isinstance(part, dict))
        return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)
    return content if isinstance(content, str) else ""
