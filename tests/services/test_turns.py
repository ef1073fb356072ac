"""The line of calls under model limits: who goes, who waits, and for what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.services.turns import ask, asking, known, limit, pass_time, taken
from timestep.models import ModelLimit, ModelTurn
from timestep.services import turns
from timestep.services.turn_windows import FIRST_CALL, REQUESTS, TOKENS
from timestep.services.turns import Spent

pytestmark = pytest.mark.django_db


def test_a_call_that_nothing_limits_has_no_row() -> None:
    limit("openai/other", requests=1)
    assert ask() is None
    assert not ModelTurn.objects.exists()


def test_no_more_requests_than_the_limit_until_a_minute_after_they_are_counted() -> None:
    limit("openai/m", requests=2)
    first, second, third = asking(), asking(), asking()
    assert turns.ask(first) is None
    assert turns.ask(second) is None
    lack = turns.ask(third)
    assert (lack.limit, lack.what) == ("openai/m", REQUESTS) if lack else None
    turns.settle(first.call, 0.0, 0.0, Spent(1, 1))
    turns.settle(second.call, 0.0, 0.0, Spent(1, 1))
    pass_time(59)
    assert third.call in turns.look("openai/m", [third.call])
    pass_time(1.1)
    assert turns.look("openai/m", [third.call]) == {}
    assert taken() == [first.call, second.call, third.call]


def test_what_waits_is_told_until_when() -> None:
    limit("openai/m", requests=1)
    first = asking()
    turns.ask(first)
    turns.settle(first.call, 0.0, 0.0, Spent(1, 1))
    lack = ask()
    assert lack is not None
    assert lack.until is not None
    assert timedelta(seconds=55) < lack.until - timezone.now() <= timedelta(seconds=60)


def test_a_request_counts_from_when_it_was_answered_and_three_seconds_at_most() -> None:
    limit("openai/m", requests=1)
    first = asking()
    turns.ask(first)
    pass_time(30)
    turns.settle(first.call, 29.0, 0.0, Spent(1, 1))
    turn = ModelTurn.objects.get(call=first.call)
    assert turn.taken_at is not None
    assert turn.request_until is not None
    assert 60.5 < (turn.request_until - turn.taken_at).total_seconds() < 61.5
    assert turn.tokens_until == turn.request_until + timedelta(seconds=0.5)
    turns.settle(first.call, 0.0, 0.0, Spent(1, 1))
    turn.refresh_from_db()
    assert turn.request_until == turn.tokens_until == turn.taken_at + timedelta(seconds=63)


def test_the_line_is_first_come_first_served() -> None:
    limit("openai/m", requests=1)
    ask()
    waiting = [asking() for _ in range(3)]
    for one in waiting:
        assert turns.ask(one) is not None
    pass_time(4)
    turns.look("openai/m", [one.call for one in waiting])
    ModelLimit.objects.update(requests_per_minute=3)
    assert list(turns.look("openai/m", [waiting[2].call])) == [waiting[2].call]
    assert taken()[1:] == [waiting[0].call, waiting[1].call]


def test_who_died_while_waiting_is_passed_over() -> None:
    limit("openai/m", requests=1)
    ask()
    dead = asking()
    turns.ask(dead)
    pass_time(6)
    alive = asking()
    turns.ask(alive)
    ModelLimit.objects.update(requests_per_minute=2)
    assert turns.look("openai/m", [alive.call]) == {}
    assert dead.call not in taken()


def test_all_limits_that_match_count_together() -> None:
    limit("*", requests=9)
    limit("openai/*", requests=2)
    limit("openai/m", requests=1)
    assert ask("m") is None
    lack = ask("m")
    assert lack is not None
    assert lack.limit == "openai/m"
    assert ask("openai/n") is None
    lack = ask("openai/n")
    assert lack is not None
    assert lack.limit == "openai/*"
    assert ask("demo/fast") is None
    assert ModelTurn.objects.filter(taken_at__isnull=False).count() == 3 + 2 + 1


def test_a_full_limit_holds_up_no_calls_of_others() -> None:
    limit("openai/*", requests=3)
    limit("openai/m", requests=1)
    ask("openai/m")
    assert ask("openai/m") is not None
    assert ask("openai/n") is None


def test_tokens_are_held_by_estimate_and_settled_by_usage() -> None:
    limit("openai/m", tokens=100)
    known(given=10, made=20)
    first = asking()
    turns.ask(first)
    held = ModelTurn.objects.get(call=first.call)
    assert 30 <= held.tokens <= 36
    turns.settle(first.call, 0.0, 0.0, Spent(10, 60))
    assert ModelTurn.objects.get(call=first.call).tokens == 70
    lack = ask()
    assert lack is not None
    assert lack.what == TOKENS


def test_calls_of_which_nothing_is_known_are_made_one_at_a_time() -> None:
    limit("openai/m", tokens=1_000_000)
    first, second = asking(), asking()
    assert turns.ask(first) is None
    lack = turns.ask(second)
    assert lack is not None
    assert lack.what == FIRST_CALL
    assert ask(most_output=50) is None  # Its most is known.
    turns.settle(first.call, 0.0, 0.0, Spent(10, 10))
    assert turns.look("openai/m", [second.call]) == {}


def test_a_call_larger_than_the_limit_is_made_when_nothing_else_counts() -> None:
    limit("openai/m", tokens=100)
    known(given=10, made=20)
    ask()
    large = asking(size=90_000)
    assert turns.ask(large) is not None
    pass_time(4)
    assert turns.look("openai/m", [large.call])
    ModelTurn.objects.filter(taken_at__isnull=False).delete()
    assert turns.look("openai/m", [large.call]) == {}


def test_a_refused_try_stays_a_request_and_holds_no_tokens() -> None:
    limit("openai/m", requests=1, tokens=100)
    first = asking()
    turns.ask(first)
    turns.settle(first.call, 0.0, 0.0, 0)
    lack = ask()
    assert lack is not None
    assert lack.what == REQUESTS
    assert ModelTurn.objects.get(call=first.call).tokens == 0


def test_a_turn_of_a_killed_worker_frees_itself() -> None:
    limit("openai/m", requests=1)
    ask()
    pass_time(62)
    waiting = asking()
    assert turns.ask(waiting) is not None
    pass_time(1.5)
    assert turns.look("openai/m", [waiting.call]) == {}


def test_a_turn_that_is_given_back_is_free() -> None:
    limit("openai/m", requests=1)
    first, second = asking(), asking()
    turns.ask(first)
    turns.ask(second)
    turns.give_back(first.call)
    assert turns.look("openai/m", [second.call]) == {}


def test_a_lifted_limit_lets_all_go() -> None:
    limit("openai/m", requests=1)
    ask()
    waiting = asking()
    turns.ask(waiting)
    ModelLimit.objects.all().delete()
    assert turns.look("openai/m", [waiting.call]) == {}


def test_a_call_that_asks_twice_has_one_turn() -> None:
    limit("openai/m", requests=1)
    first = asking()
    assert turns.ask(first) is None
    assert turns.ask(first) is None
    assert ModelTurn.objects.count() == 1


def test_a_turn_that_is_used_late_counts_from_then() -> None:
    limit("openai/m", requests=1)
    first = asking()
    turns.ask(first)
    pass_time(20)
    turns.renew(first.call)
    pass_time(61)
    assert ask() is not None


def test_old_turns_are_forgotten() -> None:
    limit("openai/m", requests=2)
    ask()
    pass_time(90_000)
    ask()
    turns.forget()
    assert ModelTurn.objects.count() == 1
