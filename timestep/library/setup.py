"""Settling Django and DBOS in a plain program: configured once, launched once, cleaned up."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from timestep import conf
from timestep.errors import InvalidInput, NotConfigured, NotLaunched
from timestep.library.checks import is_number
from timestep.library.exits import at_exit
from timestep.scripts import own_home

if TYPE_CHECKING:
    from timestep.library.program import Program

SITE_SETTINGS = "timestep_site.program"
SQLITE_PREFIX = "sqlite:///"
_POSTGRES_PREFIXES = ("postgresql://", "postgres://")
_URL_FORM = "write postgresql://… or sqlite:///<path of the file>"
_DRAIN_SECONDS = 10.0
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Configuration:
    """What `configure_dbos` was given, after the environment was asked for the rest."""

    name: str
    executor_id: str
    pool_size: int | None
    poll_seconds: float


class _Process:
    """What of Timestep runs in this process."""

    lock = threading.RLock()
    configuration: Configuration | None = None
    program: Program | None = None


def configure_dbos(
    name: str | None = None,
    database_url: str | None = None,
    *,
    executor_id: str | None = None,
    pool_size: int | None = None,
    poll_seconds: float | None = None,
) -> None:
    """Say where everything is kept; call it before anything else.

    May be called any number of times, from any thread, also while an event loop runs. What is
    left out comes from the environment, and then from the default.

    Args:
        name: Label that the runs of this program carry (`TIMESTEP_NAME`; default: none).
        database_url: `postgresql://…` or `sqlite:///<path>` (`PG_CONNECTION_URI`; default:
            SQLite in `TIMESTEP_HOME`).
        executor_id: How the id of this process begins; the rest makes it unique
            (`TIMESTEP_EXECUTOR_ID`; default: the host's name).
        pool_size: Connections of DBOS's own pool (`TIMESTEP_POOL_SIZE`; default: 10 on Postgres,
            2 on SQLite).
        poll_seconds: How often DBOS looks for retries and takeovers handed to this process
            (`TIMESTEP_POLL_SECONDS`; default: 1.0).

    Raises:
        InvalidInput: A value cannot be used, or differs from what is in use since the launch.
    """
    if database_url is not None and not isinstance(database_url, str):
        raise InvalidInput("database_url", _URL_FORM)
    with _Process.lock:
        wanted = _configuration(name, executor_id, pool_size, poll_seconds)
        if _Process.program is not None and wanted != _Process.configuration:
            raise InvalidInput(
                "name", "this process is launched already; call cleanup_dbos() before changing it"
            )
        _settle_django(database_url)
        _Process.configuration = wanted


def ensure_dbos_launched() -> None:
    """Migrate the tables if that is due, and start to execute in this process.

    Does nothing where that has happened. The program then executes what it launches, and takes
    from queues only while no worker lives.

    Raises:
        NotConfigured: `configure_dbos()` was not called.
    """
    _outside_event_loops(_launch)


def cleanup_dbos(timeout_seconds: float = _DRAIN_SECONDS) -> None:
    """Stop executing in this process; what has not ended goes on elsewhere, or at the next start.

    Called at the program's end by itself.

    Args:
        timeout_seconds: How long runs under way may go on before they are left.
    """
    if not is_number(timeout_seconds) or timeout_seconds < 0:
        raise InvalidInput("timeout_seconds", "use a number of seconds from 0")
    _outside_event_loops(lambda: _clean_up(timeout_seconds))


def configured() -> Configuration:
    """The configuration; raises `NotConfigured` where there is none."""
    if _Process.configuration is None:
        raise NotConfigured("call configure_dbos() first")
    return _Process.configuration


def require_tables() -> None:
    """Raise `NotConfigured` where the tables cannot even be imported yet.

    A Django project that has Timestep among its apps need not configure anything.
    """
    from django.apps import apps  # noqa: PLC0415

    if not apps.ready:
        configured()


def launched() -> Program:
    """What executes in this process; raises where nothing does yet."""
    configured()
    if _Process.program is None:
        raise NotLaunched("call ensure_dbos_launched() first")
    return _Process.program


def is_launched() -> bool:
    """Whether this process executes."""
    return _Process.program is not None


def _configuration(
    name: str | None, executor_id: str | None, pool_size: int | None, poll_seconds: float | None
) -> Configuration:
    before = _Process.configuration or Configuration(
        name=conf.text("TIMESTEP_NAME"),
        executor_id=conf.text("TIMESTEP_EXECUTOR_ID"),
        pool_size=_from_environment("TIMESTEP_POOL_SIZE", int, None),
        poll_seconds=_from_environment("TIMESTEP_POLL_SECONDS", float, 1.0),
    )
    given = {"name": name, "executor_id": executor_id}
    given |= {"pool_size": pool_size, "poll_seconds": poll_seconds}  # type: ignore[dict-item]
    wanted = replace(before, **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    for field in ("name", "executor_id"):
        if not isinstance(getattr(wanted, field), str):
            raise InvalidInput(field, f"give a text, not {type(getattr(wanted, field)).__name__}")
    _check_numbers(wanted)
    return wanted


def _check_numbers(wanted: Configuration) -> None:
    size = wanted.pool_size
    if size is not None and (type(size) is not int or not 1 <= size <= 1000):
        raise InvalidInput("pool_size", "use a whole number from 1 to 1000")
    if not (is_number(wanted.poll_seconds) and 0.01 <= wanted.poll_seconds <= 60):
        raise InvalidInput("poll_seconds", "use a number of seconds from 0.01 to 60")


def _from_environment(name: str, kind: Callable[[str], _Value], default: Any) -> Any:
    value = conf.text(name)
    try:
        return kind(value) if value else default
    except ValueError:
        raise conf.BadSetting(name, f"is {value!r}; set it to a number") from None


def _settle_django(database_url: str | None) -> None:
    from django.apps import apps  # noqa: PLC0415 - a script pays for Django here, not at import
    from django.conf import settings  # noqa: PLC0415

    if not settings.configured:
        _choose_database(database_url)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", SITE_SETTINGS)
    elif database_url is not None and conf.engine_database_url(
        settings.DATABASES["default"]
    ) != _normal(database_url):
        raise InvalidInput(
            "database_url", "another database is in use in this process; choose it first of all"
        )
    if not apps.ready:
        import django  # noqa: PLC0415

        django.setup()


def _choose_database(database_url: str | None) -> None:
    """Tell the settings, which read the environment."""
    if database_url is None:
        return
    if database_url.startswith(_POSTGRES_PREFIXES):
        os.environ["PG_CONNECTION_URI"] = database_url
    elif database_url.startswith(SQLITE_PREFIX) and len(database_url) > len(SQLITE_PREFIX):
        os.environ.pop("PG_CONNECTION_URI", None)
        os.environ["TIMESTEP_SQLITE_PATH"] = _normal(database_url).removeprefix(SQLITE_PREFIX)
    else:
        # The value is not shown: it may hold a password.
        raise InvalidInput("database_url", _URL_FORM)


def _normal(database_url: str) -> str:
    if database_url.startswith(SQLITE_PREFIX):
        path = Path(database_url.removeprefix(SQLITE_PREFIX)).expanduser().resolve()
        return f"{SQLITE_PREFIX}{path}"
    return "postgresql://" + database_url.partition("://")[2]


def _launch() -> None:
    with _Process.lock:
        configuration = configured()
        if _Process.program is not None:
            return
        # Here and not above: these import DBOS and the Agents SDK, which take seconds.
        from timestep.library.migrating import migrate_if_due  # noqa: PLC0415
        from timestep.library.program import Program  # noqa: PLC0415
        from timestep.library.scheduling import flush_pending  # noqa: PLC0415

        migrate_if_due()
        flush_pending()
        program = Program(configuration, own_home())
        program.start()
        _Process.program = program


def _clean_up(timeout_seconds: float, *, at_end: bool = False) -> None:
    with _Process.lock:
        program, _Process.program = _Process.program, None
        if program is not None:
            program.stop(timeout_seconds, at_end=at_end)


def _end() -> None:
    """Let what the program queued last be begun, unless a person wants it to end."""
    interrupted = getattr(sys, "last_type", None) is KeyboardInterrupt
    _clean_up(_DRAIN_SECONDS, at_end=not interrupted)


def _outside_event_loops(function: Callable[[], None]) -> None:
    """Call a function that uses the ORM, which refuses to work in a thread with a running loop."""
    if asyncio._get_running_loop() is None:
        function()
        return
    raised: list[BaseException] = []

    def call() -> None:
        try:
            function()
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            raised.append(error)

    thread = threading.Thread(target=call, name="timestep-setup")
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


# When this is imported, not at the launch: that may come from a thread that outlives the main one.
at_exit(_end)
