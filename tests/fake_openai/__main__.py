"""Start the double by itself: `python -m tests.fake_openai --port 0 [--script FILE]`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.fake_openai.server import FakeOpenAI


async def _serve(script: dict[str, Any], host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with FakeOpenAI(script, host, port) as fake:
        sys.stdout.write(json.dumps({"url": fake.url, "pid": os.getpid()}) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Serve until told to stop; the first line of output says where."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_openai")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", type=Path)
    given = parser.parse_args()
    script = json.loads(given.script.read_text()) if given.script else {}
    asyncio.run(_serve(script, given.host, given.port))


main()
