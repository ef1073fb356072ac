"""From a live session to an id and a description without secrets, and back."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from agents import OpenAIConversationsSession, SessionSettings, SQLiteSession
from agents.extensions.memory import SQLAlchemySession
from agents.memory import Session
from openai import AsyncAzureOpenAI, AsyncOpenAI
from sqlalchemy.engine import make_url

from tests.fake_openai import FakeOpenAI
from timestep.engine.sessions import (
    SessionCannotTravel,
    SessionNotOpened,
    TimestepSession,
    alchemy,
    close_session,
    open_session,
    settle,
    settle_session,
)

KEY = "sk-test-settle"
SECRET_URL = "postgresql+psycopg://ana:hunter2@db.example/chats"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as server:
        yield server


def _alchemy(url: str, **more: Any) -> SQLAlchemySession:
    return SQLAlchemySession.from_url("chat", url=url, **more)


@pytest.mark.parametrize(
    ("session", "settled"),
    [
        (None, (None, None)),
        ("chat", ("chat", None)),
        (TimestepSession("chat"), ("chat", None)),
        (TimestepSession("chat", SessionSettings(limit=3)), ("chat", {"kind": "own", "limit": 3})),
    ],
    ids=["none", "text", "own", "limited"],
)
def test_our_own_ids_stay_as_they_are(session: Session | str | None, settled: Any) -> None:
    assert settle(session) == settled


def test_one_id_in_two_files_or_tables_is_two_sessions(tmp_path: Path) -> None:
    live = [
        SQLiteSession("chat", tmp_path / "a.sqlite3"),
        SQLiteSession("chat", tmp_path / "b.sqlite3"),
        SQLiteSession("chat", tmp_path / "b.sqlite3", messages_table="others"),
        SQLiteSession("chat2", tmp_path / "b.sqlite3"),
    ]
    ids = {settle(session)[0] for session in live}
    assert len(ids) == 4
    assert "chat" not in ids
    limited = SQLiteSession("chat", tmp_path / "a.sqlite3", session_settings={"limit": 2})
    assert settle(limited)[0] == settle(live[0])[0]


def test_a_long_id_fits_and_stays_its_own(tmp_path: Path) -> None:
    long = [SQLiteSession("x" * 300 + end, tmp_path / "a.sqlite3") for end in "ab"]
    ids = [settle(session)[0] or "" for session in long]
    assert len(set(ids)) == 2
    assert all(len(name) <= 200 for name in ids)


async def test_a_file_session_comes_back_as_it_was(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    live = SQLiteSession("chat", "chats.sqlite3", "s", "m", SessionSettings(limit=1))
    await live.add_items([{"role": "user", "content": text} for text in "ab"])
    name, description = settle(live)
    monkeypatch.chdir("/")
    opened = open_session(name or "", json.loads(json.dumps(description)))
    assert [dict(item)["content"] for item in await opened.get_items()] == ["b"]
    await close_session(opened)
    live.close()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SQLiteSession("chat"), r"in memory.*give it a file: SQLiteSession\("),
        (lambda: SubSession("chat", "x.sqlite3"), "SubSession cannot be opened by another process"),
        (lambda: _alchemy(SECRET_URL), "holds a password.*environment variable"),
        (lambda: _alchemy("postgresql+psycopg://db/x?sslpassword=p"), "holds a password"),
    ],
    ids=["memory", "subclass", "password", "parameter"],
)
def test_what_cannot_travel_is_refused_with_the_mend(
    make: Any, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SessionCannotTravel, match=says) as refused:
        settle(make())
    assert "hunter2" not in str(refused.value)


class SubSession(SQLiteSession):
    """A class that no other process need have."""


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHATS_URL", SECRET_URL),
        ("PG_CONNECTION_URI", "postgresql://ana:hunter2@db.example/chats"),
        ("DATABASE_URL", "postgres://ana:hunter2@db.example/chats"),
    ],
)
def test_a_url_with_a_password_is_kept_as_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    name, description = settle(_alchemy(SECRET_URL, create_tables=True))
    assert description is not None
    assert description["url_variable"] == variable
    assert "hunter2" not in json.dumps([name, description])
    opened: Any = open_session(name or "", description)
    assert opened.engine.url.render_as_string(hide_password=False) == SECRET_URL
    monkeypatch.delenv(variable)
    with pytest.raises(SessionNotOpened, match=f"set {variable} in the environment"):
        open_session(name or "", description)


def test_a_url_without_a_secret_is_kept() -> None:
    name, description = settle(_alchemy("postgresql+psycopg://ana@db.example/chats"))
    assert description is not None
    assert description["url"] == "postgresql+psycopg://ana@db.example/chats"
    other = settle(_alchemy("postgresql+psycopg://ana@db.example/others"))[0]
    assert name != other


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///:memory:",
        "sqlite+aiosqlite:///file::memory:?uri=true",
        "sqlite+aiosqlite:///file:x?mode=memory&uri=true",
    ],
)
def test_a_database_in_memory_cannot_travel(url: str) -> None:
    with pytest.raises(SessionCannotTravel, match=r"in memory.*give it a file"):
        alchemy.travelling(make_url(url))


def test_a_relative_file_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = alchemy.travelling(make_url("sqlite+aiosqlite:///x.sqlite3"))
    assert made.database == str(tmp_path / "x.sqlite3")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite+aiosqlite:///x.sqlite3", "pip install 'aiosqlite'"),
        ("postgresql+asyncpg://db/x", "pip install 'asyncpg'"),
        ("sqlite:///x.sqlite3", "use an asynchronous driver"),
        ("nonsense://x", "use an asynchronous driver"),
    ],
)
def test_a_missing_driver_is_named(url: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("aiosqlite", "asyncpg"):
        monkeypatch.setitem(sys.modules, name, None)
    described = settle(_alchemy("postgresql+psycopg://db/x"))[1] or {}
    described |= {"url": url, "driver": url.partition(":")[0]}
    with pytest.raises(SessionNotOpened, match=says):
        open_session("s", described)


def test_a_kind_of_a_later_version_is_named() -> None:
    with pytest.raises(SessionNotOpened, match="kind 'later' is not known"):
        open_session("s", {"kind": "later"})


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    described = settle(SQLiteSession("chat", tmp_path / "a.sqlite3"))[1] or {}
    with pytest.raises(SessionNotOpened, match="no-such-directory"):
        open_session("s", described | {"path": str(tmp_path / "no-such-directory" / "a")})


async def test_a_conversation_is_made_once_and_kept_by_its_id(fake: FakeOpenAI) -> None:
    async with AsyncOpenAI(api_key=KEY, base_url=fake.url) as client:
        live = OpenAIConversationsSession(openai_client=client)
        first, again = await asyncio.gather(settle_session(live), settle_session(live))
    assert first == again
    assert first[1] is not None
    assert list(fake.conversations.items) == [first[1]["id"]] == [live.session_id]
    assert first[1]["key_variable"] == "OPENAI_API_KEY"
    assert KEY not in json.dumps(first)


async def test_a_conversation_is_settled_from_plain_threads_too(fake: FakeOpenAI) -> None:
    live = OpenAIConversationsSession(openai_client=AsyncOpenAI(api_key=KEY, base_url=fake.url))
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(8) as pool:
        ids = await asyncio.gather(*(loop.run_in_executor(pool, settle, live) for _ in range(8)))
    assert len({name for name, _ in ids}) == len(fake.conversations.items) == 1


@pytest.mark.parametrize(
    ("client", "says"),
    [
        (lambda: AsyncOpenAI(api_key="sk-other"), "is in no environment variable.*OPENAI_API_KEY"),
        (lambda: AsyncOpenAI(base_url="http://a:b@x/v1"), "base URL.* holds a password"),
        (
            lambda: AsyncAzureOpenAI(azure_endpoint="http://x", api_version="1", api_key=KEY),
            "client is a AsyncAzureOpenAI",
        ),
    ],
    ids=["key", "url", "azure"],
)
def test_a_client_that_cannot_travel_is_refused(client: Any, says: str) -> None:
    session = OpenAIConversationsSession(conversation_id="conv_1", openai_client=client())
    with pytest.raises(SessionCannotTravel, match=says):
        settle(session)


def test_a_conversation_opens_only_where_its_key_is(monkeypatch: pytest.MonkeyPatch) -> None:
    name, description = settle(OpenAIConversationsSession(conversation_id="conv_1"))
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(SessionNotOpened, match="set OPENAI_API_KEY in the environment"):
        open_session(name or "", description)
