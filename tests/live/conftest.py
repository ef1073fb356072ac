"""Fixtures of the live tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.access.people import person
from tests.live.client import Socket
from tests.live.scribe import in_own_connection, make_run
from workflows.live.sockets import LiveApplication
from workflows.live.viewers import Limits

Open = Callable[..., Awaitable[Socket]]
Later = Callable[..., Awaitable[Any]]


@pytest.fixture
def run_id(transactional_db: None) -> str:
    """A run without events."""
    return make_run().pk


@pytest.fixture
def ana(transactional_db: None) -> User:
    """Somebody who may look, and no more."""
    return person("ana", "timestep.view_run")


@pytest.fixture
def cookie(ana: User) -> str:
    """Ana's session."""
    client = Client()
    client.force_login(ana)
    return client.cookies["sessionid"].value


@pytest.fixture
def app() -> Iterator[LiveApplication]:
    """The application, with limits that a test can reach; its threads end with the test."""
    limits = Limits(waiting_bytes=20_000, waiting_batches=50, send_seconds=5)
    made = LiveApplication(limits, session_check_seconds=0.1)
    yield made
    made.close()


@pytest.fixture
async def open_socket(app: LiveApplication, cookie: str) -> AsyncIterator[Open]:
    """Opens sockets that are signed in, and closes them after the test."""
    opened: list[Socket] = []

    async def open_one(path: str, **options: Any) -> Socket:
        socket = Socket(app, path, **({"cookie": cookie} | options))
        opened.append(socket)
        await socket.until(lambda: socket.accepted or socket.closed)
        return socket

    yield open_one
    await asyncio.gather(*(socket.leave() for socket in opened))


@pytest.fixture
def in_thread() -> Later:
    """Runs what uses the database away from the event loop."""

    async def run(function: Any, *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(in_own_connection, function, *args, **kwargs)

    return run
