"""Ids in links that look like secrets: sealed on their way out, and opened on their way in.

A page must not show such an id, and yet its links must lead to what it names. A sealed id can be
read by this installation alone. The same id is sealed alike each time: links stay what they are.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from hashlib import sha256
from itertools import count
from urllib.parse import quote, unquote, unquote_plus

from django.conf import settings

from timestep.masking import masked_text

_MARK = "~sealed."
_TAG = 16
_PARTS = re.compile(r"([/?&=#;]+)")
_SEALED = re.compile(r"(?:~|%7[Ee])sealed\.[a-z2-7]+")


def sealed_link(address: str) -> str:
    """The address with each part that may not be shown in its sealed form."""
    if (plain := unquote_plus(address)) == masked_text(plain):
        return address
    return "".join(
        quote(sealed(text), safe="~") if (text := unquote_plus(part)) != masked_text(text) else part
        for part in _PARTS.split(address)
    )


def opened_link(address: str) -> str:
    """The address with its sealed parts as they were, quoted; what does not open stays."""
    return _SEALED.sub(lambda found: quote(opened(found[0]), safe=""), address)


def sealed(text: str) -> str:
    """The text so that only `opened` can read it."""
    plain = text.encode("utf-8", "surrogatepass")
    tag = _keyed("tag", plain)[:_TAG]
    coded = base64.b32encode(tag + _mixed(tag, plain)).decode().rstrip("=").lower()
    return f"{_MARK}{coded}"


def opened(text: str) -> str:
    """What was sealed; the text itself where it was not sealed here."""
    coded = unquote(text).removeprefix(_MARK).upper()
    try:
        raw = base64.b32decode(coded + "=" * (-len(coded) % 8))
        plain = _mixed(raw[:_TAG], raw[_TAG:])
        good = hmac.compare_digest(_keyed("tag", plain)[:_TAG], raw[:_TAG])
        return plain.decode("utf-8", "surrogatepass") if good else text
    except (binascii.Error, UnicodeDecodeError):
        return text


def _mixed(tag: bytes, text: bytes) -> bytes:
    """The text under the key stream that its own tag begins: doing it twice undoes it."""
    stream = b""
    for number in count():
        if len(stream) >= len(text):
            break
        stream += _keyed("stream", tag + number.to_bytes(4, "big"))
    return bytes(one ^ other for one, other in zip(text, stream, strict=False))


def _keyed(use: str, text: bytes) -> bytes:
    key = sha256(f"timestep.sealing.{use}:{settings.SECRET_KEY}".encode()).digest()
    return hmac.digest(key, text, "sha256")
