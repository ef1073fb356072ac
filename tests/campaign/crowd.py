"""People of a race: many at once, some through the services and some through the pages."""

from __future__ import annotations

import html
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from tests.policies.rows import member
from tests.web.sure import SURE

SIZE = 50
# Who is in which group, by number.
GROUPS = {"Finance": range(6), "Legal": range(4, 9), "Board": range(8, 12)}
_START_WITHIN_S = 60
_crowds = itertools.count(1)


@dataclass(frozen=True)
class Told:
    """What one act came to.

    Args:
        act: Its name; unique in its race.
        by: Who did it.
        request: The id of the approval request that it was about.
        won: Whether it was taken.
        said: What whoever did it was told: the text of an error or of a page.
        result: What a service returned or raised; None where a page answered.
        status: What a page answered with; 0 for a service.
    """

    act: str
    by: str
    request: str
    won: bool
    said: str = ""
    result: object = None
    status: int = 0


Act = Callable[[], Sequence[Told]]


@dataclass(frozen=True)
class Person:
    """Somebody who may decide, with a session of their own."""

    user: User
    session: str

    @property
    def name(self) -> str:
        """How decisions name them."""
        return self.user.get_username()

    def posts(
        self, name: str, *words: str, sent: dict[str, Any], part: bool = False
    ) -> tuple[int, str]:
        """POST to an address as a browser does; the status and the text of the page.

        Args:
            name: Of the address.
            words: Its arguments.
            sent: The form.
            part: Whether a script of the page asks, for a part of it.
        """
        client = Client(SERVER_NAME="localhost")
        client.cookies["sessionid"] = self.session
        answer: HttpResponseBase = client.post(
            reverse(name, args=words), sent | SURE, headers={"HX-Request": "true"} if part else {}
        )
        body = b"" if answer.streaming else getattr(answer, "content", b"")
        return answer.status_code, html.unescape(body.decode())


def crowd() -> list[Person]:
    """Fifty people with the permission to decide, some of them in groups."""
    made, number = [], next(_crowds)
    for place in range(SIZE):
        groups = [name for name, places in GROUPS.items() if place in places]
        user = member(f"p{number}-{place:02}", *groups)
        client = Client(SERVER_NAME="localhost")
        client.force_login(user)
        made.append(Person(user, client.cookies["sessionid"].value))
    return made


def at_once(acts: Sequence[Act]) -> tuple[list[Told], list[str]]:
    """Do all acts at the same moment, each on a connection of its own.

    Returns:
        What each came to, and what happened that should not: exceptions that no act expects.
    """
    barrier = threading.Barrier(len(acts))
    told: list[Told] = []
    broken: list[str] = []

    def perform(act: Act) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(_START_WITHIN_S)
            told.extend(act())
        except Exception as error:  # noqa: BLE001 - whatever it is, it breaks the race
            broken.append(f"an act raised {type(error).__name__}: {error}")
        finally:
            connection.close()

    threads = [threading.Thread(target=perform, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told, broken
