"""Sessions of every kind, each on a real backend, and processes that die while they change one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from agents import OpenAIConversationsSession, SQLiteSession
from agents.extensions.memory import SQLAlchemySession
from agents.memory import Session
from openai import AsyncOpenAI

from tests.fake_openai import FakeOpenAI
from tests.stack import asynchronous_url
from timestep.engine.durable_session import DurableSession, session_of
from timestep.engine.execution import Scope, current_scope
from timestep.engine.sessions import TimestepSession, settle
from timestep.engine.step_ids import StepIds

KEY = "sk-test-sessions"


class Died(BaseException):
    """The process is gone: nothing after this line happens."""


class Reservation:
    """A step of DBOS: its body runs, and its result is recorded unless the process dies."""

    def __init__(self, step_id: int, die_after: bool) -> None:
        self.step_id = step_id
        self._die_after = die_after

    async def run_async(self, _options: Any, body: Callable[[], Awaitable[Any]]) -> Any:
        recorded = await body()
        if self._die_after:
            raise Died
        return recorded


class Steps(StepIds):
    """The same ids in every execution; the process dies after the first step if told so."""

    def __init__(self, die_after: bool) -> None:
        super().__init__()
        self._taken, self._die_after = 0, die_after

    def take(self) -> Any:
        self._taken += 1
        return Reservation(self._taken, self._die_after)


@asynccontextmanager
async def executing(run_id: str, *, epoch: int = 1, die_after: bool = False) -> AsyncIterator[Any]:
    """An execution of the run's first segment; what it takes are its first steps again."""
    says = {"step_name": lambda n: f"0.{n}", "fail": _fail, "lose": _lose, "keep_lease": _kept}
    execution = SimpleNamespace(run_id=run_id, epoch=epoch, **says)
    token = current_scope.set(Scope(execution, Steps(die_after)))  # type: ignore[arg-type]
    try:
        yield execution
    finally:
        current_scope.reset(token)


async def _fail(what: str, step_id: int, error: BaseException) -> None:
    raise RunFailed(f"{what}: {error}")


async def _lose() -> None:
    raise Lost


async def _kept() -> None:
    """The lease was renewed a moment ago."""


class RunFailed(Exception):
    """The run failed because of a step."""


class Lost(Exception):
    """The execution noticed that another worker has the run."""


class Place:
    """A session somewhere: its id and description, and what is really in it."""

    def __init__(self, session: Session | str) -> None:
        self.session_id, self.description = settle(session)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[DurableSession]:
        """The session as an execution has it."""
        async with session_of(self.session_id, self.description) as session:
            assert session is not None
            yield session

    async def texts(self) -> list[str]:
        """The texts in it, in order."""
        async with self.opened() as session:
            return [text_of(item) for item in await session.session.get_items(10_000)]


def text_of(item: Any) -> str:
    """An item's text, whatever the backend made of it."""
    content = item["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


@asynccontextmanager
async def place(
    kind: str, tmp_path: Path, uri: str | None, patch: pytest.MonkeyPatch
) -> AsyncIterator[Place]:
    """A fresh session of a kind."""
    patch.setenv("OPENAI_API_KEY", KEY)
    if kind == "own":
        yield Place(TimestepSession("chat"))
    elif kind == "sqlite":
        yield Place(SQLiteSession("chat", tmp_path / "chats.sqlite3"))
    elif kind == "sqlalchemy":
        url = asynchronous_url(uri, tmp_path / "alchemy.sqlite3")
        patch.setenv("CHATS_URL", url)
        live = SQLAlchemySession.from_url("chat", url=url, create_tables=True)
        yield Place(live)
        await live.clear_session()
        await live.engine.dispose()
    else:
        async with FakeOpenAI() as fake, conversation(fake) as made:
            yield made


@asynccontextmanager
async def conversation(fake: FakeOpenAI) -> AsyncIterator[Place]:
    """A fresh conversation at the double."""
    async with AsyncOpenAI(api_key=KEY, base_url=fake.url) as client:
        live = OpenAIConversationsSession(openai_client=client)
        await live.get_items()
        yield Place(live)
