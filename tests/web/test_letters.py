"""Letters that hide something are marked where people decide."""

from __future__ import annotations

import re

import pytest

from timestep.letters import marked, printable, told


@pytest.mark.parametrize("word", ["p\u0430ypal", "\u0391dmin", "\u0440\u0430ypal.com"])
def test_a_word_of_mixed_scripts_is_marked(word: str) -> None:
    assert '<span class="mixed-script" title="mixes Latin and' in marked(f"pay {word} now")
    assert "[mixes Latin and" in told(word)


@pytest.mark.parametrize(
    "text",
    ["plain", "Привет мир", "café Ünal", "omega", "25 € für Ana", "naïve λόγος", "日本語 text"],
)
def test_whole_words_of_one_script_are_not(text: str) -> None:
    assert "mixed-script" not in marked(text)
    assert told(text) == text


def test_markup_between_scripts_stays_escaped() -> None:
    html = marked("<b>p\u0430y</b>\u202e")
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "U+202E" in html


FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
TAGGED = "".join(chr(0xE0000 + ord(letter)) for letter in "pay me")


@pytest.mark.parametrize(
    "text",
    [
        # Persian
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u06a9\u0627\u0631\u200c\u0647\u0627",
        "PDF\u200c\u0647\u0627 \u06f1\u06f0\u200c\u0627\u0645, \u0647\u200d.\u0642",
        # Hebrew
        "\u05e9\u05b8\u05dc\u05d5\u05b9\u05dd \u05e9\u05c1\u05b8\u05dc\u05b7\u034f\u05b4\u05dd",
        # Syriac
        "\u0731\u0712\u200c\u0713",
        # Devanagari, Bengali
        "\u0915\u094d\u200d\u0937 \u0915\u094d\u200c\u0937 \u09b0\u200d\u09cd\u09af",
        # Sinhala, Malayalam, Kannada
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3 \u0d28\u0d4d\u200d \u0cb8\u0ccd\u200c ",
        # Khmer, and where a line may break
        "\u1798\u17b7\u1793\u200b\u1791\u17b6\u1793\u17cb",
        # Mongolian
        "\u1820\u180e\u1820\u182d\u180b",
        FAMILY,
        "\U0001f469\U0001f3fd\u200d\U0001f4bb \U0001f3f3\ufe0f\u200d\U0001f308",
        "\u2764\ufe0f\u200d\U0001f525",
        "1\ufe0f\u20e3 #\ufe0f\u20e3 \u263a\ufe0e",
        SCOTLAND,
        # variants of an ideograph and of a sign
        "\u845b\U000e0100 \u2229\ufe00",
        "\u06dd\u0661 a\u00a0b\u3000c\r\n\ttab",
    ],
)
def test_what_belongs_to_its_letters_is_left_alone(text: str) -> None:
    assert marked(text) == text
    assert told(text) == text
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("pay\u200cpal", ["200C"]),
        ("pay\u200dpal", ["200D"]),
        ("pay\u200bpal \u200e\u200f\u061c", ["200B", "200E", "200F", "061C"]),
        ("\u202ereversed\u202c \u2066x\u2069", ["202E", "202C", "2066", "2069"]),
        ("\u0645\u200c\u200d\u200c\u0645", ["200C", "200D", "200C"]),  # more than joins
        ("\u0645\u06cc\u202e\u062e", ["202E"]),
        ("\U0001f468\u200dman", ["200D"]),
        ("a\ufe0f\U000e0100 \U0001f600\ufe0f\ufe0f", ["FE0F", "E0100", "FE0F"]),
        (SCOTLAND[:-1], [f"{ord(letter):04X}" for letter in SCOTLAND[1:-1]]),
        (f"x{TAGGED}", [f"{ord(letter):04X}" for letter in TAGGED]),
        (f"\U0001f3f4{TAGGED}", [f"{ord(letter):04X}" for letter in TAGGED]),
        (
            "soft\u00adhyphen \u3164\u115f\u2800\u034f\u17b4",
            ["00AD", "3164", "115F", "2800", "034F", "17B4"],
        ),
        ("\ue000\ufdd0\u0378\U000e0001\x1b", ["E000", "FDD0", "0378", "E0001", "001B"]),
        ("line\u2028\rpar", ["2028", "000D"]),
    ],
)
def test_what_hides_or_turns_text_is_marked(text: str, hidden: list[str]) -> None:
    assert re.findall(r"U\+([0-9A-F]+)</span>", marked(text)) == hidden
    assert re.findall(r"\[U\+([0-9A-F]+)\]", told(text)) == hidden
    assert printable(text).count("\ufffd") == len(hidden)


def test_a_chip_is_isolated_so_that_it_turns_no_words() -> None:
    assert '<span class="hidden-char" dir="ltr" title="right-to-left mark">' in marked(
        "\u05d0\u200f"
    )


def test_a_text_that_still_streams_is_not_judged_by_where_it_was_cut() -> None:
    assert marked("\u0645\u06cc\u200c", open_ended=True) == "\u0645\u06cc\u200c"
    assert marked("\u200d\U0001f469", open_ended=True) == "\u200d\U0001f469"
    assert "U+202E" in marked("pay\u202e", open_ended=True)
