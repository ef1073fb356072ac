"""The Conversations API: histories that the server keeps, with ids of its own."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
Answered = tuple[int, Json]

PREFIX = "/v1/conversations"
_PAGE = 20
_MOST_AT_ONCE = 20
_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco"}


class Conversations:
    """All conversations of a server."""

    def __init__(self) -> None:
        self.items: dict[str, list[Json]] = {}
        # How many of the next writes are done, and their answers lost on the way.
        self.lose = 0
        self._ids = 0

    def answer(self, method: str, target: str, body: Json) -> Answered:
        """The status and body of the answer to a request."""
        url = urlsplit(target)
        parts = url.path.removeprefix(PREFIX).strip("/").split("/")
        if parts == [""]:
            return self._created(body)
        if parts[0] not in self.items:
            return 404, _error(f"no conversation {parts[0]}")
        if method == "GET":
            return self._listed(parts[0], parse_qs(url.query))
        if method == "POST":
            return self._appended(parts[0], body.get("items", []))
        return self._deleted(parts)

    def _created(self, body: Json) -> Answered:
        name = f"conv_{self._next()}"
        self.items[name] = []
        self._appended(name, body.get("items") or [])
        return 200, _conversation(name)

    def _listed(self, name: str, query: dict[str, list[str]]) -> Answered:
        items = list(self.items[name])
        if query.get("order", ["desc"])[0] == "desc":
            items.reverse()
        if after := query.get("after"):
            ids = [item["id"] for item in items]
            items = items[ids.index(after[0]) + 1 :]
        size = int(query.get("limit", [str(_PAGE)])[0])
        page = items[:size]
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
        more = {"object": "list", "data": page, "has_more": len(items) > size}
        return 200, more | {"first_id": "", "last_id": ""} | ends

    def _appended(self, name: str, items: list[Json]) -> Answered:
        if len(items) > _MOST_AT_ONCE:
            return 400, _error(f"at most {_MOST_AT_ONCE} items at once")
        added = [self._kept(item) for item in items]
        self.items[name] += added
        return 200, {"object": "list", "data": added, "has_more": False} | {
            "first_id": added[0]["id"] if added else "",
            "last_id": added[-1]["id"] if added else "",
        }

    def _deleted(self, parts: list[str]) -> Answered:
        if len(parts) == 1:
            del self.items[parts[0]]
            return 200, {"id": parts[0], "object": "conversation.deleted", "deleted": True}
        self.items[parts[0]] = [i for i in self.items[parts[0]] if i["id"] != parts[2]]
        return 200, _conversation(parts[0])

    def _kept(self, item: Json) -> Json:
        """An item as the server gives it back: with an id, and its text in parts."""
        kind = item.get("type", "message")
        kept = item | {"type": kind, "id": f"{_PREFIXES.get(kind, 'item')}_{self._next()}"}
        kept["status"] = "completed"
        if isinstance(kept.get("content"), str):
            part = "output_text" if kept["role"] == "assistant" else "input_text"
            kept["content"] = [{"type": part, "text": kept["content"]}]
        return kept

    def _next(self) -> int:
        self._ids += 1
        return self._ids


def _conversation(name: str) -> Json:
    return {"id": name, "object": "conversation", "created_at": 0, "metadata": {}}


def _error(message: str) -> Json:
    return {"error": {"message": message, "type": "invalid_request_error"}}
