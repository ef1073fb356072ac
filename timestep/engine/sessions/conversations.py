"""`OpenAIConversationsSession`: a conversation at OpenAI, or at what speaks its protocol."""

from __future__ import annotations

import threading
from typing import Any

from agents import OpenAIConversationsSession
from agents.memory import Session
from openai import AsyncOpenAI, OpenAI

from timestep.engine.sessions.errors import SessionCannotTravel
from timestep.engine.sessions.files import limit_of, settings_of
from timestep.engine.sessions.variables import value_of, variable_where

KIND = "openai"
KEY_VARIABLE = "OPENAI_API_KEY"
_CONNECT_AND_READ_SECONDS = 60.0
# So that two threads never make two conversations for one session.
_creating = threading.Lock()


def described(session: OpenAIConversationsSession) -> dict[str, Any]:
    """The session as JSON, with a conversation made for it where it has none.

    Raises:
        SessionCannotTravel: Its client is of another kind, or its key is in no variable.
    """
    client = session._openai_client
    place = _place(client)
    with _creating:
        try:
            conversation = session.session_id
        except ValueError:  # The SDK's way to say that there is none yet.
            conversation = _created(client)
            session.session_id = conversation
    return {"kind": KIND, "id": conversation, "limit": limit_of(session)} | place


def opened(description: dict[str, Any]) -> OpenAIConversationsSession:
    """The session of a description.

    Raises:
        SessionNotOpened: The variable with the key is not set here.
    """
    client = AsyncOpenAI(
        api_key=value_of(description["key_variable"], "the key of the conversation"),
        base_url=description["base_url"],
        organization=description["organization"],
        project=description["project"],
        # A write whose answer was lost must not be repeated blindly: we look first.
        max_retries=0,
        timeout=_CONNECT_AND_READ_SECONDS,
    )
    return OpenAIConversationsSession(
        conversation_id=description["id"],
        openai_client=client,
        session_settings=settings_of(description),
    )


async def closed(session: Session) -> None:
    """Close the session's client, if it is of this kind."""
    if isinstance(session, OpenAIConversationsSession):
        await session._openai_client.close()


def _place(client: AsyncOpenAI) -> dict[str, Any]:
    """Where the conversation is, and which variable holds the key to it."""
    if type(client) is not AsyncOpenAI:
        raise SessionCannotTravel(
            f"the conversation's client is a {type(client).__name__}, which other processes "
            "cannot make",
            "use an AsyncOpenAI client",
        )
    if client.base_url.userinfo:
        raise SessionCannotTravel(
            "the base URL of the conversation's client holds a password, and secrets are not "
            "stored",
            "give the client a key instead",
        )
    variable = variable_where(lambda value: value.strip() == client.api_key, KEY_VARIABLE)
    if not client.api_key or variable is None:
        raise SessionCannotTravel(
            "the key of the conversation's client is in no environment variable, and secrets are "
            "not stored",
            f"set {KEY_VARIABLE}, here and for the workers, and make the client from it",
        )
    return {
        "base_url": str(client.base_url),
        "organization": client.organization,
        "project": client.project,
        "key_variable": variable,
    }


def _created(client: AsyncOpenAI) -> str:
    """A new conversation, made by a client of its own: the session's belongs to an event loop."""
    made = OpenAI(
        api_key=client.api_key,
        base_url=client.base_url,
        organization=client.organization,
        project=client.project,
        timeout=_CONNECT_AND_READ_SECONDS,
    )
    with made:
        conversation: str = made.conversations.create(items=[]).id
        return conversation
