"""From a live session to its description and back, by kind."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import OpenAIConversationsSession, SQLiteSession
from agents.memory import Session

from timestep.digests import digest
from timestep.engine.sessions import alchemy, conversations, files
from timestep.engine.sessions.errors import SessionCannotTravel, SessionNotOpened
from timestep.engine.sessions.own import TimestepSession

# What `Run.session_id` holds.
_LONGEST = 200
Described = dict[str, Any]

_KINDS = {files.KIND: files, alchemy.KIND: alchemy, conversations.KIND: conversations}


def settle(session: Session | str | None) -> tuple[str | None, Described | None]:
    """What a run keeps of its session: an id, and how to open it; may make a request.

    An `OpenAIConversationsSession` without a conversation gets one here.

    Args:
        session: A session object, the id of one of our own, or None.

    Returns:
        The id that tells this session from all others, of any kind, and the description, which
        is JSON and holds no secret; None for our own sessions. Two times None without a session.

    Raises:
        SessionCannotTravel: No other process could open it.
    """
    if session is None or isinstance(session, str):
        return session, None
    if type(session) is TimestepSession:
        limit = session.session_settings.limit if session.session_settings else None
        return session.session_id, {"kind": "own", "limit": limit} if limit else None
    described = _described(session)
    return _unique(described), described


async def settle_session(session: Session | str | None) -> tuple[str | None, Described | None]:
    """`settle`, without holding up the running event loop."""
    return await asyncio.to_thread(settle, session)


def open_session(session_id: str, description: Described | None) -> Session:
    """The session of a run, for the event loop that this is called on.

    Args:
        session_id: `Run.session_id`.
        description: `Run.session_spec`.

    Raises:
        SessionNotOpened: This process lacks a variable, a driver, or the file.
    """
    if description is None or description.get("kind") == "own":
        return TimestepSession(session_id, files.settings_of(description or {}))
    kind = _KINDS.get(str(description.get("kind")))
    if kind is None:
        raise SessionNotOpened(
            f"the kind {description.get('kind')!r} is not known to this version",
            "run workers of the version that launched the run",
        )
    session: Session = kind.opened(description)
    return session


async def close_session(session: Session) -> None:
    """Give back what an opened session holds: connections, a client."""
    for kind in _KINDS.values():
        await kind.closed(session)


def _described(session: Session) -> Described:
    if type(session) is SQLiteSession:
        return files.described(session)
    if type(session) is OpenAIConversationsSession:
        return conversations.described(session)
    if alchemy.is_alchemy(session):
        return alchemy.described(session)
    name = f"{type(session).__module__}.{type(session).__qualname__}"
    raise SessionCannotTravel(
        f"{name} cannot be opened by another process",
        "use OpenAIConversationsSession, SQLiteSession with a file, SQLAlchemySession with a URL, "
        "or TimestepSession",
    )


def _unique(described: Described) -> str:
    """An id that names the place too: one id in two files is two sessions."""
    place = {k: v for k, v in described.items() if k not in ("id", "limit", "create_tables")}
    name = f"{described['kind']}:{digest(place)[:10]}:{described['id']}"
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 11]}:{digest(described['id'])[:10]}"
