"""Every address of the site, for everybody: one that is not in the matrix fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.access.matrix import HTTP, PEOPLE, SOCKETS, Row
from tests.access.objects import AGENT, Objects, make_objects
from tests.access.people import anew, person
from workflows.live.sockets import ROUTES, admit
from workflows.live.viewers import Refused

pytestmark = pytest.mark.django_db


def _routes(patterns: Sequence[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for one in patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _routes(one.url_patterns, route)
        else:
            yield route


def test_every_address_is_in_the_matrix_and_no_other() -> None:
    assert set(_routes(get_resolver().url_patterns)) == set(HTTP)


def test_every_socket_is_in_the_matrix_and_no_other() -> None:
    assert {route.path for route in ROUTES} == set(SOCKETS)


def _user(who: str) -> User | None:
    if who == "anonymous":
        return None
    if who == "superuser":
        return User.objects.create_superuser(who)
    user = person(who, staff=who in ("clerk", "administrator"))
    role = {"nobody": "", "clerk": "viewer"}.get(who, who)
    user.groups.set(Group.objects.filter(name=role))
    return anew(user)


def _address(route: str, row: Row, objects: Objects, *, own: bool) -> str:
    run, asked = (
        (objects.mine, objects.my_request) if own else (objects.theirs, objects.their_request)
    )
    model = "/".join(route.split("/")[1:3])
    named = {
        "<str:run_id>": run.pk,
        "<run_id>": run.pk,
        "<str:approval_id>": asked.pk,
        "<slug:slug>": AGENT,
        "<path:object_id>": objects.keys.get(model),
        "<id>": objects.keys["auth/user"],
        "<slug:schedule>": objects.keys["timestep/schedule"],
        "<str:name>": objects.keys["timestep/queue"],
        "<str:worker_id>": objects.keys["timestep/worker"],
        "<int:hold_id>": objects.keys["timestep/hold"],
    }
    address = row.at or route
    for name, value in named.items():
        address = address.replace(name, str(value))
    return address


def _asked(cookie: str, row: Row, address: str) -> str:
    """The outcome; what the request changes is undone."""
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie
    with transaction.atomic():
        answer = getattr(client, row.method)(f"/{address}", dict(row.sent))
        transaction.set_rollback(True)
    if answer.status_code == 302 and "/login/" in answer["Location"]:
        return "login"
    return str(answer.status_code) if answer.status_code in (403, 404) else "ok"


def _cookie(user: User | None) -> str:
    """The session of the user; nobody's is empty."""
    if user is None:
        return ""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


# The conditions in SQL are tested on both databases, without pages around them.
@pytest.mark.sqlite_only
@pytest.mark.parametrize("own", [False, True], ids=["others", "own"])
@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_gets_what_the_matrix_says(who: str, own: bool) -> None:
    user = _user(who)
    objects, cookie = make_objects(user), _cookie(user)
    wrong = {}
    for route, row in HTTP.items():
        if row.own or not own:
            found = _asked(cookie, row, _address(route, row, objects, own=own))
            if found != row.outcome(who, own=own):
                wrong[route] = found
    assert wrong == {}


@pytest.mark.parametrize("own", [False, True], ids=["others", "own"])
@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_watches_what_the_matrix_says(who: str, own: bool) -> None:
    user = _user(who)
    objects, cookie = make_objects(user), _cookie(user)
    for path, row in SOCKETS.items():
        found = _watched(_address(path, row, objects, own=own), cookie)
        assert found == row.outcome(who, own=own)


def _watched(path: str, cookie: str) -> str:
    headers = [(b"host", b"localhost"), (b"cookie", f"sessionid={cookie}".encode())]
    try:
        admit({"path": path, "headers": headers})
    except Refused as refused:
        return str(refused.code)
    return "ok"
