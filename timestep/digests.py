"""Digests of JSON values: equal values have equal digests, whatever the order of their keys."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """The one text of a JSON value: sorted keys, no spaces, UTF-8 as it is."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """SHA-256 of a JSON value's canonical text, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def tool_digest(name: str, schema: Any) -> str:
    """What a spec remembers of a tool: changes with its name or schema, not its description."""
    return digest({"name": name, "schema": schema})
