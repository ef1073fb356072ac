"""Agents that programs have described: which program must do what, so that their runs go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from timestep.models import Run
from timestep.scripts import is_session
from timestep.spec_version import SpecVersion
from workflows.selectors.why.case import Case, Reason

_NAMED = 5
_FROM = "program "


def unbuildable(case: Case) -> Iterator[Reason]:
    """An agent of a program that nobody takes, where nothing else is in the way."""
    if case.run.spec.is_of_program and not case.is_given:
        yield Reason("unbuildable", f"No living process takes it. {waits_for(case.run)}")


def waits_for(run: Run) -> str:
    """Which program must do what, so that a run of its agent goes on; for agents of no script."""
    needs = _needs(run.spec.body)
    modules = _texts(needs.get("modules"))
    done = list(_done(needs, modules))
    then = f", which has to {' and to '.join(done)}" if done else ""
    said = f"Waits for {_program(run)} to run again{then}."
    if modules:
        said += f" Or name {_list(modules)} in TIMESTEP_CODE of a worker, and start that again."
    return f"{said} The log of each process says what it lacks."


def needs_script(script: str) -> str:
    """What to do for a run whose agent lives in a script that no living process is."""
    if is_session(script):
        return (
            f"Its agent lives in {script}, which has ended and has no file: nothing can go on "
            "with it. Save the agent in a file and launch it from there; cancel this run."
        )
    return f"Waits for {script} to run again: its agent lives in that file."


def script_of(spec: Mapping[str, Any]) -> str:
    """The file or session that an agent lives in; empty where others can build it."""
    script = _needs(spec).get("script")
    return script if isinstance(script, str) else ""


def _needs(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    needs = spec.get("needs") if spec.get("spec_version") == SpecVersion.CODE else None
    return needs if isinstance(needs, dict) else {}


def _program(run: Run) -> str:
    launched_by = run.launched_from.removeprefix(_FROM) if _FROM in run.launched_from else ""
    place = f" ({launched_by})" if launched_by else ""
    return f"the program {run.label}{place}" if run.label else f"the program that began it{place}"


def _done(needs: Mapping[str, Any], modules: list[str]) -> Iterator[str]:
    """What the program has to do."""
    if modules:
        yield f"import {_list(modules)}"
    registered = needs.get("registered")
    for part in (registered if isinstance(registered, list) else [])[:_NAMED]:
        yield f"call register_{part.get('kind')}() for {part.get('name')!r:.80}"
    if variables := _texts(needs.get("environment")):
        yield f"have {_list(variables)} in its environment"


def _texts(found: Any) -> list[str]:
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _list(names: list[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
