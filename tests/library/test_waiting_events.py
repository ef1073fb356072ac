"""Events that a program has not read yet: all of the text, in bounded memory."""

from __future__ import annotations

from typing import Any

from agents import RawResponsesStreamEvent
from openai.types.responses import ResponseReasoningSummaryTextDeltaEvent, ResponseTextDeltaEvent

from timestep.library.waiting_events import MOST_WHOLE, Waiting


def spoken(text: str, item: str = "m") -> RawResponsesStreamEvent:
    """A piece of a text."""
    fields: dict[str, Any] = {"item_id": item, "output_index": 0, "sequence_number": 0}
    fields |= {"content_index": 0, "logprobs": [], "type": "response.output_text.delta"}
    return RawResponsesStreamEvent(ResponseTextDeltaEvent(delta=text, **fields))


def thought(text: str) -> RawResponsesStreamEvent:
    """A piece of a summary."""
    fields: dict[str, Any] = {"item_id": "r", "output_index": 0, "sequence_number": 0}
    fields |= {"summary_index": 0, "type": "response.reasoning_summary_text.delta"}
    return RawResponsesStreamEvent(ResponseReasoningSummaryTextDeltaEvent(delta=text, **fields))


def said(events: list[Any]) -> str:
    """The text of all events."""
    return "".join(event.data.delta for event in events)


def test_what_is_read_as_it_comes_comes_as_it_was() -> None:
    waiting = Waiting()
    assert [waiting.add(spoken(text)) for text in "abc"] == [True, False, False]
    assert [event.data.delta for event in waiting.taken()] == ["a", "b", "c"]  # type: ignore[union-attr]
    assert waiting.taken() == []
    assert waiting.add(spoken("d"))


def test_a_flood_that_nobody_reads_becomes_few_events_with_all_of_the_text() -> None:
    waiting = Waiting()
    for _ in range(MOST_WHOLE * 5):
        waiting.add(spoken("x"))
    waiting.add(spoken("y", item="n"))
    for _ in range(MOST_WHOLE):
        waiting.add(thought("z"))
    events = waiting.taken()
    assert len(events) == MOST_WHOLE + 2
    assert said(events) == "x" * MOST_WHOLE * 5 + "y" + "z" * MOST_WHOLE
