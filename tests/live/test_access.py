"""Who is let in, who is not, and who is put out later."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from pytest_django.fixtures import Settings

from tests.live.client import Socket
from tests.live.conftest import Later, Open
from workflows.live.access import require_own_origin
from workflows.live.sockets import LiveApplication
from workflows.live.viewers import Refused

RUN = "/ws/runs/run-1/?format=json"


async def _refusal(app: LiveApplication, path: str, **options: Any) -> tuple[int, str] | None:
    socket = Socket(app, path, **options)
    await socket.task
    assert not socket.accepted
    return socket.closed


@pytest.mark.parametrize("path", [RUN, "/ws/runs/", "/ws/runs/no-such-run/", "/ws/runs/x/?after=y"])
@pytest.mark.parametrize("key", ["", "forged", "../../etc/passwd", "x" * 5000])
async def test_signed_out_is_refused_whatever_is_asked(
    run_id: str, app: LiveApplication, path: str, key: str
) -> None:
    assert await _refusal(app, path, cookie=key) == (4401, "sign in first")


async def test_a_deactivated_person_is_refused(
    run_id: str, app: LiveApplication, cookie: str, ana: User, in_thread: Later
) -> None:
    await in_thread(User.objects.filter(pk=ana.pk).update, is_active=False)
    assert await _refusal(app, RUN, cookie=cookie) == (4401, "sign in first")


@pytest.mark.parametrize("path", ["/ws/runs/other/", "/ws/runs/a%20b/", "/ws/", "/ws/runs/a/b/"])
async def test_an_unknown_run_or_address_is_refused(
    run_id: str, app: LiveApplication, cookie: str, path: str
) -> None:
    assert await _refusal(app, path, cookie=cookie) == (4404, "no such run")


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "1e3", "٣", "9" * 19, "9" * 5000, "%20"])
async def test_a_cursor_that_is_none_is_refused(
    run_id: str, app: LiveApplication, cookie: str, after: str
) -> None:
    closed = await _refusal(app, f"{RUN}&after={after}", cookie=cookie)
    assert closed == (4400, "after: must be the seq of an event: a whole number from 0")


async def test_an_unknown_format_is_refused(run_id: str, app: LiveApplication, cookie: str) -> None:
    closed = await _refusal(app, "/ws/runs/?format=xml", cookie=cookie)
    assert closed == (4400, "format: must be html or json")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example", "null", "http://localhost:8001", "http://localhost",
        "http://localhost.evil.example:8000", "file://localhost:8000", "localhost:8000",
        "https://localhost:8000", "http://timestep.example", "https://eu.timestep.example",
    ],
)  # fmt: skip
async def test_foreign_origins_are_refused(
    run_id: str, app: LiveApplication, cookie: str, settings: Settings, origin: str
) -> None:
    settings.TIMESTEP_PUBLIC_URL = "https://timestep.example"
    closed = await _refusal(app, RUN, cookie=cookie, origin=origin)
    assert closed == (4403, "pages of other sites may not connect")


async def test_an_unknown_host_is_refused(run_id: str, app: LiveApplication, cookie: str) -> None:
    closed = await _refusal(app, RUN, cookie=cookie, host="rebound.example")
    assert closed == (4403, "pages of other sites may not connect")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8000", "localhost:8000"),
        ("http://LOCALHOST", "localhost:80"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("https://timestep.example", "127.0.0.1:8000"),
        ("", "localhost"),
    ],
)
async def test_own_origins_are_let_in(
    run_id: str, open_socket: Open, settings: Settings, origin: str, host: str
) -> None:
    settings.TIMESTEP_PUBLIC_URL = "https://timestep.example"
    socket = await open_socket(RUN, origin=origin, host=host)
    assert socket.accepted


def _handshake(**headers: str) -> dict[str, Any]:
    given = {"host": "localhost:8000"} | headers
    pairs = [(name.replace("_", "-").encode(), text.encode()) for name, text in given.items()]
    return {"headers": pairs}


@pytest.mark.parametrize(
    ("origin", "said"), [("https://localhost:8000", "https"), ("http://localhost:8000", "http")]
)
def test_a_trusted_proxy_says_the_scheme(settings: Settings, origin: str, said: str) -> None:
    settings.TIMESTEP_TRUSTED_PROXY = True
    require_own_origin(_handshake(origin=origin, x_forwarded_proto=said))
    other = {"https": "http", "http": "https"}[said]
    with pytest.raises(Refused):
        require_own_origin(_handshake(origin=origin, x_forwarded_proto=other))


def test_nobody_else_says_the_scheme() -> None:
    with pytest.raises(Refused):
        require_own_origin(_handshake(origin="https://localhost:8000", x_forwarded_proto="https"))


async def test_signing_out_closes_what_is_open(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    sockets = [await open_socket(RUN), await open_socket("/ws/runs/")]
    await in_thread(Session.objects.all().delete)
    for socket in sockets:
        await socket.until(partial(getattr, socket, "closed"))
        assert socket.closed == (4401, "sign in first")


async def test_who_stays_signed_in_stays_connected(
    run_id: str, open_socket: Open, ana: User, in_thread: Later
) -> None:
    socket = await open_socket(RUN)
    with pytest.raises(TimeoutError):
        await socket.until(lambda: socket.closed, seconds=0.5)


async def test_a_changed_password_closes_what_is_open(
    run_id: str, open_socket: Open, ana: User, in_thread: Later
) -> None:
    socket = await open_socket(RUN)
    ana.set_password("new")
    await in_thread(ana.save)
    await socket.until(lambda: socket.closed)
    assert socket.closed == (4401, "sign in first")
