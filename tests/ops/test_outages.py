"""While the database is away: a page that says so, one line in the log, and all is well again."""

from __future__ import annotations

import http.client
import json
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit
from urllib.request import HTTPCookieProcessor, build_opener

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.db import InternalError, OperationalError, ProgrammingError
from django.test import Client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.stack import Stack
from timestep.outages import Outage, is_outage, outage, reason
from timestep_site.log_filters import Outages

REFUSED = 'connection failed: connection to server at "db", port 5432 failed\n\tIs it running?'


def wrapped(cause: BaseException, kind: type[Exception] = OperationalError) -> Exception:
    """As Django raises what a driver raised."""
    error = kind(*cause.args)
    error.__cause__ = cause
    return error


AWAY = [
    wrapped(psycopg.OperationalError(REFUSED)),
    wrapped(psycopg.InterfaceError("the connection is closed")),
    wrapped(psycopg.errors.AdminShutdown("terminating connection")),
    wrapped(psycopg.errors.CannotConnectNow("the database system is starting up")),
    wrapped(psycopg.errors.TooManyConnections("sorry, too many clients already")),
    wrapped(sqlite3.OperationalError("database is locked")),
]
FULL = [
    wrapped(sqlite3.OperationalError("database or disk is full")),
    wrapped(psycopg.errors.DiskFull('could not extend file "base/1/2": No space left on device')),
]
READ_ONLY = [
    wrapped(sqlite3.OperationalError("attempt to write a readonly database")),
    wrapped(psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT"), InternalError),
]
MISTAKES = [
    wrapped(psycopg.errors.UndefinedTable("relation does not exist"), ProgrammingError),
    wrapped(psycopg.errors.DeadlockDetected("deadlock detected")),
    wrapped(sqlite3.OperationalError("no such table: timestep_run")),
    ValidationError("no"),
    OperationalError("without a cause"),
]


@pytest.mark.parametrize("error", AWAY, ids=str)
def test_what_says_that_the_database_is_away(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize("error", FULL, ids=str)
def test_a_full_disk_is_called_by_its_name(error: Exception) -> None:
    assert outage(error) is Outage.FULL
    record = _record(error)
    assert Outages().filter(record)
    assert record.getMessage().startswith("the disk is full, trying again: ")


@pytest.mark.parametrize("error", READ_ONLY, ids=str)
def test_so_is_one_that_takes_no_writes(error: Exception) -> None:
    assert outage(error) is Outage.READ_ONLY


@pytest.mark.parametrize("error", [*FULL, *READ_ONLY], ids=str)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_page_says_what_is_wrong_with_the_disk(
    monkeypatch: pytest.MonkeyPatch, method: str, error: Exception
) -> None:
    _break_home(monkeypatch, error)
    answer = getattr(Client(raise_request_exception=False), method)("/accounts/login/")
    html = answer.content.decode()
    assert answer.status_code == 503
    said = {"FULL": "The disk is full", "READ_ONLY": "The database cannot be written to"}
    found = outage(error)
    assert found is not None
    assert said[found.name] in html
    assert found.mend in html
    assert ("nothing was changed" in html) is (method == "post" and found is Outage.FULL)


@pytest.mark.parametrize("error", [*MISTAKES, None], ids=str)
def test_what_does_not(error: Exception | None) -> None:
    assert not is_outage(error)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (REFUSED, REFUSED.partition("\n")[0]),
        ("bad postgresql://ana:s3cret@db/x", "bad postgresql://…@db/x"),
        ("bad password=s3cret host=db", "bad password=… host=db"),
        ("", "OperationalError"),
        ("x" * 1000, "x" * 200),
    ],
)
def test_the_reason_is_one_line_without_a_password(said: str, shown: str) -> None:
    assert reason(OperationalError(said)) == shown


def _record(*args: Any, error: BaseException | None = None) -> logging.LogRecord:
    told = (type(error), error, None) if error else None
    return logging.LogRecord("x", logging.ERROR, "f", 1, "it said %s", args, told)


def test_one_line_stands_for_all_for_a_while() -> None:
    outages = Outages(seconds=0.05)
    first = _record(error=AWAY[0])
    assert outages.filter(first)
    assert first.getMessage().startswith("the database does not answer, trying again: connection")
    assert "\n" not in logging.Formatter().format(first)
    assert not outages.filter(_record(AWAY[1]))
    assert outages.filter(_record("another matter"))
    assert outages.filter(_record(error=MISTAKES[0]))
    time.sleep(0.06)
    assert outages.filter(_record(AWAY[1]))


@pytest.mark.parametrize(("method", "reloads"), [("get", True), ("post", False)])
def test_a_page_says_it_and_reloads_by_itself(
    monkeypatch: pytest.MonkeyPatch, method: str, reloads: bool
) -> None:
    _break_home(monkeypatch, AWAY[0])
    answer = getattr(Client(raise_request_exception=False), method)("/accounts/login/")
    html = answer.content.decode()
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "no-store" in answer["Cache-Control"]
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert "The database does not answer" in html
    assert ('http-equiv="refresh" content="5"' in html) is reloads
    assert "port 5432" not in html


def test_a_mistake_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    _break_home(monkeypatch, MISTAKES[0])
    answer = Client(raise_request_exception=False).get("/accounts/login/")
    assert answer.status_code == 500
    assert b"Something broke" in answer.content


def _break_home(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("django.contrib.auth.views.LoginView.dispatch", fail)


@contextmanager
def _away(uri: str) -> Iterator[None]:
    """No session is left, and none is let in: what a stopped server looks like from outside."""
    name = urlsplit(uri).path.strip("/")
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    with psycopg.connect(
        urlunsplit(urlsplit(uri)._replace(path="/postgres")), autocommit=True
    ) as c:
        c.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        c.execute(end, [name])
        try:
            yield
        finally:
            c.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def _with_cookie(stack: Stack) -> tuple[int, str]:
    """What a page answers that has to look who asks."""
    asking = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=15)
    try:
        asking.request("GET", "/", headers={"Cookie": f"sessionid={'a' * 32}"})
        answer = asking.getresponse()
        return answer.status, answer.read().decode()
    finally:
        asking.close()


def _signed_in(stack: Stack) -> str:
    """The cookies of somebody who has signed in."""
    jar = CookieJar()
    browser = build_opener(HTTPCookieProcessor(jar))
    browser.open(f"{stack.url}/accounts/login/").close()
    token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
    form = {"username": "admin", "password": "correct-horse", "csrfmiddlewaretoken": token}
    browser.open(f"{stack.url}/accounts/login/", urlencode(form).encode()).close()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


@pytest.mark.postgres_only
def test_an_open_socket_goes_on_or_can_come_back(stack: Stack) -> None:
    stack.start_all()
    assert stack.postgres_uri
    asked = {"Cookie": _signed_in(stack)}
    address = f"ws{stack.url.removeprefix('http')}/ws/runs/?format=json"
    with connect(address, additional_headers=asked) as before:
        with _away(stack.postgres_uri):
            time.sleep(3)
            with pytest.raises(InvalidStatus, match="503"):
                connect(address, additional_headers=asked)
        stack.wait_ready(timeout=10)
        with connect(address, additional_headers=asked) as after:
            stack.manage("launch", "concierge", "--input", "Hello", "--run-id", "later")
            for socket in (before, after):
                assert json.loads(socket.recv(timeout=10))["run_id"] == "later"


@pytest.mark.postgres_only
def test_all_is_well_again_by_itself(stack: Stack) -> None:
    stack.start_all()
    assert stack.postgres_uri
    with _away(stack.postgres_uri):
        before = len(stack.log("up"))
        status, html = _with_cookie(stack)
        assert (status, stack.get("/healthz")[0], stack.get("/readyz")[0]) == (503, 200, 503)
        assert "The database does not answer" in html
        time.sleep(6)
    stack.wait_ready(timeout=10)
    assert _with_cookie(stack)[0] == 302
    said = stack.log("up")[before:]
    assert "Traceback" not in said
    # Two processes, each at most every five seconds; and no line that begins in the middle.
    assert 1 <= said.count("the database does not answer") <= 5
    assert all(" | " in line for line in said.splitlines())
