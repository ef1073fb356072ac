"""Readers of the environment that the settings are made of.

A value that cannot be used raises `BadSetting` with one line that names the variable and the mend;
values that are fine alone and wrong together are system checks (`workflows/checks.py`).
Every variable is described in docs/settings.md.
"""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from timestep import private
from timestep.zones import fault_of

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
# How the URL reaches the process that migrates DBOS's tables; people never set it.
ENGINE_URL_VARIABLE = "TIMESTEP_ENGINE_DATABASE_URL"
MAX_DRAIN_SECONDS = 24 * 3600
SQLITE_ENGINE = "timestep.sqlite"
# Ours, and Django's own: a project that has Timestep among its apps may use that.
SQLITE_ENGINES = (SQLITE_ENGINE, "django.db.backends.sqlite3")
# DBOS and we use RETURNING.
OLDEST_SQLITE = (3, 35, 0)
SOURCE_TREE = Path(__file__).resolve().parent.parent


class BadSetting(ImproperlyConfigured):
    """An environment variable has a value that cannot be used."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")
        self.name = name


def text(name: str, default: str = "") -> str:
    """The variable's value without surrounding space; an empty one counts as not set."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool = False) -> bool:
    """A yes or no."""
    word = text(name).lower()
    if not word:
        return default
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise BadSetting(name, f"is {word!r}; set it to 1 or 0")
    return word in TRUE_WORDS


def words(name: str) -> list[str]:
    """Words with commas between them."""
    return [part.strip() for part in text(name).split(",") if part.strip()]


def home() -> Path:
    """The directory of all state: `TIMESTEP_HOME`, else `.timestep`.

    The default lies in the source tree, where there is one, so that every command finds the same
    state from whatever directory it is started; an installed package uses the working directory.
    """
    if named := text("TIMESTEP_HOME"):
        return Path(named).expanduser().resolve()
    beside = SOURCE_TREE if (SOURCE_TREE / "manage.py").is_file() else Path.cwd()
    return beside / ".timestep"


def secret_key(directory: Path) -> str:
    """`TIMESTEP_SECRET_KEY`, else the key kept in the home, made at first use."""
    if key := text("TIMESTEP_SECRET_KEY"):
        return key
    path = directory / "secret_key"
    try:
        return _kept_key(path) or _new_key(path)
    except OSError as error:
        raise BadSetting(
            "TIMESTEP_HOME",
            f"({directory}) cannot be used: {error.strerror}; {_mend_of_home(error)}",
        ) from error


def _mend_of_home(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "make room on its disk"
    return "make it a directory that this user may write to, or set TIMESTEP_HOME to one"


def _kept_key(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _new_key(path: Path) -> str:
    """Write a new key beside the final name first, so that no process ever reads half of one."""
    private.make_directory(path.parent)
    draft = path.with_name(f"secret_key.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(64))
        if path.exists() and not _kept_key(path):
            path.unlink()
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its key is the one
    finally:
        draft.unlink()
    return path.read_text().strip()


def postgres_uri() -> str | None:
    """`PG_CONNECTION_URI`, or None when everything is on SQLite."""
    return text("PG_CONNECTION_URI") or None


def sqlite_path(directory: Path) -> Path:
    """The one SQLite file of Django and DBOS: `TIMESTEP_SQLITE_PATH`, else one in the home."""
    if named := text("TIMESTEP_SQLITE_PATH"):
        return Path(named).expanduser().resolve()
    return directory / "timestep.sqlite3"


def database(directory: Path) -> dict[str, Any]:
    """Django's database settings: Postgres when `PG_CONNECTION_URI` is set, else SQLite."""
    uri = postgres_uri()
    if uri is None:
        _require_new_enough_sqlite()
        return {
            "ENGINE": SQLITE_ENGINE,
            "NAME": sqlite_path(directory),
            # IMMEDIATE takes the write lock at BEGIN, where the busy timeout applies; a deferred
            # transaction that upgrades later fails at once with "database is locked".
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL;",
            },
        }
    parts = _postgres_parts(uri)
    names = {
        "dbname": "NAME",
        "user": "USER",
        "password": "PASSWORD",
        "host": "HOST",
        "port": "PORT",
    }
    settings = {target: str(parts.pop(source, "")) for source, target in names.items()}
    # A server that does not answer must not hold a process for minutes without a word.
    parts.setdefault("connect_timeout", "10")
    return {"ENGINE": "timestep.postgres", **settings, "OPTIONS": parts}


def _require_new_enough_sqlite() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE[:2]))
        raise BadSetting(
            "PG_CONNECTION_URI",
            f"is not set, and the SQLite {sqlite3.sqlite_version} of this Python is too old: use "
            f"a Python with SQLite {oldest} or later, or set PG_CONNECTION_URI to use Postgres",
        )


def _postgres_parts(uri: str) -> dict[str, Any]:
    """The parts of the URI by libpq's names. Its text is never shown: it may hold a password."""
    # Imported here: on SQLite no process needs the driver, and it costs 50 ms.
    from psycopg import ProgrammingError  # noqa: PLC0415
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    form = "write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE (special characters as %XX)"
    if not uri.startswith(("postgresql://", "postgres://")):
        raise BadSetting("PG_CONNECTION_URI", f"does not begin with postgresql://; {form}")
    try:
        parts: dict[str, Any] = dict(conninfo_to_dict(uri))
    except ProgrammingError:
        # The driver's message quotes the URI, and so the password.
        raise BadSetting("PG_CONNECTION_URI", f"cannot be read as a URI; {form}") from None
    if not parts.get("dbname"):
        raise BadSetting("PG_CONNECTION_URI", f"names no database; {form}")
    return parts


def engine_database_url(settings: Mapping[str, Any]) -> str:
    """The same database as Django's, as the URL that DBOS takes (it holds the password)."""
    if settings["ENGINE"] in SQLITE_ENGINES:
        return f"sqlite:///{settings['NAME']}"
    uri = postgres_uri()
    if uri is None:
        raise BadSetting("PG_CONNECTION_URI", "is not set, and Django's database is on Postgres")
    return "postgresql://" + uri.partition("://")[2]


def tool_modules() -> list[str]:
    """The modules named in `TIMESTEP_TOOLS` (comma-separated), after the demo tools."""
    return _modules("TIMESTEP_TOOLS")


def code_modules() -> list[str]:
    """The modules and packages named in `TIMESTEP_CODE`, whose code agents may refer to."""
    return _modules("TIMESTEP_CODE")


def mcp_servers() -> list[str]:
    """The commands and URLs named in `TIMESTEP_MCP`, of MCP servers that agents may use."""
    return words("TIMESTEP_MCP")


def _modules(name: str) -> list[str]:
    named = words(name)
    for module in named:
        if not all(part.isidentifier() for part in module.split(".")):
            raise BadSetting(name, f"names {module!r}, which is no module; write package.module")
    return named


def drain_seconds() -> float:
    """How long a worker that stops lets its runs go on: `TIMESTEP_DRAIN_SECONDS`, else a minute.

    What has not ended by then is taken over by another worker.
    """
    given = text("TIMESTEP_DRAIN_SECONDS", "60")
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_DRAIN_SECONDS:
        problem = f"is {given!r}; set it to seconds from 0 to {MAX_DRAIN_SECONDS}"
        raise BadSetting("TIMESTEP_DRAIN_SECONDS", problem)
    return seconds


def time_zone() -> str:
    """The zone in which every page shows times: `TIMESTEP_TIME_ZONE`, else UTC."""
    name = text("TIMESTEP_TIME_ZONE", "UTC")
    fault = fault_of(name)
    if fault is not None:
        raise BadSetting("TIMESTEP_TIME_ZONE", f"is refused: {fault}")
    return name


@dataclass(frozen=True)
class PublicUrl:
    """Where people reach the site: scheme and host decide cookies, links and origins."""

    scheme: str
    host: str
    origin: str

    @property
    def secure(self) -> bool:
        """Whether people reach the site over TLS."""
        return self.scheme == "https"


def public_url() -> PublicUrl | None:
    """`TIMESTEP_PUBLIC_URL` in parts, or None where it is not set."""
    name = "TIMESTEP_PUBLIC_URL"
    value = text(name)
    if not value:
        return None
    parts = _split(name, value, "write it as https://timestep.example.com")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadSetting(name, f"is {value!r}; write it as https://timestep.example.com")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise BadSetting(name, f"is {value!r}; it takes a scheme, a host and a port, nothing more")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    return PublicUrl(parts.scheme, host, f"{parts.scheme}://{host}{port}")


def _split(name: str, value: str, mend: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port  # reading it is what checks it
    except ValueError as error:
        raise BadSetting(name, f"is no URL ({error}); {mend}") from error
    return parts


def email() -> dict[str, Any]:
    """Django's e-mail settings from `TIMESTEP_EMAIL_URL`; without it, letters go to the log."""
    name = "TIMESTEP_EMAIL_URL"
    sender = {"DEFAULT_FROM_EMAIL": text("TIMESTEP_EMAIL_FROM", "timestep@localhost")}
    value = text(name)
    if not value:
        return sender | {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    mend = "write it as smtp://USER:PASSWORD@HOST:PORT (STARTTLS), smtps://… or smtp+plain://…"
    parts = _split(name, value, mend)
    if parts.scheme not in ("smtp", "smtps", "smtp+plain") or not parts.hostname:
        raise BadSetting(name, f"is not usable; {mend}")
    return sender | {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or {"smtp": 587, "smtps": 465, "smtp+plain": 25}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 20,
    }
