"""MCP servers: how to start or reach one, never a connection; no secret of theirs is stored.

What a spec from elsewhere starts or reaches is the operator's to allow (`TIMESTEP_MCP`): a stored
command line is code, and a stored URL would be given the secrets of this process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from agents import ToolInputGuardrail, ToolOutputGuardrail
from agents.mcp import MCPServer, MCPServerSse, MCPServerStdio, MCPServerStreamableHttp

from timestep.engine.travel import allowed
from timestep.engine.travel.builder import Builder, entry, made_by, refuse
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.guardrails import build_guardrails, describe_guardrails
from timestep.engine.travel.secrets import SECRET, secrets_here
from timestep.engine.travel.values import Values, build_value, secret_map

KINDS: dict[str, type[Any]] = {
    "stdio": MCPServerStdio,
    "sse": MCPServerSse,
    "streamable_http": MCPServerStreamableHttp,
}
STDIO = ("command", "args", "env", "cwd", "encoding", "encoding_error_handler")
# Arguments of the three constructors that the object keeps under the same name.
OPTIONS = (
    "cache_tools_list",
    "client_session_timeout_seconds",
    "custom_data_extractor",
    "max_list_pages",
    "max_retry_attempts",
    "message_handler",
    "retry_backoff_seconds_base",
    "retry_backoff_seconds_max",
    "tool_filter",
    "tool_meta_resolver",
    "use_structured_content",
)


def describe_server(describer: Describer, server: Any, path: str) -> Any:
    """How to start or reach a server. One of a class of its own goes by import path."""
    kind = next((kind for kind, made in KINDS.items() if type(server) is made), None)
    if kind is None:
        return {"kind": "object", "code": describer.code(server, path, "object")}
    values = Values(describer, guarded=True)
    part = {
        "kind": kind,
        "params": _params(describer, kind, server.params, f"{path}.params"),
        "name": _name(kind, server),
        "options": {name: values.part(getattr(server, name), f"{path}.{name}") for name in OPTIONS},
        "approval": values.part(server._needs_approval_policy, f"{path}.require_approval"),
        **_failure(describer, server, path),
        **_guardrails(describer, server, path),
    }
    describer.parts.append(part)
    return part


def build_server(builder: Builder, part: Any, path: str) -> MCPServer:
    """A server as described, not connected.

    Raises:
        SpecNotBuildable: It is not allowed here, or something in it is not here.
    """
    kind = entry(part, "kind", str, path)
    if kind == "object":
        code = entry(part, "code", dict, path)
        found: MCPServer = builder.code(code, path, "MCP server", _is_server)
        return found
    if kind not in KINDS:
        refuse(path, f"is a {kind!r:.60}, which is no kind of MCP server")
    check_server(builder, part, path)
    params = build_value(builder, {"dict": part["params"]}, f"{path}.params")
    arguments = _arguments(builder, part, path)
    made: MCPServer = made_by(lambda: KINDS[kind](params=params, **arguments), path, secret=True)
    return made


def _params(describer: Describer, kind: str, params: Any, path: str) -> dict[str, Any]:
    found = {name: getattr(params, name) for name in STDIO} if kind == "stdio" else dict(params)
    values = Values(describer, guarded=True)
    part = {
        name: secret_map(describer, value, f"{path}.{name}")
        if name in ("env", "headers") and isinstance(value, Mapping)
        else values.part(value, f"{path}.{name}")
        for name, value in found.items()
        if name not in ("url", "args") and value is not None
    }
    if "args" in found:
        part["args"] = _words(describer, found["args"], f"{path}.args")
    if "url" in found:
        part["url"] = _url(describer, str(found["url"]), f"{path}.url")
    return part


def _words(describer: Describer, words: list[str], path: str) -> list[Any]:
    """The arguments of a command; what looks like a secret among them is not stored."""
    parts: list[Any] = []
    known = set(secrets_here().values())
    for at, word in enumerate(words):
        option = words[at - 1] if at and not word.startswith("-") else word.partition("=")[0]
        secret = option.startswith("-") and option != word and SECRET.search(option)
        where = f"{path}[{at}]"
        hide = bool(secret) or word in known
        parts.append(describer.hidden(word, where, "") if hide else describer.text(word, where))
    return parts


def _url(describer: Describer, url: str, path: str) -> Any:
    """A URL as it is, unless it holds a secret."""
    parts = urlsplit(url)
    secret = parts.password or any(SECRET.search(name) for name, _ in parse_qsl(parts.query))
    return describer.hidden(url, path, "") if secret else describer.text(url, path)


def _name(kind: str, server: Any) -> str | None:
    """The server's name, unless the SDK made it of the address."""
    params = server.params
    address = params.command if kind == "stdio" else params["url"]
    return None if server.name.endswith(f": {address}") else server.name


def _failure(describer: Describer, server: Any, path: str) -> dict[str, Any]:
    """What to do with a tool's error; without the key, what the agent says."""
    found = server._failure_error_function
    if found is None:
        return {"failure": None}
    if not callable(found):
        return {}
    return {"failure": describer.code(found, f"{path}.failure_error_function", "function")}


def _guardrails(describer: Describer, server: Any, path: str) -> dict[str, Any]:
    names = ("tool_input_guardrails", "tool_output_guardrails")
    return {
        name: describe_guardrails(describer, getattr(server, name), f"{path}.{name}")
        for name in names
    }


def check_server(builder: Builder, part: Any, path: str) -> None:
    """Refuse a server that neither this process has described nor its operator has named.

    Raises:
        SpecNotBuildable: It is such a server, or none that can be read.
    """
    stdio = entry(part, "kind", str, path) == "stdio"
    params = entry(part, "params", dict, path)
    target = build_value(builder, params.get("command" if stdio else "url"), f"{path}.params")
    if not isinstance(target, str):
        refuse(path, "lacks a command or URL")
    if not allowed.was_described(part) and not allowed.mcp_allowed(target):
        what = "start" if stdio else "reach"
        shown = target.partition("?")[0].rpartition("@")[2]
        refuse(path, f"would {what} {shown:.200}; name it in TIMESTEP_MCP and start again")


def _arguments(builder: Builder, part: Any, path: str) -> dict[str, Any]:
    options = entry(part, "options", dict, path)
    if not options.keys() <= set(OPTIONS):
        refuse(path, "has options that this version of the SDK does not know")
    found = {name: build_value(builder, options[name], f"{path}.{name}") for name in options}
    found["name"] = entry(part, "name", (str, type(None)), path)
    found["require_approval"] = build_value(
        builder, part.get("approval"), f"{path}.require_approval"
    )
    if "failure" in part:
        found["failure_error_function"] = build_value(builder, part["failure"], path)
    for name, kind in (("input", ToolInputGuardrail), ("output", ToolOutputGuardrail)):
        key = f"tool_{name}_guardrails"
        found[key] = build_guardrails(builder, part.get(key), f"{path}.{key}", kind)
    return found


def _is_server(value: Any) -> bool:
    return isinstance(value, MCPServer)
