"""Children: prefixed, restarted with growing pauses, stopped, never left behind."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from timestep.outages import TRY_AGAIN
from workflows.supervision import children, supervisor
from workflows.supervision.children import Child, how_it_ended
from workflows.supervision.errors import StartRefused
from workflows.supervision.supervisor import Supervisor
from workflows.supervision.terminal import Terminal

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf'); time.sleep(60)"


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "FIRST_PAUSE_S", 0.2)
    monkeypatch.setattr(children, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(supervisor, "HAND_BACK_S", 0.5)
    monkeypatch.setenv("TIMESTEP_DRAIN_SECONDS", "0")


def child(screen: io.StringIO, code: str, name: str = "web", **more: Any) -> Child:
    environment = dict(os.environ) | {"PYTHONUNBUFFERED": "1"}
    return Child(name, [sys.executable, "-c", code], environment, Terminal(screen), **more)


def eventually(true: Callable[[], object], within: float = 10) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run_until(watched: list[Child], screen: io.StringIO, true: Callable[[], object]) -> None:
    """Supervise until something is true, then press Ctrl-C."""

    def press() -> None:
        try:
            eventually(true)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        Supervisor(watched, Terminal(screen), lambda: "", lambda: None).run()
    finally:
        presser.join()
        for number, handler in before.items():
            signal.signal(number, handler)


def test_output_comes_line_by_line_with_its_name(screen: io.StringIO) -> None:
    one = child(screen, "import sys; print('out'); print('err\\xff', file=sys.stderr)")
    one.start()
    eventually(lambda: "err" in screen.getvalue())
    assert screen.getvalue().splitlines()[0] == "web | out"
    assert screen.getvalue().splitlines()[1].startswith("web | err")
    eventually(lambda: not one.running())


def test_a_dead_child_is_started_again_with_growing_pauses(screen: io.StringIO) -> None:
    killed = child(screen, "import os; os.kill(os.getpid(), 9)")
    run_until([killed], screen, lambda: screen.getvalue().count("again in") == 3)
    news = [line for line in screen.getvalue().splitlines() if "again in" in line]
    assert news[0] == "up | web was ended by SIGKILL; starting it again in 0.2 s"
    assert [line.split()[-2] for line in news[:3]] == ["0.2", "0.4", "0.8"]


CANNOT = "import sys; sys.exit('error: no room at the inn')"


def test_a_child_that_cannot_start_stops_all_with_its_last_words(screen: io.StringIO) -> None:
    other = child(screen, "import time; print('here'); time.sleep(60)", "worker")
    with pytest.raises(StartRefused, match=r"^web cannot start: no room at the inn$"):
        run_until([other, child(screen, CANNOT)], screen, lambda: "stopped" in screen.getvalue())
    assert screen.getvalue().count("web ended with exit code 1; starting it again") == 2
    assert not other.running()


@pytest.mark.parametrize("code", [TRY_AGAIN, 0])
def test_a_child_that_waits_for_what_is_away_is_no_failed_start(
    screen: io.StringIO, code: int
) -> None:
    waits = child(screen, f"exit({code})")
    run_until([waits], screen, lambda: screen.getvalue().count("again in") == 4)


def test_a_child_that_did_its_work_is_no_failed_start(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "LONGEST_PAUSE_S", 0.2)
    code = "import time; print('up', flush=True); time.sleep(0.5); exit(1)"
    works = child(screen, code, does_its_work=lambda one: one.running())
    run_until([works], screen, lambda: screen.getvalue().count("again in") == 4)


def test_the_last_words_are_no_part_of_a_traceback(screen: io.StringIO) -> None:
    code = "print('up\\nValueError: no\\n[SQL: x]\\n(Background on this)\\n  at y')"
    one = child(screen, code + "; exit(1)")
    with pytest.raises(StartRefused, match=r"^web cannot start: ValueError: no$"):
        run_until([one], screen, lambda: "stopped" in screen.getvalue())


def test_a_stop_reaches_everything_that_a_child_started(screen: io.StringIO) -> None:
    code = "import subprocess; p = subprocess.Popen(['sleep', '61']); print(p.pid); p.wait()"
    one = child(screen, code)
    run_until([one], screen, lambda: "web | " in screen.getvalue())
    pid = int(screen.getvalue().split("web | ")[1].split()[0])
    eventually(lambda: not is_running(pid))
    assert not one.running()
    assert screen.getvalue().endswith("up | stopped\n")


def test_a_child_that_does_not_stop_is_killed(screen: io.StringIO) -> None:
    one = child(screen, STUBBORN)
    run_until([one], screen, lambda: "deaf" in screen.getvalue())
    eventually(lambda: not one.running())
    assert "up | web did not stop; killing it" in screen.getvalue()


def test_children_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import sys, os, time; from workflows.supervision.children import Child;"
        "from workflows.supervision.terminal import Terminal;"
        "c = Child('web', [sys.executable, '-c', 'import time; time.sleep(60)'], dict(os.environ),"
        "Terminal()); c.start(); print(c.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    eventually(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    """Whether the process is there and not only waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("code", "words"), [(1, "ended with exit code 1"), (-9, "was ended by SIGKILL")]
)
def test_ends_in_words(code: int, words: str) -> None:
    assert how_it_ended(code) == words
