"""Workers that die by SIGKILL between a session's write and its checkpoint."""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path
from typing import Any

import pytest
from agents import OpenAIConversationsSession, SQLiteSession
from agents.extensions.memory import SQLAlchemySession
from openai import AsyncOpenAI

from tests import warm
from tests.campaign.double import call, script
from tests.campaign.installation import KEY, Installation, agent
from tests.stack import ROOT, asynchronous_url
from timestep.engine.sessions import TimestepSession, close_session, open_session, settle

TYPES = [None, "function_call", "function_call_output", "message"]


def _live(kind: str, engine: Installation, patch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    name = f"kill-{secrets.token_hex(4)}"
    if kind == "own":
        return TimestepSession(name)
    if kind == "sqlite":
        return SQLiteSession(name, tmp_path / "chats.sqlite3")
    if kind == "sqlalchemy":
        url = asynchronous_url(engine.stack.postgres_uri, tmp_path / "alchemy.sqlite3")
        return SQLAlchemySession.from_url(name, url=url, create_tables=True)
    patch.setenv("OPENAI_API_KEY", KEY)
    client = AsyncOpenAI(api_key=KEY, base_url=engine.double.url)
    return OpenAIConversationsSession(openai_client=client)


async def _items(session_id: str | None, description: Any) -> list[Any]:
    session = open_session(session_id or "", description)
    try:
        return list(map(dict, await session.get_items()))
    finally:
        await close_session(session)


@pytest.mark.parametrize("kind", ["own", "sqlite", "sqlalchemy", "openai"])
def test_a_write_that_its_worker_did_not_survive_is_there_once(
    engine: Installation,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session_id, description = settle(_live(kind, engine, monkeypatch, tmp_path))
    text = f"dies {kind} {secrets.token_hex(4)}"
    engine.double.says(
        script(text, {"calls": [call("fetch", tag="a", seconds=0)]}, {"text": "all done"})
    )
    engine.kill()
    run = engine.launch(
        [agent("keeper", tools=["fetch"])], text, session_id=session_id, session_spec=description
    )
    said = tmp_path / "dying.log"
    with said.open("w") as log, Path(os.devnull).open() as nothing:
        words = ["-m", "tests.engine.sessions.dying_worker", "2"]
        files = (nothing.fileno(), log.fileno(), log.fileno())
        dying = warm.start(words, engine.stack.environment, files, cwd=ROOT)
    assert dying.wait(60) == -9, said.read_text()
    engine.ready()
    assert engine.wait(run, "succeeded", within=60).final_output == "all done"
    items = asyncio.run(_items(session_id, description))
    assert [item.get("type") or None for item in items] in (TYPES, ["message", *TYPES[1:]])
