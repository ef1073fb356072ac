"""Letters that hide something are marked where people decide."""

from __future__ import annotations

import pytest

from timestep.letters import marked, told


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
