"""Turns under model limits: who may call now, who waits, and what was used.

All of it by the database's clock, on locked rows of the limits concerned. A turn counts from the
moment it is taken until a minute after the provider has counted the call, at the latest: then no
minute of the provider's own can hold more than the limit. `timestep.services.turn_windows` says
what counts; this module keeps the line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db import transaction

from timestep.models import ModelLimit, ModelTurn
from timestep.services.database_clock import database_now
from timestep.services.estimates import Estimate, Past, estimate
from timestep.services.limits import matches
from timestep.services.turn_windows import FIRST_CALL, MINUTE, Lack, Window, windows_of

# A call is sent when its turn is taken, and the provider has counted it after so long at most.
ARRIVES_WITHIN = timedelta(seconds=3)
# Providers count tokens when a call arrives, or as they are made. Each waiting for the end of its
# answer would leave much of the limit unused; so long after its beginning keeps both.
TOKENS_WITHIN = timedelta(seconds=0.5)
# One that waits asks again and again; the process of one that does not has died.
SEEN_WITHIN = timedelta(seconds=5)
KEPT = timedelta(days=1)
_PAST_CALLS = 100
_FORGOTTEN_AT_ONCE = 1000


@dataclass(frozen=True)
class Asking:
    """A call that asks for its turn.

    Args:
        call: A name that no other try of any call has.
        model: As the agent names it.
        agent: Whose calls it is like.
        run_id: The run, with the epoch and the step that the call is made in.
        size: Bytes of what is sent.
        most_output: The most output tokens that the call allows.
    """

    call: str
    model: str
    agent: str
    run_id: str
    epoch: int
    step: str
    size: int
    most_output: int | None


@dataclass(frozen=True)
class Spent:
    """What a call used."""

    input_tokens: int
    output_tokens: int


@transaction.atomic
def ask(asking: Asking) -> Lack | None:
    """Take a turn, or a place in the line; asked twice, the call still has one.

    Returns:
        What the call waits for; None where it may be made now.
    """
    group = _locked(asking.model)
    now = database_now()
    turns = [_turn(asking, one, now) for one in group if matches(one.pattern, asking.model)]
    if not turns:
        return None
    ModelTurn.objects.bulk_create(turns, ignore_conflicts=True)
    return _admit(group, now).get(asking.call)


@transaction.atomic
def look(model: str, calls: Collection[str]) -> dict[str, Lack]:
    """Let whoever may go on take their turns, of all processes, in the order of the line.

    Args:
        model: The model that the calls wait for.
        calls: Those of this process, which are seen by this.

    Returns:
        What those of them wait for that still do; the others may be made now.
    """
    group = _locked(model)
    now = database_now()
    mine = ModelTurn.objects.filter(call__in=calls)
    mine.filter(taken_at__isnull=True).update(seen_at=now)
    lacks = _admit(group, now)
    # Taken for them by another process, perhaps a while ago: they are sent from now on.
    mine.filter(taken_at__lt=now).update(**_taken(now))
    return {call: lacks[call] for call in calls if call in lacks}


def renew(call: str) -> None:
    """Count a call that was not sent at once from now on: it holds its place all the while."""
    ModelTurn.objects.filter(call=call, taken_at__isnull=False).update(**_taken(database_now()))


def give_back(call: str) -> None:
    """Leave the line, or give up a turn under which nothing was sent."""
    ModelTurn.objects.filter(call=call, settled_at__isnull=True).delete()


@transaction.atomic
def settle(call: str, answered_s: float, ended_s: float, tokens: Spent | int | None) -> None:
    """Write what a call used, and until when that counts.

    Args:
        call: The call.
        answered_s: Seconds since the provider began to answer, or since the call failed.
        ended_s: Seconds since it ended.
        tokens: What it used; a number where only that is known; None where nothing is: then the
            estimate counts.
    """
    now = database_now()
    for turn in ModelTurn.objects.filter(call=call, taken_at__isnull=False).order_by("limit_id"):
        latest = (turn.taken_at or now) + ARRIVES_WITHIN
        answered = min(latest, now - timedelta(seconds=answered_s))
        ended = min(latest, answered + TOKENS_WITHIN, now - timedelta(seconds=ended_s))
        turn.settled_at = now
        turn.request_until = answered + MINUTE
        turn.tokens_until = max(answered, ended) + MINUTE
        if isinstance(tokens, Spent):
            turn.input_tokens, turn.output_tokens = tokens.input_tokens, tokens.output_tokens
            turn.tokens = tokens.input_tokens + tokens.output_tokens
        elif tokens is not None:
            turn.tokens = tokens
        turn.save()


def forget() -> None:
    """Delete turns of yesterday and before, some at a time."""
    now = database_now()
    for pattern in ModelLimit.objects.values_list("pattern", flat=True):
        of_limit = ModelTurn.objects.filter(limit=pattern).order_by()
        _delete(of_limit.filter(tokens_until__lt=now - KEPT).values_list("pk", flat=True))
        left = of_limit.filter(taken_at__isnull=True, seen_at__lt=now - KEPT)
        _delete(left.values_list("pk", flat=True))


def _delete(keys: Iterable[int]) -> None:
    # Looked at outside first: on SQLite a transaction takes the file's only write lock.
    if found := list(keys[:_FORGOTTEN_AT_ONCE]):  # type: ignore[index] # it is a query
        ModelTurn.objects.filter(pk__in=found).delete()


def _locked(model: str) -> list[ModelLimit]:
    """The limits that share calls with those of the model, locked in one order.

    Prefixes are nested or apart, so these are all that begin with the shortest that matches.
    """
    patterns = list(ModelLimit.objects.values_list("pattern", flat=True))
    top = min((one for one in patterns if matches(one, model)), key=len, default=None)
    if top is None:
        return []
    stem = top.removesuffix("*")
    group = [one for one in patterns if one.startswith(stem)]
    locked = ModelLimit.objects.select_for_update(no_key=True).filter(pattern__in=group)
    return list(locked.order_by("pattern"))


def _turn(asking: Asking, limit: ModelLimit, now: datetime) -> ModelTurn:
    return ModelTurn(
        limit=limit,
        call=asking.call,
        model=asking.model,
        agent=asking.agent,
        run_id=asking.run_id,
        epoch=asking.epoch,
        step=asking.step,
        size=asking.size,
        most_output=asking.most_output,
        asked_at=now,
        seen_at=now,
    )


def _taken(now: datetime) -> dict[str, datetime]:
    until = now + ARRIVES_WITHIN + MINUTE
    return {"taken_at": now, "request_until": until, "tokens_until": until}


def _admit(group: list[ModelLimit], now: datetime) -> dict[str, Lack]:
    """Let calls take their turns, first come first; returns what the others wait for.

    Where one limit has no room, the calls behind wait as well under that limit, and no others do.
    """
    windows = windows_of(group, now)
    past = _Pasts()
    waits: dict[str, Lack] = {}
    full: dict[str, Lack] = {}
    for turns in _line(group, now):
        expected = past.estimate(turns[0])
        named = [turn.limit_id for turn in turns]
        lack = next((full[name] for name in named if name in full), None)
        if lack is None:
            lacks = [found for name in named if (found := windows[name].lack(expected))]
            full |= {found.limit: found for found in lacks if found.what != FIRST_CALL}
            lack = lacks[0] if lacks else None
        if lack is not None:
            waits[turns[0].call] = lack
            continue
        _take(turns, expected, windows, now)
    return waits


def _line(group: list[ModelLimit], now: datetime) -> Iterator[list[ModelTurn]]:
    """The turns that wait, those of one call together."""
    seen = ModelTurn.objects.filter(
        limit__in=group, taken_at__isnull=True, seen_at__gt=now - SEEN_WITHIN
    )
    for _, turns in groupby(seen.order_by("id"), key=lambda turn: turn.call):
        yield list(turns)


def _take(
    turns: list[ModelTurn], expected: Estimate, windows: dict[str, Window], now: datetime
) -> None:
    for turn in turns:
        windows[turn.limit_id].add(expected)
    ModelTurn.objects.filter(pk__in=[turn.pk for turn in turns]).update(
        **_taken(now),
        tokens=expected.tokens,
        estimated=expected.tokens,
        guessed=expected.guessed,
    )


class _Pasts:
    """What is known of calls like those that wait, each kind looked up once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], list[Past]] = {}

    def estimate(self, turn: ModelTurn) -> Estimate:
        """What a call that waits may use."""
        kind = (turn.limit_id, turn.model, turn.agent)
        if kind not in self._found:
            self._found[kind] = list(_past(*kind))
        return estimate(turn.size, turn.most_output, self._found[kind])


def _past(limit: str, model: str, agent: str) -> Iterator[Past]:
    known = ModelTurn.objects.filter(
        limit=limit, model=model, agent=agent, output_tokens__isnull=False
    )
    columns = ("size", "input_tokens", "output_tokens")
    for size, given, made in known.order_by("-id").values_list(*columns)[:_PAST_CALLS]:
        yield Past(size, given or 0, made or 0)
