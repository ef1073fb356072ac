"""`SQLiteSession`: a file that the executing process can open too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents import SessionSettings, SQLiteSession
from agents.memory import Session

from timestep.engine.sessions.errors import SessionCannotTravel, SessionNotOpened

KIND = "sqlite"


def described(session: SQLiteSession) -> dict[str, Any]:
    """The session as JSON.

    Raises:
        SessionCannotTravel: It is in memory.
    """
    if str(session.db_path) == ":memory:":
        raise SessionCannotTravel(
            "this SQLiteSession is in memory, where no other process and no restart finds it",
            "give it a file: SQLiteSession(session_id, 'chats.sqlite3')",
        )
    return {
        "kind": KIND,
        "id": session.session_id,
        "path": str(Path(session.db_path).expanduser().resolve()),
        "sessions_table": session.sessions_table,
        "messages_table": session.messages_table,
        "limit": limit_of(session),
    }


def opened(description: dict[str, Any]) -> SQLiteSession:
    """The session of a description.

    Raises:
        SessionNotOpened: The file cannot be opened here.
    """
    path = Path(description["path"])
    try:
        return SQLiteSession(
            description["id"],
            path,
            description["sessions_table"],
            description["messages_table"],
            settings_of(description),
        )
    except Exception as error:
        raise SessionNotOpened(
            f"the file {path} cannot be opened here ({error})",
            "execute the run on a machine that has it, or use a session of another kind",
        ) from error


async def closed(session: Session) -> None:
    """Close the session's connections, if it is of this kind."""
    if isinstance(session, SQLiteSession):
        session.close()


def limit_of(session: Session) -> int | None:
    """How many items the session reads at most."""
    settings = session.session_settings
    return settings.limit if settings is not None else None


def settings_of(description: dict[str, Any]) -> SessionSettings:
    """The SDK's settings of a description."""
    return SessionSettings(limit=description.get("limit"))
