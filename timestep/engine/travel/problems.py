"""What of an agent cannot travel, where it stands in the agent, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from timestep.errors import TimestepError


@dataclass(frozen=True)
class Problem:
    """One part that cannot be described.

    Args:
        path: Where it stands: `agent 'a'.tools[2]`.
        what: What is wrong with it.
        mend: What to do.
    """

    path: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}; {self.mend}"


class CannotTravel(TimestepError):
    """Parts of an agent exist in this process alone, so no other could build it.

    Args:
        path: Where the first of them stands in the agent.
        what: What is wrong with it.
        mend: What to do.
        others: All further problems of the same agent.
    """

    def __init__(self, path: str, what: str, mend: str, others: Sequence[Problem] = ()) -> None:
        self.problems = (Problem(path, what, mend), *others)
        super().__init__("\n".join(str(problem) for problem in self.problems))
        self.path = path
        self.what = what
        self.mend = mend


def raise_all(problems: Sequence[Problem]) -> None:
    """Raise one error for all problems, if there are any.

    Raises:
        CannotTravel: There is at least one.
    """
    if problems:
        first, *others = problems
        raise CannotTravel(first.path, first.what, first.mend, others)
