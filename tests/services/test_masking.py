"""What looks like a secret, and what the settings name, is shown nowhere."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from timestep import masking
from timestep.masking import MASK, masked, masked_text

KEY = "sk-proj-4f9aB7cD2eF6gH1j"


@pytest.mark.parametrize(
    "value",
    [
        {"password": "hunter22"},
        {"credentials": {"user": "ana", "pin": 1}},
        {"x": [{"Api-Key": "k"}]},
        {"refresh_token": "abc"},
        f"the key is {KEY}, keep it",
        '{"client_secret": "a b \\" c", "n": 1}',
        '{\\"secret\\": \\"abc\\"}',
        "password=hunter22&x=1",
        "Authorization: Bearer hunter22",
        "postgres://ana:hunter22@db/x",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter22\n-----END RSA PRIVATE KEY-----",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl",
    ],
)
def test_what_looks_like_a_secret_is_masked(value: Any) -> None:
    shown = str(masked(value))
    assert MASK in shown
    for secret in ("hunter22", KEY, "abc", "a b", "eyJ", "'ana'"):
        assert secret not in shown


@pytest.mark.parametrize(
    "value",
    [
        {"max_tokens": 100, "tokens": "12", "secretary": "Ann", "password": "", "secret": None},
        {"needs_secret": True, "amount": 25.0, "order_id": 4711},
        "The secret is to be kind. Token counts: 5. sk-ipping-a-very-long-line",
        "https://shop.example/orders/4711?page=2",
    ],
)
def test_the_rest_is_left_alone(value: Any) -> None:
    assert masked(value) == value


def test_fields_named_in_the_settings_are_masked(settings: Any) -> None:
    settings.TIMESTEP_MASKED_FIELDS = ["card-number"]
    assert masked({"cardNumber": 4111, "CARD_NUMBER": {"a": 1}}) == {
        "cardNumber": MASK,
        "CARD_NUMBER": MASK,
    }
    assert masked('{"card_number": 4111, "b": 2}') == f'{{"card_number": {MASK}, "b": 2}}'


def test_what_is_nested_too_deeply_is_masked_whole() -> None:
    value: list[Any] = []
    for _ in range(5_000):
        value = [value]
    assert masked(value) == MASK


@pytest.mark.parametrize(
    "piece", ["a", "sk-", "password:", '"secret="\\"', "://a:", "eyJa.", "_secret", "BEGIN "]
)
def test_no_text_makes_it_slow(piece: str) -> None:
    began = time.process_time()
    masked(piece * (100_000 // len(piece)))
    assert time.process_time() - began < 2


def test_what_is_looked_for_at_spots_is_what_a_search_finds() -> None:
    """Each way a secret can begin is among the spots, in every case that the patterns take."""
    parts = [
        *masking._BEGINS,
        *masking._NAMES_BEGIN,
        "Bearer ",
        "bEARER\u0131 ",
        "://",
        "apikey=",
        "pass",
    ]
    parts += ["word: ", '"', "\\", " ", "1", "abcdefgh1234567", "@", "a:b", ".", "PRIVATE KEY-----"]
    parts += [
        "A\u017f",
        "Pa\u017f\u017fwd=",
        "\u0130",
        "AP\u0131-key:",
        "KEY",
        "_token ",
        "\n",
        "ß",
    ]
    chance = random.Random(7)
    for _ in range(3000):
        text = "".join(chance.choices(parts, k=chance.randint(1, 12)))
        looked = masking._LOOKS.sub(MASK, text)
        named = masking._named_in_text(frozenset())
        assert masked_text(text) == named.sub(masking._hide, looked), text
