"""What describing an agent gathers: problems, needs, and the agents still to be described."""

from __future__ import annotations

import os
import re
from typing import Any

from agents import Agent

from timestep.engine.travel import allowed
from timestep.engine.travel.problems import Problem
from timestep.engine.travel.references import MAIN, reference_to, why_unknown
from timestep.engine.travel.registered import entry_of
from timestep.scripts import own_home, own_script
from timestep.storable import storable_text

# They differ from shell to shell, and a value such as "1" is found in them by chance.
VOLATILE = frozenset({"_", "OLDPWD", "PWD", "SHLVL"})
SCHEMES = ("", "Bearer ", "Basic ", "Token ")
# An option such as --token=… on a command line.
OPTION = re.compile(r"--?[\w-]+=")
MENDS = {
    "tool": "bind it to a name at the top level of a module, or register_tool(tool)",
    "agent": "describe what it is made of, or register_agent(agent)",
    "guardrail": "bind it to a name at the top level of a module, or register_guardrail(guardrail)",
    "function": "write it with def at the top level of a module, or register_function(f, name)",
    "type": "define the class at the top level of a module",
    "object": "bind it to a name at the top level of a module",
}


class Describer:
    """One description in the making.

    Args:
        session: Whether parts may live in this very process, where that has no file.
    """

    def __init__(self, *, session: bool = False) -> None:
        self._session = session
        self.problems: list[Problem] = []
        self.modules: set[str] = set()
        self.registered: dict[tuple[str, str], str] = {}
        self.environment: set[str] = set()
        self.script: str | None = None
        self.parts: list[Any] = []
        self.agents: dict[str, tuple[Agent[Any], str]] = {}
        self._keys: dict[int, str] = {}

    def problem(self, path: str, what: str, mend: str) -> None:
        """Note what cannot travel."""
        self.problems.append(Problem(path, what, mend))

    def needs(self) -> dict[str, Any]:
        """What a process must have to build the spec."""
        registered = [
            {"kind": kind, "name": name, "digest": self.registered[kind, name]}
            for kind, name in sorted(self.registered)
        ]
        return {
            "modules": sorted(self.modules),
            "registered": registered,
            "script": self.script,
            "environment": sorted(self.environment),
        }

    def agent_key(self, agent: Agent[Any], path: str) -> str:
        """The key of an agent in the spec; met for the first time, it is described later."""
        known = self._keys.get(id(agent))
        if known is not None:
            return known
        key, number = agent.name, 1
        while key in self.agents:
            number += 1
            key = f"{agent.name}#{number}"
        self._keys[id(agent)] = key
        self.agents[key] = (agent, path)
        return key

    def code(self, value: object, path: str, kind: str) -> dict[str, Any] | None:
        """A reference to a part of the program: registered, or by import path."""
        entry = entry_of(kind, value)
        if entry is not None:
            self.registered[kind, entry.name] = entry.digest
            return {"registered": entry.name, "digest": entry.digest}
        found = reference_to(value)
        if found is None:
            self.problem(path, why_unknown(value), MENDS[kind])
            return None
        module, _, name = found["ref"].partition(":")
        if module == MAIN:
            self._from_script(path)
        elif not allowed.is_sdk(module):
            self.modules.add(module)
        elif not allowed.sdk_offers(module, name):
            self.problem(path, f"is {found['ref']}, which specs may not name", MENDS[kind])
        return found

    def text(self, value: str, path: str) -> str:
        """A text, if databases can store it."""
        if storable_text(value) != value:
            self.problem(
                path,
                "has a character that no database stores (NUL or half of a surrogate pair)",
                "take it out",
            )
        return value

    def hidden(self, value: str, path: str, name: str) -> Any:
        """The name of the environment variable that holds a value which must not be stored."""
        if not value:
            return ""
        option = OPTION.match(value)
        for scheme in (*SCHEMES, option.group() if option else ""):
            rest = value[len(scheme) :]
            if value.startswith(scheme) and rest and (variable := _variable(rest, name)):
                self.environment.add(variable)
                return {"env": variable, "scheme": scheme}
        self.problem(
            path,
            "has a value that would be stored in the database",
            "put the value into an environment variable, here and on the workers, and take it "
            "from there",
        )
        return None

    def _from_script(self, path: str) -> None:
        self.script = own_home() if self._session else own_script()
        if self.script is None:
            self.problem(path, "is defined in a session without a file", "save it in a module")


def _variable(value: str, name: str) -> str | None:
    """The variable with this value: the one of this name, else the first by name."""
    if os.environ.get(name) == value:
        return name
    found = [key for key, held in os.environ.items() if held == value and key not in VOLATILE]
    return min(found, default=None)
