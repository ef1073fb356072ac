"""Which agent specs this process can build, so that it takes only runs that it can execute."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any

from timestep.engine.tools.registry import RegisteredTool
from timestep.engine.travel import missing_here
from timestep.models import AgentSpec, Run, RunStatus
from timestep.spec_version import SpecVersion

logger = logging.getLogger(__name__)

# Parts of an agent may be registered, or imported, after the process began to take runs.
_LOOK_AGAIN_SECONDS = 1.0
_TOLD_AFTER_SECONDS = 3.0


def lacks(spec: Mapping[str, Any], tools: Mapping[str, RegisteredTool], *, script: bool) -> str:
    """What this process lacks to build a spec, in a sentence; "" if nothing.

    Args:
        spec: The body of the spec.
        tools: The tools of agent definitions that this process has.
        script: Whether this is a script. A worker takes every run of a definition, and the run
            then says what the worker lacks; a script leaves them to workers instead.
    """
    if spec.get("spec_version") == SpecVersion.CODE:
        return missing_here(spec)
    entries = [entry for part in spec["agents"].values() for entry in part["tools"]]
    missing = {
        entry["name"]
        for entry in entries
        if entry["name"] not in tools or tools[entry["name"]].schema_digest != entry["digest"]
    }
    return f"lacks {', '.join(sorted(missing))}" if script and missing else ""


class Fitness:
    """Remembers by digest what a process lacks for a spec; used by the dispatcher.

    Args:
        lacks: Says what is missing here for a spec's body, in a sentence; "" if nothing is.
    """

    def __init__(self, lacks: Callable[[Mapping[str, Any]], str]) -> None:
        self._lacks = lacks
        self._fit: set[str] = set()
        self._unfit: dict[str, float] = {}
        self._at_home: set[str] = set()
        self._of_programs: set[str] = set()
        self._told = Lacking()

    def at_home(self) -> frozenset[str]:
        """Those that `unbuildable` found fit, and that live in scripts like this one alone."""
        return frozenset(self._at_home)

    def of_programs(self) -> frozenset[str]:
        """Those that `unbuildable` found fit, and that programs have described."""
        return frozenset(self._of_programs)

    def misjudged(self, spec: AgentSpec) -> bool:
        """Whether a spec that was found fit cannot be built here as things are now.

        From any thread, by whoever failed to build it. It is looked at anew then.
        """
        self._fit.discard(spec.digest)
        return bool(self._lacks(spec.body))

    def unbuildable(self, digests: Set[str]) -> frozenset[str]:
        """Those of these specs that cannot be built here.

        Args:
            digests: Of the specs of ready segments.
        """
        self._unfit = {known: at for known, at in self._unfit.items() if known in digests}
        self._told.keep(self._unfit)
        now = time.monotonic()
        due = {d for d in digests - self._fit if now >= self._unfit.get(d, 0.0)}
        for spec in AgentSpec.objects.filter(digest__in=due):
            if lacked := self._lacks(spec.body):
                self._unfit[spec.digest] = now + _LOOK_AGAIN_SECONDS
                self._told.note(spec, lacked)
            else:
                self._fit.add(spec.digest)
                self._sort(spec)
                self._unfit.pop(spec.digest, None)
        return frozenset(self._unfit)

    def _sort(self, spec: AgentSpec) -> None:
        if spec.is_of_program:
            self._of_programs.add(spec.digest)
            if spec.body["needs"].get("script") or spec.body["needs"].get("registered"):
                self._at_home.add(spec.digest)


class Lacking:
    """Writes into the log, once for each spec and reason, why runs are left to other processes.

    Not at once: parts may be registered, or imported, right after the process began to look.
    """

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self._told: dict[str, str] = {}

    def keep(self, digests: Iterable[str]) -> None:
        """Forget all other specs: nothing waits for them any more, or they can be built now."""
        kept = frozenset(digests)
        self._first = {digest: at for digest, at in self._first.items() if digest in kept}

    def note(self, spec: AgentSpec, lacked: str) -> None:
        """Remember what is lacked for a spec, and tell it once it has lasted."""
        first = self._first.setdefault(spec.digest, time.monotonic())
        lasts = time.monotonic() - first >= _TOLD_AFTER_SECONDS
        if lasts and self._told.get(spec.digest) != lacked:
            self._told[spec.digest] = lacked
            waiting = Run.objects.filter(spec=spec, status=RunStatus.QUEUED).order_by("created_at")
            for run in waiting[:1]:
                said = "run %s of agent %r stays queued, since this process cannot build it: %s"
                logger.log(_level(spec), said, run.run_id, run.agent, lacked)


def _level(spec: AgentSpec) -> int:
    """Runs of other scripts are nobody's concern here; what lives in modules should be built."""
    return logging.INFO if spec.body.get("needs", {}).get("script") else logging.WARNING
