"""`SQLAlchemySession`: any database that SQLAlchemy reaches with an asynchronous driver."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.memory import Session
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from timestep.engine.sessions.errors import SessionCannotTravel, SessionNotOpened
from timestep.engine.sessions.files import limit_of, settings_of
from timestep.engine.sessions.variables import value_of, variable_where

if TYPE_CHECKING:
    from agents.extensions.memory import SQLAlchemySession

KIND = "sqlalchemy"
URL_VARIABLE = "PG_CONNECTION_URI"
_SECRET_PARAMETER = re.compile(r"pass|secret|token|key", re.IGNORECASE)
_PACKAGES = {"aiosqlite": "aiosqlite", "asyncpg": "asyncpg", "psycopg": "psycopg[binary]"}


def is_alchemy(session: Session) -> bool:
    """Whether a session is of this kind; the SDK's module is imported only where it may be."""
    return f"{type(session).__module__}.{type(session).__qualname__}" == (
        "agents.extensions.memory.sqlalchemy_session.SQLAlchemySession"
    )


def described(session: Any) -> dict[str, Any]:
    """The session as JSON.

    Raises:
        SessionCannotTravel: Its database is in memory, or its URL holds a secret that is in no
            environment variable.
    """
    url = travelling(session.engine.url)
    return _place(url) | {
        "kind": KIND,
        "id": session.session_id,
        "driver": url.drivername,
        "sessions_table": session._sessions.name,
        "messages_table": session._messages.name,
        "create_tables": session._create_tables,
        "ensure_ascii": session._ensure_ascii,
        "limit": limit_of(session),
    }


def opened(description: dict[str, Any]) -> SQLAlchemySession:
    """The session of a description.

    Raises:
        SessionNotOpened: The variable with the URL is not set here, or the driver is missing.
    """
    from agents.extensions.memory import SQLAlchemySession  # noqa: PLC0415 - 0.2 s for few

    url = _url_of(description)
    try:
        return SQLAlchemySession.from_url(
            description["id"],
            url=url.render_as_string(hide_password=False),
            create_tables=description["create_tables"],
            sessions_table=description["sessions_table"],
            messages_table=description["messages_table"],
            ensure_ascii=description["ensure_ascii"],
            session_settings=settings_of(description),
        )
    except ModuleNotFoundError as error:
        package = _PACKAGES.get(str(error.name), error.name)
        raise SessionNotOpened(
            f"the driver {error.name!r} of {description['driver']} is not installed here",
            f"install it where workers run: pip install '{package}'",
        ) from error
    except SQLAlchemyError as error:
        raise SessionNotOpened(
            f"SQLAlchemy cannot use {description['driver']} ({type(error).__name__})",
            "use an asynchronous driver, such as postgresql+psycopg or sqlite+aiosqlite",
        ) from None


async def closed(session: Session) -> None:
    """Close the session's connections, if it is of this kind."""
    if is_alchemy(session):
        engine: Any = getattr(session, "engine")  # noqa: B009 - the protocol has none
        await engine.dispose()


def travelling(url: URL) -> URL:
    """The URL as any working directory understands it.

    Raises:
        SessionCannotTravel: The database is in memory.
    """
    if url.get_backend_name() != "sqlite":
        return url
    name = url.database or ""
    if not name or ":memory:" in name or url.query.get("mode") == "memory":
        raise SessionCannotTravel(
            "this SQLAlchemySession is in memory, where no other process and no restart finds it",
            "give it a file: sqlite+aiosqlite:///chats.sqlite3",
        )
    return url if name.startswith("file:") else url.set(database=str(Path(name).resolve()))


def _place(url: URL) -> dict[str, Any]:
    """The URL itself where it holds no secret, else the variable that holds it."""
    if url.password is None and not any(map(_SECRET_PARAMETER.search, url.query)):
        return {"url": url.render_as_string(hide_password=False)}
    variable = variable_where(lambda value: _read(value, url.drivername) == url, URL_VARIABLE)
    if variable is None:
        raise SessionCannotTravel(
            "the URL of this SQLAlchemySession holds a password, and secrets are not stored",
            "put the URL into an environment variable, here and for the workers, and make the "
            "session from it",
        )
    return {"url_variable": variable}


def _read(value: str, driver: str) -> URL | None:
    """The URL in a variable, with the session's driver; None where there is none."""
    if "://" not in value:
        return None
    try:
        url = make_url(value.strip())
    except (ArgumentError, ValueError):
        return None
    if _backend(url.drivername) != _backend(driver):
        return None
    return url.set(drivername=driver)


def _backend(driver: str) -> str:
    return driver.partition("+")[0].replace("postgresql", "postgres")


def _url_of(description: dict[str, Any]) -> URL:
    if "url" in description:
        return make_url(description["url"])
    variable = description["url_variable"]
    url = _read(value_of(variable, "the URL of the session's database"), description["driver"])
    if url is None:
        raise SessionNotOpened(
            f"the variable {variable} holds no database URL here",
            f"set {variable} as the program that launched the run has it",
        )
    return url
