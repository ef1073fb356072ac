"""What the demo model does next: call tools, hand off, or speak."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from timestep.engine.providers.demo.arguments import LOOSE, SAID, Source, draw
from timestep.engine.providers.demo.conversation import Conversation
from timestep.engine.providers.demo.facts import Facts
from timestep.engine.providers.demo.words import name_stems, stem, stemmed, stems

MAX_CALLS = 16
_MAX_BATCH = 8
_MAX_READ = 4_000
_RELEVANT = 2

_PLAIN_VERBS = stemmed("get find do make run call tool the fetch look up lookup")
_ROLES = stemmed("agent team desk assistant bot service")
_HAND_VERBS = stemmed(
    "hand handoff handover transfer delegate pass route send forward refer escalate"
)
_ASIDE = (
    _HAND_VERBS
    | _ROLES
    | stemmed(
        "customer user guest people person somebody someone anybody anyone everything asks ask "
        "wants want needs need request question message over off help handle"
    )
)
_CONDITION = re.compile(
    r"\b(if|when|whenever|for|about|unless|regarding|concerning|only|in case)\b", re.IGNORECASE
)
_EVERY_TOOL = re.compile(r"\b(?:all|every|each|both)\b[^.]{0,30}\btools?\b", re.IGNORECASE)
_SMALL_TALK = re.compile(
    r"\s*(?:hi|hello|hey|thanks|thank you|good (?:morning|evening|day)|bye)\b[\s\w]{0,12}[.!?]*\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Offer:
    """A tool or a handoff that the model may call; `target` is the handoff's agent."""

    name: str
    description: str
    schema: dict[str, Any]
    target: str = ""


@dataclass(frozen=True)
class Planned:
    """A call that the model is about to make."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Situation:
    """All that a decision depends on.

    Args:
        only: The tool that the settings force, "none", "required", or None.
        parallel: Whether several calls may be made at once.
    """

    instructions: str
    conversation: Conversation
    tools: Sequence[Offer]
    handoffs: Sequence[Offer]
    only: str | None = None
    parallel: bool = True


def decide(now: Situation) -> list[Planned]:
    """The calls to make next; none: it is time to speak."""
    done = {call.name for call in now.conversation.calls}
    if now.only == "none" or len(now.conversation.calls) >= MAX_CALLS:
        return []
    target = next(
        (offer for offer in now.handoffs if offer.name not in done and wants(offer, now)), None
    )
    calls = _tool_calls(now, [tool for tool in now.tools if tool.name not in done], bool(target))
    if calls or target is None:
        return calls if now.parallel else calls[:1]
    return [Planned(target.name, _handoff_arguments(target, now))]


def wants(offer: Offer, now: Situation) -> bool:
    """Whether the question or the instructions tell to hand off to this agent."""
    asked = stems(now.conversation.asked)
    target = (name_stems(offer.target) - _ROLES) or name_stems(offer.target)
    if target & asked:
        return True
    if len((stems(offer.description) - _ASIDE) & asked) >= 2:
        return True
    sentences = re.split(r"[.!?;\n]", now.instructions[:_MAX_READ])
    return any(_tells(sentence, target, asked) for sentence in sentences)


def _tells(sentence: str, target: set[str], asked: set[str]) -> bool:
    """Whether a sentence says to hand off there, and its condition, if any, is met."""
    words = stems(sentence)
    if not (words & _HAND_VERBS and words & target):
        return False
    return not _CONDITION.search(sentence) or bool((words - _ASIDE) & asked)


def _tool_calls(now: Situation, open_tools: list[Offer], leaving: bool) -> list[Planned]:
    """Calls whose arguments are known go first; the others may learn from their results."""
    chosen, fit = _chosen(now, open_tools)
    drawn = [(tool, draw(tool.schema, source_of(now.conversation))) for tool in chosen]
    batch = [(tool, found) for tool, found in drawn if found.level == SAID]
    if not batch and not leaving:
        # What fits the question is called even with made-up arguments; nothing else is.
        batch = [(tool, found) for tool, found in drawn if fit or found.level == LOOSE]
    made = [(call.name, call.arguments) for call in now.conversation.calls]
    return [
        Planned(tool.name, json.dumps(found.value, ensure_ascii=False))
        for tool, found in batch
        if (fit or not leaving) and (tool.name, found.value) not in made
    ][:_MAX_BATCH]


def _chosen(now: Situation, open_tools: list[Offer]) -> tuple[list[Offer], bool]:
    """The tools worth calling, the best first: those that fit the question (True), else all."""
    asked = now.conversation.asked
    if any(tool.name == now.only for tool in now.tools):
        return [tool for tool in open_tools if tool.name == now.only], True
    if _EVERY_TOOL.search(asked):
        return open_tools, True
    ranked = sorted(open_tools, key=lambda tool: -relevance(tool, asked))
    if any(relevance(tool, asked) >= _RELEVANT for tool in now.tools):
        return [tool for tool in ranked if relevance(tool, asked) >= _RELEVANT], True
    if now.only == "required":
        return ranked, True
    return ([] if _SMALL_TALK.fullmatch(asked) else ranked), False


def relevance(tool: Offer, asked: str) -> int:
    """How well a tool fits a question: its name counts double, then its description and facts."""
    said = stems(asked[:_MAX_READ])
    name = (name_stems(tool.name) - _PLAIN_VERBS) or name_stems(tool.name)
    described = {word for word in stems(tool.description) - name if len(word) > 3}
    facts = Facts(asked[:_MAX_READ])
    properties = {word for part in tool.schema.get("properties", {}) for word in name_stems(part)}
    fitting = bool(facts.emails) and stem("email") in properties
    return 2 * len(name & said) + min(1, len(described & said)) + 2 * fitting


def source_of(conversation: Conversation, summary: str | None = None) -> Source:
    """What values are drawn from in this conversation."""
    text = conversation.asked[:_MAX_READ] or conversation.before[-_MAX_READ:]
    return Source(Facts(text), conversation.known(), summary)


def _handoff_arguments(offer: Offer, now: Situation) -> str:
    if not offer.schema.get("properties"):
        return "{}"
    value = draw(offer.schema, source_of(now.conversation)).value
    return json.dumps(value, ensure_ascii=False)
