"""What one check found, and how it is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from django.db import Error

from timestep.outages import reason

MOST_NAMED = 5


class State(StrEnum):
    """How bad it is: a warning may be meant so, a problem keeps something from working."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One line of the report. Values of secrets never get in here.

    Args:
        check: What was looked at, in a word or two.
        state: How bad it is.
        said: What was found.
        mend: What to do about it; empty where all is well.
    """

    check: str
    state: State
    said: str
    mend: str = ""

    def as_json(self) -> dict[str, str]:
        """The finding as programs see it."""
        return {"check": self.check, "state": self.state, "said": self.said, "mend": self.mend}


Findings: TypeAlias = Iterator[Finding]


def ok(check: str, said: str) -> Finding:
    """All is well."""
    return Finding(check, State.OK, said)


def warning(check: str, said: str, mend: str) -> Finding:
    """Something to know."""
    return Finding(check, State.WARNING, said, mend)


def problem(check: str, said: str, mend: str) -> Finding:
    """Something that keeps work from being done."""
    return Finding(check, State.PROBLEM, said, mend)


def guarded(check: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """The findings, or the one that says why nobody could look."""
    try:
        return list(look())
    except Error as error:
        said = f"could not be looked at: {reason(error)}"
        return [problem(check, said, "mend the database first, then run this again")]


def some(names: Iterable[str]) -> str:
    """The first few of many names."""
    found = list(names)
    rest = len(found) - MOST_NAMED
    return ", ".join(found[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def count(number: int, one: str, many: str = "") -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
