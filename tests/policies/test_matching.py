"""Which policy a call meets, and what follows."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.gate import RecordingGate
from approvals.models import Policy
from approvals.policies.conditions import Answer, Condition, answer
from approvals.policies.matching import Call, judge, looks
from approvals.policies.reading import read_conditions, read_reminders
from tests.policies.rows import asked, group, policy
from timestep.errors import InvalidInput
from timestep.gate import ToolCall

YES, NO, UNSURE, MISSING = Answer.YES, Answer.NO, Answer.UNSURE, Answer.MISSING


@pytest.mark.parametrize(
    ("field", "op", "value", "arguments", "expected"),
    [
        ("amount", "greater", 100, {"amount": 100.01}, YES),
        ("amount", "greater", 100, {"amount": 100}, NO),
        ("amount", "at_least", 100, {"amount": "100"}, YES),
        ("amount", "at_most", 100, {"amount": "1e3"}, UNSURE),
        ("amount", "less", 100, {"amount": True}, UNSURE),
        ("amount", "less", 100, {"amount": "٩"}, UNSURE),
        ("amount", "less", 100, {"amount": None}, MISSING),
        ("amount", "less", 100, {}, MISSING),
        ("amount", "less", 100, "not JSON", UNSURE),
        ("order.amount", "greater", 1, {"order": {"amount": 2}}, YES),
        ("order.amount", "greater", 1, {"order": 2}, MISSING),
        ("items.price", "greater", 1, {"items": [{"price": 2}, {"price": 3}]}, YES),
        ("items.price", "greater", 1, {"items": [{"price": 2}, {"price": 0}]}, UNSURE),
        ("items.price", "greater", 1, {"items": []}, MISSING),
        ("items.price", "greater", 1, {"items": [{"price": 0}, {}]}, MISSING),
        ("to", "ends_with", "@ours.example", {"to": "a@ours.example"}, YES),
        ("to", "ends_with", "@ours.example", {"to": "a@OURS.example"}, UNSURE),
        ("to", "ends_with", "@ours.example", {"to": "a@ours.example\u200b"}, UNSURE),
        ("to", "ends_with", "@ours.example", {"to": "a@theirs.example"}, NO),
        ("to", "ends_with", "@o.example", {"to": ["a@o.example", "b@x.example"]}, UNSURE),
        ("to", "ends_with", "@o.example", {"to": 5}, UNSURE),
        ("to", "starts_with", "a", {"to": "abc"}, YES),
        ("tags", "contains", "vip", {"tags": ["vip", "x"]}, YES),
        ("tags", "contains", "vip", {"tags": ["VIP"]}, UNSURE),
        ("tags", "contains", "vip", {"tags": ["a"]}, NO),
        ("currency", "equals", "EUR", {"currency": "EUR"}, YES),
        ("currency", "not_equals", "EUR", {"currency": "EUR"}, NO),
        ("currency", "not_equals", "EUR", {"currency": "eur"}, UNSURE),
        ("currency", "one_of", ["EUR", "USD"], {"currency": "USD"}, YES),
        ("count", "one_of", [1, 2], {"count": 3}, NO),
        ("paid", "equals", True, {"paid": True}, YES),
        ("paid", "equals", True, {"paid": 1}, UNSURE),
        ("note", "present", None, {"note": ""}, YES),
        ("note", "absent", None, {"note": None}, YES),
    ],
)
def test_answers(field: str, op: str, value: Any, arguments: Any, expected: Answer) -> None:
    [condition] = read_conditions([{"field": field, "op": op, "value": value}])
    assert answer(condition, arguments) is expected


def test_what_is_nested_too_deep_is_unsure() -> None:
    nested: Any = 1
    for _ in range(5_000):
        nested = [nested]
    assert answer(Condition("amount", "less", 5), {"amount": nested}) is UNSURE


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, "use a list"),
        ([5], "must look like"),
        ([{"field": "a", "op": "is", "value": 1}], "use one of equals"),
        ([{"field": "", "op": "equals", "value": 1}], "name a field"),
        ([{"field": "a", "op": "greater", "value": "5"}], "needs a number"),
        ([{"field": "a", "op": "greater", "value": True}], "needs a number"),
        ([{"field": "a", "op": "contains", "value": ""}], "needs a text"),
        ([{"field": "a", "op": "one_of", "value": []}], "needs a list"),
        ([{"field": "a", "op": "equals", "value": {}}], "needs a text"),
        ([{"field": "a", "op": "equals", "value": "\x00"}], "no database stores"),
        ([{"field": "a", "op": "present", "value": 1}], "takes no value"),
        ([{"field": "a", "op": "present", "else": 1}], "must look like"),
        ([{"field": "a", "op": "present"}] * 21, "at most 20"),
    ],
)
def test_conditions_that_cannot_be_used_are_named(value: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        read_conditions(value)
    assert caught.value.field == "conditions"


@pytest.mark.parametrize("value", [{}, ["1"], [0], [60], [True], list(range(1, 12))])
def test_reminders_lie_before_the_deadline(value: Any) -> None:
    with pytest.raises(InvalidInput, match="reminders"):
        read_reminders(value, 60)


ABOVE_20 = [{"field": "amount", "op": "greater", "value": 20}]
CALL = Call("refunds", "refund_order", {"amount": 25})


@pytest.mark.django_db
@pytest.mark.parametrize("asks", [True, False])
def test_without_a_policy_the_tool_says(asks: bool) -> None:
    assert judge(CALL, asks=asks).verdict == ("ask" if asks else "allow")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("effect", "asks", "verdict"),
    [
        ("allow", False, "allow"),
        ("allow", True, "ask"),
        ("ask", False, "ask"),
        ("deny", False, "deny"),
        ("deny", True, "deny"),
    ],
)
def test_the_stricter_of_tool_and_policy_counts(effect: str, asks: bool, verdict: str) -> None:
    policy(effect=effect)
    assert judge(CALL, asks=asks).verdict == verdict
    call = ToolCall("run_1", "refunds", "refund_order", "call_1", '{"amount": 25}', asks)
    assert RecordingGate().check([call]) == [verdict]


@pytest.mark.django_db
def test_the_first_in_order_counts_and_inactive_ones_do_not() -> None:
    policy("third", position=3, effect="deny")
    policy("first", position=1, active=False, effect="deny")
    policy("second", position=2, effect="allow")
    found = judge(CALL, asks=False)
    assert found.policy is not None
    assert (found.policy.name, found.verdict) == ("second", "allow")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("agent", "tool", "met"),
    [("", "", True), ("ref*", "*_order", True), ("Refunds", "", False), ("", "refund", False)],
)
def test_agents_and_tools_match_by_pattern(agent: str, tool: str, met: bool) -> None:
    policy(agent=agent, tool=tool)
    assert [look.met for look in looks(CALL)] == [met]


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", [{"amount": "a lot"}, {}, "no JSON", {"amount": [25, 5]}])
def test_what_cannot_be_told_is_asked_and_not_allowed(arguments: Any) -> None:
    call = Call("refunds", "refund_order", arguments)
    asking = policy("asking", conditions=ABOVE_20)
    assert judge(call, asks=False).verdict == "ask"
    asking.delete()
    policy("allowing", conditions=ABOVE_20, effect="allow")
    assert judge(call, asks=True).policy is None


@pytest.mark.django_db
def test_a_policy_for_any_tool_is_not_about_calls_without_the_argument() -> None:
    policy(tool="", conditions=ABOVE_20)
    assert judge(Call("a", "send_mail", {"to": "x"}), asks=False).verdict == "allow"
    assert judge(Call("a", "send_mail", {"amount": None}), asks=False).verdict == "allow"


@pytest.mark.django_db
def test_conditions_that_nobody_can_read_are_strict() -> None:
    policy("broken", conditions=[{"op": "what"}])
    assert judge(CALL, asks=False).verdict == "ask"
    Policy.objects.update(effect="allow")
    assert judge(CALL, asks=True).policy is None


@pytest.mark.django_db
def test_a_request_says_why_it_is_asked() -> None:
    policy("Refunds over 20", conditions=ABOVE_20, needs={"Finance": 1})
    request = asked('{"order_id": 1, "amount": 25}')
    request.refresh_from_db()
    assert request.why == "Policy “Refunds over 20” asks people: amount is greater than 20."
    assert request.rules["needs"] == [
        {"group": {"id": group("Finance").pk, "name": "Finance"}, "count": 1}
    ]
    assert asked('{"order_id": 1, "amount": 5}').why.startswith("The tool asks for approval")
