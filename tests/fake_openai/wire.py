"""Answers in the form of the two APIs: whole bodies, and the events of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fake_openai.script import Answer

Json = dict[str, Any]


def usage(answer: Answer, body: Json) -> tuple[int, int]:
    """Tokens in and out; the numbers depend on nothing but the request and the script."""
    sent = len(str(body.get("input", body.get("messages", "")))) // 4 + 1
    made = len(answer.tokens) + sum(len(call["arguments"]) // 4 + 1 for call in answer.calls)
    return sent, made


def response(answer: Answer, body: Json, status: str, output: list[Json]) -> Json:
    """A `Response` object."""
    sent, made = usage(answer, body)
    return {
        "id": f"resp_{answer.ident}",
        "object": "response",
        "created_at": 1_700_000_000,
        "model": body.get("model", "fake"),
        "status": status,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "usage": None if status == "in_progress" else _usage(sent, made),
    }


def _usage(sent: int, made: int) -> Json:
    return {
        "input_tokens": sent,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sent + made,
    }


def output_items(answer: Answer) -> list[Json]:
    """The finished items of an answer."""
    items = list(answer.items)
    if answer.tokens:
        items.append(_message(answer, [_part("".join(answer.tokens))], "completed"))
    return items + [_call(answer, i, "completed", call["arguments"]) for i, call in _calls(answer)]


def _calls(answer: Answer) -> list[tuple[int, Json]]:
    return list(enumerate(answer.calls))


def _message(answer: Answer, content: list[Json], status: str) -> Json:
    return {
        "id": f"msg_{answer.ident}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def _part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _call(answer: Answer, i: int, status: str, arguments: str) -> Json:
    call = answer.calls[i]
    return {
        "id": f"fc_{answer.ident}_{i}",
        "type": "function_call",
        "status": status,
        "call_id": call["call_id"],
        "name": call["name"],
        "arguments": arguments,
    }


def responses_events(answer: Answer, body: Json) -> Iterator[Json]:
    """The events of a Responses stream; each token is one event."""
    for number, event in enumerate(_responses_events(answer, body)):
        yield {**event, "sequence_number": number}


def _responses_events(answer: Answer, body: Json) -> Iterator[Json]:
    begun = response(answer, body, "in_progress", [])
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(answer.items):
        yield {"type": "response.output_item.added", "output_index": index, "item": item}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    if answer.tokens:
        yield from _message_events(answer)
    for i, _ in _calls(answer):
        yield from _call_events(answer, i)
    done = response(answer, body, "completed", output_items(answer))
    yield {"type": "response.completed", "response": done}


def _message_events(answer: Answer) -> Iterator[Json]:
    text = "".join(answer.tokens)
    index = len(answer.items)
    at = {"item_id": f"msg_{answer.ident}", "output_index": index, "content_index": 0}
    added = _message(answer, [], "in_progress")
    yield {"type": "response.output_item.added", "output_index": index, "item": added}
    yield {"type": "response.content_part.added", **at, "part": _part("")}
    for token in answer.tokens:
        yield {"type": "response.output_text.delta", **at, "delta": token, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": text, "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": _part(text)}
    done = _message(answer, [_part(text)], "completed")
    yield {"type": "response.output_item.done", "output_index": index, "item": done}


def _call_events(answer: Answer, i: int) -> Iterator[Json]:
    index = len(answer.items) + i + bool(answer.tokens)
    arguments = answer.calls[i]["arguments"]
    at = {"item_id": f"fc_{answer.ident}_{i}", "output_index": index}
    added = _call(answer, i, "in_progress", "")
    yield {"type": "response.output_item.added", "output_index": index, "item": added}
    for start in range(0, len(arguments), 8):
        piece = arguments[start : start + 8]
        yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
    name = answer.calls[i]["name"]
    done = {**at, "arguments": arguments, "name": name}
    yield {"type": "response.function_call_arguments.done", **done}
    item = _call(answer, i, "completed", arguments)
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def chat_calls(answer: Answer) -> list[Json]:
    """The calls of a Chat Completions message."""
    return [
        {
            "index": i,
            "id": call["call_id"],
            "type": "function",
            "function": {"name": call["name"], "arguments": call["arguments"]},
        }
        for i, call in _calls(answer)
    ]


def chat_completion(answer: Answer, body: Json) -> Json:
    """A whole `ChatCompletion`."""
    message = {"role": "assistant", "content": "".join(answer.tokens) or None}
    if answer.calls:
        message["tool_calls"] = chat_calls(answer)  # type: ignore[assignment]
    choice = {"index": 0, "message": message, "finish_reason": _finish(answer), "logprobs": None}
    return {
        **_chat(answer, body, "chat.completion"),
        "choices": [choice],
        **_chat_usage(answer, body),
    }


def _finish(answer: Answer) -> str:
    return "tool_calls" if answer.calls else "stop"


def _chat(answer: Answer, body: Json, kind: str) -> Json:
    model = body.get("model", "fake")
    return {"id": f"chat_{answer.ident}", "object": kind, "created": 1_700_000_000, "model": model}


def _chat_usage(answer: Answer, body: Json) -> Json:
    sent, made = usage(answer, body)
    counts = {"prompt_tokens": sent, "completion_tokens": made, "total_tokens": sent + made}
    return {"usage": counts}


def chat_events(answer: Answer, body: Json) -> Iterator[Json]:
    """The chunks of a Chat Completions stream; each token is one chunk."""
    head = _chat(answer, body, "chat.completion.chunk")
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": token} for token in answer.tokens]
    if answer.calls:
        deltas.append({"tool_calls": chat_calls(answer)})
    for delta in deltas:
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    end = {"index": 0, "delta": {}, "finish_reason": _finish(answer)}
    yield {**head, "choices": [end], **_chat_usage(answer, body)}


def failure_event(how: str, answer: Answer, body: Json, code: str, message: str) -> Json:
    """The API's own ways to end a stream without an answer."""
    if how == "error":
        return {
            "type": "error",
            "code": code,
            "message": message,
            "param": None,
            "sequence_number": 1,
        }
    if how == "api_error":
        return {"error": {"message": message, "type": code, "code": code, "param": None}}
    ended = response(answer, body, how, [])
    if how == "failed":
        ended["error"] = {"code": code, "message": message}
    else:
        ended["incomplete_details"] = {"reason": code}
    return {"type": f"response.{how}", "response": ended, "sequence_number": 1}
