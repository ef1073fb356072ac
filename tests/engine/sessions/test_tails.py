"""What is missing of a write that died half way."""

from __future__ import annotations

from typing import Any

import pytest

from timestep.engine.sessions.tails import identity, missing


def _said(*texts: str) -> list[Any]:
    return [{"role": "user", "content": text} for text in texts]


@pytest.mark.parametrize(
    ("after", "left"),
    [
        ("", "abc"),
        ("abc", ""),
        ("ab", "c"),
        ("xabcy", ""),
        ("xaby", "c"),
        ("x", "abc"),
        ("acb", "abc"),
        ("ab abc", ""),
    ],
)
def test_what_is_there_in_one_piece_is_not_missing(after: str, left: str) -> None:
    assert missing(_said(*"abc"), _said(*after), [3, 2]) == _said(*left)


def test_a_backend_that_writes_whole_batches_has_all_or_nothing() -> None:
    assert missing(_said(*"abc"), _said(*"ab"), [3]) == _said(*"abc")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            {"role": "user", "content": "hi"},
            {
                "type": "message",
                "id": "msg_1",
                "role": "user",
                "status": "completed",
                "content": [{"type": "input_text", "text": "hi"}],
            },
        ),
        (
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": "fc"},
        ),
        (
            {"type": "function_call_output", "call_id": "c", "output": "done"},
            {"type": "function_call_output", "call_id": "c", "output": "done", "status": "x"},
        ),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
            {"type": "message", "role": "assistant", "content": [{"refusal": "no", "x": 1}]},
        ),
    ],
)
def test_an_item_is_known_again_by_what_no_backend_changes(ours: Any, theirs: Any) -> None:
    assert identity(ours) == identity(theirs)


@pytest.mark.parametrize(
    "change",
    [{"role": "assistant"}, {"content": "ho"}, {"type": "function_call"}, {"call_id": "c"}],
)
def test_items_that_differ_are_told_apart(change: dict[str, Any]) -> None:
    item = {"role": "user", "content": "hi"}
    assert identity(item) != identity(item | change)
