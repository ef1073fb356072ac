"""The terminal that `up` and its children share: whole lines, each with the name of its source."""

from __future__ import annotations

import sys
import threading
from typing import IO


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

    def follow(self, source: str, pipe: IO[bytes]) -> None:
        """Copy a child's output until it ends, in a thread of its own."""
        threading.Thread(target=self._copy, args=(source, pipe), daemon=True).start()

    def _copy(self, source: str, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self.say(source, line.decode(errors="replace").rstrip())
