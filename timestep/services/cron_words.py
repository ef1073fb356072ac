"""A cron line in plain words, made of the values that it expands to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import Any

from croniter import CroniterError, croniter

from timestep.services.cron_faults import nearest_day

_MOST_TIMES = 4
_MOST_LISTED = 6
_SHORTEST_MONTH = 28
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NTH: Mapping[object, str] = {
    1: "first",
    2: "second",
    3: "third",
    4: "fourth",
    5: "fifth",
    "l": "last",
}

Values = Sequence[int] | None  # None: any


def in_words(line: str) -> str:
    """A line as a person would say it, for example "At 07:00, Monday to Friday".

    Args:
        line: A line that `cron.checked_cron` took; one that cannot be read comes back as it is.
    """
    try:
        fields, nth = croniter.expand(line, second_at_beginning=True)
    except CroniterError:
        return line
    minutes, hours, days, months, weekdays = fields[:5]
    time = _time(_values(hours), _values(minutes), _values(fields[5]) if fields[5:] else [0])
    nearest = nearest_day(line.split()[-3])
    on_days = _month_days(days) if nearest is None else _nearest(nearest)
    day = _day(on_days, _values(months), _weekdays(_values(weekdays), nth))
    if not day and time.startswith("at ") and hours != ["*"]:
        time = f"every day {time}"
    words = f"{time}, {day}" if day else time
    return words[0].upper() + words[1:]


def _values(field: Sequence[int | str]) -> Values:
    return None if "*" in field else sorted(value for value in field if isinstance(value, int))


def _time(hours: Values, minutes: Values, seconds: Values) -> str:
    if hours and minutes and seconds:
        times = list(product(hours, minutes, seconds))
        if len(times) <= _MOST_TIMES:
            return f"at {_joined([_clock(*time) for time in times])}"
    if seconds != [0]:
        return _with_seconds(hours, minutes, seconds)
    if minutes and len(minutes) == 1:
        return _hourly(hours, minutes[0])
    every = _every(minutes, 60, "minute")
    if every and hours and _is_run(hours, least=1):
        return f"{every} from {hours[0]:02}:00 to {hours[-1]:02}:59"
    return (every or f"at minutes {_numbers(minutes)}") + _of("hour", hours, always=not every)


def _with_seconds(hours: Values, minutes: Values, seconds: Values) -> str:
    every = _every(seconds, 60, "second")
    words = every or f"at {_counted('second', seconds)}"
    if minutes is None and hours is None:
        return words if every else f"{words} of every minute"
    return words + _of("minute", minutes, always=True) + _of("hour", hours, always=False)


def _hourly(hours: Values, minute: int) -> str:
    """What is due once in each of some hours."""
    if hours is None:
        return "every hour, on the hour" if minute == 0 else f"at minute {minute} of every hour"
    if every := _every(hours, 24, "hour"):
        return f"{every}, from {_clock(hours[0], minute)} on"
    if _is_run(hours):
        return f"every hour from {_clock(hours[0], minute)} to {_clock(hours[-1], minute)}"
    return f"at {_joined([_clock(hour, minute) for hour in hours])}"


def _every(values: Values, whole: int, unit: str) -> str:
    """ "every 15 minutes", where the values are spread evenly over all of it; else nothing."""
    if values is None:
        return f"every {unit}"
    step = whole // len(values)
    if (
        len(values) < 2
        or whole % len(values)
        or list(values) != list(range(values[0], whole, step))
    ):
        return ""
    start = f" from {unit} {values[0]} on" if values[0] and unit != "hour" else ""
    return f"every {step} {unit}s{start}" if step > 1 else f"every {unit}"


def _of(unit: str, values: Values, *, always: bool) -> str:
    if values is None:
        return f" of every {unit}" if always else ""
    return f" of {_counted(unit, values)}"


def _counted(unit: str, values: Values) -> str:
    few = values is not None and len(values) == 1
    return f"{unit} {_numbers(values)}" if few else f"{unit}s {_numbers(values)}"


def _numbers(values: Values) -> str:
    """Numbers as a range, a list, or a range with steps."""
    given = list(values or ())
    if len(given) > 2 and _is_run(given):
        return f"{given[0]} to {given[-1]}"
    steps = {later - sooner for sooner, later in pairwise(given)}
    if len(given) > _MOST_LISTED and len(steps) == 1:
        return f"{given[0]} to {given[-1]} in steps of {steps.pop()}"
    return _joined([str(value) for value in given])


def _is_run(values: Sequence[int], *, least: int = 2) -> bool:
    return len(values) >= least and list(values) == list(range(values[0], values[-1] + 1))


def _joined(words: Sequence[str], last: str = "and") -> str:
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _clock(hour: int, minute: int, second: int = 0) -> str:
    return f"{hour:02}:{minute:02}:{second:02}" if second else f"{hour:02}:{minute:02}"


def _day(days: str, months: Values, weekdays: str) -> str:
    """The days, of a month or of the week; cron takes either where both are given."""
    month = _months(months)
    said = []
    if days:
        said.append(f"on {days} of {month or 'the month'}")
    if weekdays:
        said.append(weekdays if " to " in weekdays and not said else f"on {weekdays}")
    if not said:
        return f"in {month}" if month else ""
    return " or ".join(said) + (f", in {month}" if weekdays and month else "")


def _nearest(day: int) -> str:
    """The weekday nearest to a day; it stays in the month, and short months end sooner."""
    return f"the weekday nearest to day {day}" + (
        " or else to the last day" if day > _SHORTEST_MONTH else ""
    )


def _month_days(days: Sequence[int | str]) -> str:
    if "*" in days:
        return ""
    numbers = _values(days)
    said = [_counted("day", numbers)] if numbers else []
    return _joined([*said, "the last day"] if "l" in days else said)


def _months(months: Values) -> str:
    if months is None:
        return ""
    if len(months) > 2 and _is_run(months):
        return f"{_MONTHS[months[0] - 1]} to {_MONTHS[months[-1] - 1]}"
    return _joined([_MONTHS[month - 1] for month in months])


def _weekdays(weekdays: Values, nth: Mapping[Any, set[int]]) -> str:
    if nth:
        which = [(day, one) for day in sorted(nth) for one in sorted(nth[day], key=str)]
        named = [f"the {_NTH.get(one, str(one))} {_DAYS[day - 1]}" for day, one in which]
        return f"{_joined(named)} of the month"
    if weekdays is None:
        return ""
    # Sunday is 0, and comes last.
    week = sorted((day - 1) % 7 for day in weekdays)
    if len(week) > 2 and _is_run(week):
        return f"{_DAYS[week[0]]} to {_DAYS[week[-1]]}"
    return _joined([_DAYS[day] for day in week])
