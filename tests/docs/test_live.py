"""docs/live.md names every event, with what it carries, and every close code."""

from __future__ import annotations

import json
import re

from tests.docs.pages import Page
from tests.stack import ROOT, Stack
from timestep.models import DELTA_KIND
from workflows.live import server
from workflows.live.viewers import Limits

PAGE = Page(ROOT / "docs" / "live.md")
ROW = re.compile(r"^\| `([a-z.]+)` \| (.+) \|$", re.MULTILINE)
CODE = re.compile(r"`(\w+)`")
# Events of the SDK's stream are named `response.…`.
WRITTEN = re.compile(
    r'(?:record_event|emit|\()\(?\s*(?:[\w.]+,\s*)?"(status|handoff|(?!response)[a-z]+\.(?!html)[a-z]+)",'
)
CLOSING = re.compile(r"^\| ?(\d*) ?\| (\d+) \|", re.MULTILINE)
EVERYWHERE = {"step", "attempt", "parent_call_id"}

# Acts of the audit trail, which are about no run.
ACT = re.compile(r"(queue|schedule|limit|access)\.\w+|worker\.(un)?drain|hold\.(place|release)")


def carried() -> dict[str, set[str]]:
    """Event kind → the names in its row."""
    found = {kind: set(CODE.findall(text)) for kind, text in ROW.findall(PAGE.text)}
    for what in ("tool", "guardrail"):
        found[f"{what}.finished"] |= found[f"{what}.started"]
    return found


def closings() -> set[tuple[str, int]]:
    """HTTP status and close code of each row of the table."""
    return {(status, int(code)) for status, code in CLOSING.findall(PAGE.text)}


def test_every_kind_of_event_has_its_row() -> None:
    sources = [path for app in ("timestep", "approvals") for path in (ROOT / app).rglob("*.py")]
    # What reads the trail writes nothing.
    sources = [path for path in sources if path.parent.name != "verifying"]
    written = {kind for path in sources for kind in WRITTEN.findall(path.read_text())}
    events = {kind for kind in written if not ACT.fullmatch(kind)}
    assert carried().keys() == events | {DELTA_KIND}


def test_events_carry_what_their_rows_say(quick_start: Stack) -> None:
    shown = json.loads(quick_start.manage("runs", "first", "--events", "--json").stdout)
    kinds = carried()
    for event in shown["events"]:
        assert event["payload"].keys() <= kinds[event["kind"]] | EVERYWHERE
        assert event.keys() == {"seq", "kind", "payload", "at"}
    assert {event["kind"] for event in shown["events"]} > {"handoff", "approval.decided"}


def test_every_close_code_has_its_row() -> None:
    sources = [ROOT / "workflows" / "live" / name for name in ("access.py", "sockets.py")]
    used = {
        int(code) for path in sources for code in re.findall(r"\b(?:44|10)\d\d\b", path.read_text())
    }
    assert {code for _, code in closings()} == used


def test_the_statuses_before_the_handshake_are_those_of_the_server() -> None:
    statuses = {code: int(status) for status, code in closings() if status}
    assert statuses == server._HTTP_STATUS


def test_the_limits_are_those_of_the_sockets() -> None:
    limits = Limits()
    said = (limits.waiting_bytes >> 20, f"{limits.waiting_batches:,}", f"{limits.send_seconds:g}")
    words = f"more than {said[0]} MB or {said[1]} batches wait, or nothing was read for {said[2]} s"
    assert words in PAGE.text
