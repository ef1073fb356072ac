"""How many tokens a model call will use, before it is made: hardly ever fewer than it does.

What is too low would let a minute exceed its limit; what is far too high would leave much of the
limit unused. So similar calls of the same agent are looked at, and the fewer of them are known,
the more is added.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Where nothing is known. A token is seldom shorter than three bytes of what is sent.
BYTES_PER_TOKEN = 3
GUESSED_OUTPUT = 1000
_NEAREST = 5
_INPUT_MARGIN = 1.05
# Beyond the largest call that is known: more than almost any text has.
_TOKENS_PER_FURTHER_BYTE = 0.5


@dataclass(frozen=True)
class Past:
    """A call that was made: how much was sent, and what it used."""

    size: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Estimate:
    """What a call may use; guessed where nothing is known of such calls."""

    tokens: int
    guessed: bool


def estimate(size: int, most_output: int | None, past: Sequence[Past]) -> Estimate:
    """What a call may use.

    Args:
        size: Bytes of what is sent.
        most_output: The most output tokens that the call allows; None where it allows any.
        past: Calls of this agent to this model, lately.
    """
    if not past:
        output = GUESSED_OUTPUT if most_output is None else most_output
        guessed = most_output is None
        return Estimate(math.ceil(size / BYTES_PER_TOKEN) + output, guessed)
    return Estimate(_input(size, past) + _output(most_output, past), guessed=False)


def _input(size: int, past: Sequence[Past]) -> int:
    """What calls of about this size were billed; what is sent beyond them counts generously."""
    near = sorted(past, key=lambda one: abs(one.size - size))[:_NEAREST]
    tokens = max(
        one.input_tokens + max(0, size - one.size) * _TOKENS_PER_FURTHER_BYTE for one in near
    )
    return math.ceil(tokens * _INPUT_MARGIN)


def _output(most: int | None, past: Sequence[Past]) -> int:
    """The most of all lately, and more while few are known: five times that of a single one."""
    seen = max(one.output_tokens for one in past)
    tokens = math.ceil(seen * (1 + 4 / len(past))) + 1
    return tokens if most is None else min(most, tokens)
