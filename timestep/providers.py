"""The one table of model providers: a model's name says who serves it, by its prefix.

`gpt-4.1` and `openai/gpt-4.1` go to OpenAI, `ollama/llama3.2` to Ollama, `demo/fast` to the
offline demo. Names that have a slash and no prefix of this table are refused. Keys are read from
the environment where a model is called; this module only says which variable holds one, so that
a web process can tell what is missing without ever seeing a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from timestep.errors import InvalidInput

_MAX_NAME = 200
_PACE = re.compile(r"fast|slow|instant|[1-9][0-9]{0,4}tps")


@dataclass(frozen=True)
class Provider:
    """Where the models of one prefix are served.

    Args:
        prefix: What stands before the slash of a model's name.
        label: The name shown to people.
        env_key: The variable that must hold a key, or None when none is needed.
        env_url: The variable that may hold another base URL, or None.
        default_url: The base URL when that variable is not set, or None.
        offline: True when no request leaves this machine's process.
    """

    prefix: str
    label: str
    env_key: str | None
    env_url: str | None
    default_url: str | None
    offline: bool = False

    def base_url(self, environ: Mapping[str, str]) -> str | None:
        """The base URL under this environment, or None for the client's own default."""
        named = environ.get(self.env_url, "") if self.env_url else ""
        return named.strip() or self.default_url

    def has_key(self, environ: Mapping[str, str]) -> bool:
        """Whether a key is set where one is needed."""
        return self.env_key is None or bool(environ.get(self.env_key, "").strip())


OPENAI = Provider("openai", "OpenAI", "OPENAI_API_KEY", "OPENAI_BASE_URL", None)
OLLAMA = Provider("ollama", "Ollama", None, "OLLAMA_BASE_URL", "http://localhost:11434/v1")
DEMO = Provider("demo", "Demo (offline, built in)", None, None, None, offline=True)

PROVIDERS: Mapping[str, Provider] = {entry.prefix: entry for entry in (OPENAI, OLLAMA, DEMO)}


def split_model_name(name: str) -> tuple[Provider, str]:
    """The provider of a model's name, and the name that this provider knows it by.

    Raises:
        InvalidInput: The name is empty or malformed, or its prefix is not in the table.
    """
    if not name or len(name) > _MAX_NAME or not name.isprintable() or name != name.strip():
        raise InvalidInput("model", f"a model name has 1 to {_MAX_NAME} printable characters")
    prefix, slash, rest = name.partition("/")
    if not slash:
        return OPENAI, name
    provider = PROVIDERS.get(prefix)
    if provider is None:
        known = ", ".join(f"{known}/…" for known in PROVIDERS)
        raise InvalidInput(
            "model",
            f"no provider has the prefix {prefix!r}; known are {known} and plain names "
            "(a name with a slash at an OpenAI-compatible server: openai/ before it)",
        )
    _check_rest(provider, rest)
    return provider, rest


def _check_rest(provider: Provider, rest: str) -> None:
    if not rest:
        raise InvalidInput("model", f"name a model after {provider.prefix}/")
    if provider is DEMO and not _PACE.fullmatch(rest):
        raise InvalidInput(
            "model",
            "demo models are demo/fast, demo/slow, demo/instant and, for example, demo/50tps",
        )


def available(environ: Mapping[str, str]) -> dict[str, bool]:
    """Prefix → whether this environment has the key that it needs. Never the key itself."""
    return {prefix: entry.has_key(environ) for prefix, entry in PROVIDERS.items()}
