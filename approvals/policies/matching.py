"""Which policy a call meets, what follows from it, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from approvals.models import Effect, Policy
from approvals.policies.conditions import Answer, Condition, answer
from approvals.policies.reading import read_conditions
from approvals.policies.rules import BUILT_IN, Rules, of_policy
from timestep.errors import InvalidInput
from timestep.gate import Verdict

_ACTS = {Effect.ASK: "asks people", Effect.ALLOW: "allows it", Effect.DENY: "denies it"}


@dataclass(frozen=True)
class Call:
    """A call as policies see it; `arguments` is a text where they could not be read."""

    agent: str
    tool: str
    arguments: Any


@dataclass(frozen=True)
class Look:
    """How one policy looks at a call."""

    policy: Policy
    met: bool
    why: str


@dataclass(frozen=True)
class Judgement:
    """What follows for a call: the verdict, the policy that it meets (if any), and why."""

    verdict: Verdict
    policy: Policy | None
    why: str

    @property
    def rules(self) -> Rules:
        """What a request about the call goes by: only a policy that asks has rules of its own."""
        asking = self.policy is not None and self.policy.effect == Effect.ASK
        return of_policy(self.policy) if self.policy and asking else BUILT_IN


def judge(call: Call, *, asks: bool, policies: Sequence[Policy] | None = None) -> Judgement:
    """Whether a call may go ahead.

    Args:
        call: The call.
        asks: Whether the tool itself, or the agent's override of it, asks. Of that and what the
            policy says, the stricter counts.
        policies: The active ones, where the caller has read them already.
    """
    look = next((look for look in looks(call, policies) if look.met), None)
    if look is None:
        if asks:
            return Judgement("ask", None, "The tool asks for approval, and no policy is met.")
        return Judgement("allow", None, "The tool does not ask, and no policy is met.")
    said = f"Policy “{look.policy.name}” {_ACTS[Effect(look.policy.effect)]}: {look.why}."
    if look.policy.effect == Effect.ALLOW and asks:
        said += " But the tool itself asks for approval, and the stricter counts."
        return Judgement("ask", look.policy, said)
    return Judgement(_verdict(look.policy), look.policy, said)


def looks(call: Call, policies: Sequence[Policy] | None = None) -> list[Look]:
    """How each active policy looks at a call, in their order; the first that is met counts."""
    known = active_policies() if policies is None else policies
    return [look_at(policy, call) for policy in known]


def active_policies() -> list[Policy]:
    """The policies that calls can meet, in their order."""
    return list(Policy.objects.filter(active=True))


def asking_policy(agent: str, tool: str) -> str:
    """The name of a policy that asks about some calls of a tool, whatever their arguments."""
    asking = Policy.objects.filter(active=True, effect=Effect.ASK)
    return next((each.name for each in asking if not _elsewhere(each, agent, tool)), "")


def look_at(policy: Policy, call: Call) -> Look:
    """How a policy looks at a call. What cannot be told counts as met, except to allow a call."""
    elsewhere = _elsewhere(policy, call.agent, call.tool)
    if elsewhere:
        return Look(policy, False, elsewhere)
    try:
        conditions = read_conditions(policy.conditions)
    except InvalidInput as error:  # Not saved by a form of ours.
        return Look(policy, policy.effect != Effect.ALLOW, f"its {error}")
    return _met_by_all(policy, conditions, call)


def _elsewhere(policy: Policy, agent: str, tool: str) -> str:
    """Why a policy is not about a tool of an agent; empty where it is."""
    for what, pattern, name in (("agent", policy.agent, agent), ("tool", policy.tool, tool)):
        if pattern and not fnmatchcase(name, pattern):
            return f"the {what} is not {pattern}"
    return ""


def _met_by_all(policy: Policy, conditions: list[Condition], call: Call) -> Look:
    said = []
    for condition in conditions:
        found = _counted(answer(condition, call.arguments), policy)
        if found is Answer.NO:
            return Look(policy, False, f"it does not hold that {condition}")
        unsure = "" if found is Answer.YES else " (cannot be told for certain)"
        if unsure and policy.effect == Effect.ALLOW:
            return Look(policy, False, f"it cannot be told for certain that {condition}")
        said.append(f"{condition}{unsure}")
    return Look(policy, True, ", and ".join(said) or _about(policy))


def _counted(found: Answer, policy: Policy) -> Answer:
    """A policy for any tool is not about calls that have no such argument at all."""
    if found is Answer.MISSING:
        return Answer.UNSURE if policy.tool else Answer.NO
    return found


def _about(policy: Policy) -> str:
    tool = f"every call of {policy.tool}" if policy.tool else "every call"
    return f"it is about {tool}" + (f" by {policy.agent}" if policy.agent else "")


def _verdict(policy: Policy) -> Verdict:
    verdicts: dict[str, Verdict] = {Effect.ASK: "ask", Effect.ALLOW: "allow", Effect.DENY: "deny"}
    return verdicts[policy.effect]
