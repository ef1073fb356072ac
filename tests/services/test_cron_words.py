"""Cron lines in plain words."""

from __future__ import annotations

import pytest

from timestep.services.cron_words import in_words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 7 * * mon-fri", "At 07:00, Monday to Friday"),
        ("30 2 * * *", "Every day at 02:30"),
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("*/15 9-17 * * *", "Every 15 minutes from 09:00 to 17:59"),
        ("* 3 * * *", "Every minute from 03:00 to 03:59"),
        ("*/7 * * * *", "At minutes 0 to 56 in steps of 7 of every hour"),
        ("5,20,40 * * * *", "At minutes 5, 20 and 40 of every hour"),
        ("0 * * * *", "Every hour, on the hour"),
        ("5 * * * *", "At minute 5 of every hour"),
        ("0 */2 * * *", "Every 2 hours, from 00:00 on"),
        ("0 9-17 * * *", "Every hour from 09:00 to 17:00"),
        ("0 8,12,18 * * *", "Every day at 08:00, 12:00 and 18:00"),
        ("0 0 L * *", "At 00:00, on the last day of the month"),
        ("0 0 1 */3 *", "At 00:00, on day 1 of January, April, July and October"),
        ("0 0 1 * 5", "At 00:00, on day 1 of the month or on Friday"),
        ("0 0 * * fri#2", "At 00:00, on the second Friday of the month"),
        ("0 0 * * L5", "At 00:00, on the last Friday of the month"),
        ("0 0 * * sat,sun", "At 00:00, on Saturday and Sunday"),
        ("0 0 * 6-8 *", "At 00:00, in June to August"),
        ("*/10 * * * * *", "Every 10 seconds"),
        ("15 30 6 * * *", "Every day at 06:30:15"),
        ("30 * * * * *", "At second 30 of every minute"),
        ("not a line", "not a line"),
    ],
)
def test_a_line_is_said_plainly(line: str, words: str) -> None:
    assert in_words(line) == words
