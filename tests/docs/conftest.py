"""One installation for all examples: started once, with everything that the pages ask for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.docs.examples import Reader, environment, write_files
from tests.docs.pages import README, all_pages
from tests.stack import ROOT, Stack

PASSWORD = "correct-horse"


@pytest.fixture(scope="session")
def model_server() -> Iterator[str]:
    """The base URL of a server that speaks as OpenAI's and Ollama's do."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.fake_openai"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        yield json.loads(server.stdout.readline())["url"]
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, model_server: str) -> Iterator[Stack]:
    """Timestep, started as the pages tell readers to start it."""
    user_home: Path = tmp_path_factory.mktemp("reader")
    pages = all_pages()
    write_files(pages, user_home)
    extra = environment(pages, user_home) | {
        "HOME": str(user_home),
        "TIMESTEP_ADMIN_PASSWORD": PASSWORD,
        "FOLLOW_PASSWORD": PASSWORD,
        "TIMESTEP_DEMO_TOKENS_PER_SECOND": "0",
        "OPENAI_API_KEY": "any",
        "OPENAI_BASE_URL": model_server,
        "OLLAMA_BASE_URL": model_server,
    }
    stack = Stack(tmp_path_factory.mktemp("home"), extra=extra)
    try:
        stack.start_all()
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="session")
def quick_start(installation: Stack) -> Stack:
    """The installation after the README was followed: the guides go on from there."""
    Reader(installation).follow(README)
    return installation


@pytest.fixture(scope="session")
def followed(quick_start: Stack) -> Iterator[dict[str, Future[None]]]:
    """What came of following each other page, by its name: they are independent of each other."""
    with ThreadPoolExecutor(max_workers=3) as readers:
        pages = [page for page in all_pages() if page != README and page.blocks()]
        yield {page.name: readers.submit(Reader(quick_start).follow, page) for page in pages}
