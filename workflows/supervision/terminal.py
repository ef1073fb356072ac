"""The terminal that `up` and its children share: whole lines, each with the name of its source."""

from __future__ import annotations

import sys
import threading
from typing import IO

LAST_WORDS_WITHIN_S = 2.0
LONGEST_WORDS = 500


class Terminal:
    """Writes lines from several threads without mixing them."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lock = threading.Lock()

    def say(self, source: str, line: str) -> None:
        """Write one line, after the name of its source."""
        self.plain(f"{source} | {line}")

    def plain(self, *lines: str) -> None:
        """Write lines as they are, next to each other."""
        with self._lock:
            self._stream.write("".join(f"{line}\n" for line in lines))
            self._stream.flush()

    def follow(self, source: str, pipe: IO[bytes]) -> Output:
        """Copy a child's output until it ends, in a thread of its own."""
        return Output(self, source, pipe)


class Output:
    """What one process writes, on its way to the terminal."""

    def __init__(self, terminal: Terminal, source: str, pipe: IO[bytes]) -> None:
        self._terminal = terminal
        self._source = source
        self._last = ""
        self._thread = threading.Thread(target=self._copy, args=(pipe,), daemon=True)
        self._thread.start()

    def last_words(self) -> str:
        """Its last line that says something; waits a moment for what is still on its way."""
        self._thread.join(timeout=LAST_WORDS_WITHIN_S)
        return self._last

    def _copy(self, pipe: IO[bytes]) -> None:
        with pipe:
            for raw in pipe:
                line = raw.decode(errors="replace").rstrip()
                self._terminal.say(self._source, line)
                # Not the places of a traceback, nor what SQLAlchemy adds to an error.
                if line and not line.startswith((" ", "\t", "[", "(")):
                    said = line[:LONGEST_WORDS]
                    self._last = said.removeprefix("error: ").removeprefix("CommandError: ")
