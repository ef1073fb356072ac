"""Masking: what is named in the settings, and what looks like a secret, is shown nowhere.

Rows keep what models, tools and people wrote: the tool gets the real value. Whatever leaves the
database to be read by people goes through `masked`: pages, sockets, letters, webhooks, exports
and the command line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from django.conf import settings

MASK = "[masked]"

# Names whose values are secrets, whoever gave them.
_NAME = (
    r"authorization|api[-_]?key|private[-_]?key|passw(?:or)?d|passphrase|secret(?!ar)|credential"
)
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
# Counts of tokens are no secrets, and there are many of them.
_TOKEN_NAME = re.compile(r"token(?!s|i|_?count)", re.IGNORECASE)
_VALUE = (
    r"(?P<value>\\\"[^\"\\]*\\\"|\"(?:[^\"\\]|\\.)*(?:\"|$)|'[^']*'"
    r"|(?:Bearer|Basic)\s+[^\s\"',;]+|[^\s\"',;}\]\\]{4,})"
)
_LEAD = r"\\?[\"']?\s*[=:]\s*)"
_LOOKS = re.compile(
    # Keys of providers and services, by how they begin; words have no digits, keys have.
    r"\b(?:sk|pk|rk|sess|gh[oprsu]|github_pat|glpat|xox[abeprs]|hf|whsec)[-_]"
    r"(?=[A-Za-z_\-.]{0,40}\d)[A-Za-z0-9_\-.]{12,500}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_\-]{30,}"
    r"|\beyJ[A-Za-z0-9_\-]{8,500}\.[A-Za-z0-9_\-]{8,9000}\.[A-Za-z0-9_\-]*"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
    r"|(?i:\bBearer\s+[A-Za-z0-9_\-.~+/=]{12,})"
    r"|(?<=://)[^\s/@:]{1,200}:[^\s/@]{1,200}(?=@)",
    re.DOTALL,
)
# How matches of these begin. What is added to the one above is added here.
_BEGINS = (
    *("sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "sess-", "sess_", "gho", "ghp", "ghr", "ghs"),
    *("ghu", "github_pat", "glpat", "xox", "hf-", "hf_", "whsec", "AKIA", "ASIA", "AIza", "eyJ"),
    "-----BEGIN ",
)
_NAMES_BEGIN = ("authorization", "api", "private", "passw", "passphrase", "secret", "credential")


def masked(value: Any) -> Any:
    """The value as it may be shown: secrets are replaced by `MASK`, the rest is as it was.

    Args:
        value: A JSON value, or a text, which may itself hold JSON.

    Returns:
        A value of the same shape; the very same where nothing was masked is not promised.
    """
    try:
        return _masked(value)
    except RecursionError:
        return MASK  # Nested deeper than can be looked through: nobody vouches for it.


def masked_texts(value: Any) -> Any:
    """The same for a JSON schema: what is said in it, but not what its arguments are called."""
    if isinstance(value, dict):
        return {masked_text(str(key)): masked_texts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked_texts(item) for item in value]
    return masked_text(value) if isinstance(value, str) else value


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, dict):
        return {_masked_key(key): _masked_item(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    return value


def _masked_key(key: Any) -> Any:
    """Keys come from models and tools as well."""
    return masked_text(key) if isinstance(key, str) else key


def _masked_item(name: str, item: Any) -> Any:
    if item in (None, "", {}, []):
        return item
    if _plain(name) in _named_fields():
        return MASK
    if isinstance(item, bool):
        return item
    if _SECRET_NAME.search(name) or (isinstance(item, str) and _TOKEN_NAME.search(name)):
        return MASK
    return _masked(item)


def masked_text(text: str) -> str:
    """The text without what looks like a secret, and without the values of named fields in it."""
    text = _replaced(_LOOKS, lambda found: MASK, text, _spots(text, _BEGINS) | _any_case(text))
    fields, named = _named_fields(), _named_in_text(_named_fields())
    folded = _folded(text)
    if fields and any(name in _plain(folded) for name in fields):
        return named.sub(_hide, text)
    return _replaced(named, _hide, text, _spots(folded, _NAMES_BEGIN))


def _replaced(
    pattern: re.Pattern[str], by: Callable[[re.Match[str]], str], text: str, spots: set[int]
) -> str:
    """What `pattern.sub(by, text)` gives, tried only where a match can begin.

    A search tries every letter of a page, which took longer than to make the page.
    """
    shown, end = [], 0
    for at in sorted(spots):
        if at >= end and (found := pattern.match(text, at)):
            shown += [text[end:at], by(found)]
            end = found.end()
    return "".join([*shown, text[end:]]) if shown else text


def _spots(text: str, words: Iterable[str]) -> set[int]:
    """Where one of the words begins."""
    found = set()
    for word in words:
        at = text.find(word)
        while at >= 0:
            found.add(at)
            at = text.find(word, at + 1)
    return found


def _any_case(text: str) -> set[int]:
    """Where `Bearer` begins, in any case, and where the user of an address does."""
    users = {at + len("://") for at in _spots(text, ["://"])}
    return users | _spots(_folded(text), ["bearer"])


def _folded(text: str) -> str:
    """The text in small letters as `re.IGNORECASE` takes them, each where it was."""
    return text.replace("\u0130", "i").lower().replace("\u017f", "s").replace("\u0131", "i")


def _hide(found: re.Match[str]) -> str:
    value = found["value"]
    quote = next((one for one in ('\\"', '"', "'") if value.startswith(one)), "")
    return f"{found['lead']}{quote}{MASK}{quote}"


def _named_fields() -> frozenset[str]:
    """The fields that `TIMESTEP_MASKED_FIELDS` names."""
    return frozenset(_plain(name) for name in getattr(settings, "TIMESTEP_MASKED_FIELDS", ()))


def _plain(name: str) -> str:
    """A name as it is compared: `Card-Number`, `card_number` and `cardNumber` are the same."""
    return name.lower().replace("-", "").replace("_", "")


@lru_cache(maxsize=8)
def _named_in_text(fields: frozenset[str]) -> re.Pattern[str]:
    """Finds `name: value` in a text: of the fields, and of names that always are secrets."""
    # Between the letters of a name people write a hyphen, an underscore or nothing.
    words = ["[-_]?".join(map(re.escape, name)) for name in sorted(fields)]
    own = rf"|\b(?:{'|'.join(words)})" if words else ""
    lead = rf"(?P<lead>(?:(?:{_NAME})[\w-]{{0,40}}{own}){_LEAD}"
    return re.compile(lead + _VALUE, re.IGNORECASE)
