"""Charts of stacked bars, measured here so that templates only draw.

Whoever has no script, or no eyes for it, has the same figures in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEIGHT = 100
SLOT = 10
GAP = 2
# A bar that is not nothing is seen, however tall its neighbours are.
LEAST = 1.5


@dataclass(frozen=True)
class Slot:
    """What is known of one bar: its label, what it counts by kind, and where it leads."""

    label: str
    counts: Mapping[str, int]
    url: str = ""


@dataclass(frozen=True)
class Part:
    """A rectangle of a bar."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """A bar, drawn from below."""

    label: str
    url: str
    x: int
    parts: list[Part]
    words: str


@dataclass(frozen=True)
class Chart:
    """Bars of one scale."""

    bars: list[Bar]
    most: int
    totals: dict[str, int]

    @property
    def width(self) -> int:
        """Of the drawing, in its own units."""
        return len(self.bars) * SLOT

    @property
    def bar_width(self) -> int:
        """Of one bar."""
        return SLOT - GAP

    @property
    def labels(self) -> list[str]:
        """The first label, the middle one and the last."""
        return [self.bars[at].label for at in (0, len(self.bars) // 2, -1)]


def stacked(slots: Sequence[Slot], kinds: Mapping[str, str]) -> Chart | None:
    """The chart of these slots, or None where all of them are empty.

    Args:
        slots: One for each bar, from left to right.
        kinds: What is stacked, from below, and what it is called.
    """
    most = max((sum(slot.counts.values()) for slot in slots), default=0)
    if not most:
        return None
    bars = [_bar(at, slot, most, kinds) for at, slot in enumerate(slots)]
    totals = {kind: sum(slot.counts.get(kind, 0) for slot in slots) for kind in kinds}
    return Chart(bars, most, {kind: total for kind, total in totals.items() if total})


def _bar(at: int, slot: Slot, most: int, kinds: Mapping[str, str]) -> Bar:
    parts, top = [], float(HEIGHT)
    for kind in kinds:
        if number := slot.counts.get(kind, 0):
            height = max(LEAST, number / most * (HEIGHT - LEAST * len(kinds)))
            top -= height
            parts.append(Part(kind, round(top, 2), round(height, 2)))
    said = [
        f"{slot.counts[kind]:,} {word}" for kind, word in kinds.items() if slot.counts.get(kind)
    ]
    words = f"{slot.label}: {', '.join(said) or 'none'}"
    return Bar(slot.label, slot.url, at * SLOT + GAP // 2, parts, words)
