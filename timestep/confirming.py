"""The second step before what cannot be undone, where no script armed the button that was pressed.

With JavaScript the first press arms the button and the second sends `confirmed`
(static/timestep/timestep.js), and what htmx sends was armed, or typed, on the page. Without it the
first press is answered with a page that says the act in words, and only its button acts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

CONFIRMED = "confirmed"
_NOT_REPEATED = ("csrfmiddlewaretoken", CONFIRMED)


@dataclass(frozen=True)
class Step:
    """What a page asks before it acts.

    Args:
        act: The act, as a sentence that somebody can say yes to.
        word: What its button says.
        back: The page that it was asked on.
        facts: What it is done with: a name, and any JSON value.
    """

    act: str
    word: str
    back: str
    facts: Iterable[tuple[str, Any]] = ()


def is_confirmed(request: HttpRequest) -> bool:
    """Whether the act was asked for twice."""
    return request.headers.get("HX-Request") == "true" or request.POST.get(CONFIRMED) == "1"


def try_out(act: Callable[[], object]) -> None:
    """Do the act and take it back: nobody is asked about what would be refused.

    What acts on pages do is rows and what is told on commit, so that nothing is left of it.

    Args:
        act: What will be done; what it raises is raised.
    """
    with transaction.atomic():
        act()
        transaction.set_rollback(True)


def ask_first(request: HttpRequest, step: Step) -> HttpResponse:
    """The page that says the act, and repeats what was sent once it is confirmed.

    Args:
        request: A POST of somebody who may do it.
        step: What is asked.
    """
    sent = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in _NOT_REPEATED
        for value in values
    ]
    return render(request, "confirm.html", {"step": step, "sent": sent})
