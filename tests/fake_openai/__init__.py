"""A stand-in for OpenAI's servers: a small HTTP server that follows a script.

Start it by itself, or inside a test:

    python -m tests.fake_openai --port 0 --script script.json     # prints {"url": …, "pid": …}
    async with FakeOpenAI(script) as fake: ...                     # fake.url, fake.requests

It speaks `POST /v1/responses` and `POST /v1/chat/completions`, streamed (SSE) and not, and the
Conversations API (`conversations.py`). Point a
client at it with `OPENAI_BASE_URL=<url>` (or `OLLAMA_BASE_URL=<url>`) and any key.

The script is JSON:

    {"token_delay": 0.01,              seconds between tokens (default 0)
     "turns": [TURN, …],               what the model answers, by turn
     "faults": [FAULT, …],             for the first, second, … request of all (null: none)
     "conversations": [                scripts for some requests only; the first that matches
        {"input_contains": "…", "instructions_contain": "…", "model": "…",
         "turns": [TURN, …], "token_delay": 0.01}]}

    TURN   {"text": "…"} or {"tokens": 50} and/or {"calls": [{"name", "arguments", "call_id"?}]},
           {"flood": 100000}: so many tokens of one character each, as fast as they can be read,
           "items": raw items of the Responses API that come before them (hosted tools),
           "delay": seconds before the first byte, "token_delay": …, "faults": [FAULT, …]
    FAULT  {"status": 429, "headers": {"retry-after": "1"}, "message": "…", "code": "…"}
           {"break": HOW, "after": number of tokens sent before, "code": "…", "message": "…"}
           null: no fault this time
    HOW    reset (RST), close (in the middle of a chunk), truncate (a clean end that is too early),
           half_event (half the JSON of an event), hang (nothing more until the client goes),
           failed, incomplete, error (the API's own events), api_error (an `error` object)

A **conversation** is told by its last user message and the instructions, a **turn** by how often
the assistant has spoken since that message. So a request that is made again after a crash asks for
the same turn and gets the same answer, with the same call ids: give every run an input of its own,
and `GET /_counts` says how often each turn was asked for and answered whole. Turns past the
script's end say "done". A turn's n-th request takes its n-th fault. In texts and arguments
`{input}`, `{outputs}` (what the tools of this conversation returned, in order), `{turn}` and
`{conversation}` are filled in.

    GET /_requests   {"total", "requests": [{"n", "at", "ended_at", "path", "model", "stream",
                     "conversation", "turn", "input", "outcome", "authorized"}]}; `?bodies=1` adds
                     "body". Outcomes: answered, fault:…, client_gone, open.
    GET /_counts     {"<conversation>.<turn>": {"asked", "answered", "input"}}
    GET /_conversations  {"<conversation id>": [item, …]} of the Conversations API.
    POST /_script    replaces the script; POST /_reset forgets the requests.
"""

from tests.fake_openai.server import FakeOpenAI, Request

__all__ = ["FakeOpenAI", "Request"]
