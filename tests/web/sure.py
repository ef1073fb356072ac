"""What a press says that was armed before, or that the page which asks was answered with."""

from __future__ import annotations

SURE = {"confirmed": "1"}
