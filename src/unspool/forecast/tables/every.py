"""How a step of time is spelled: `every` text, English name, noun and usual season.

A step is a count of one unit: microsecond, day, business day, month, integer, or decimal
(a real number, mostly of years).
"""

import re

from unspool.errors import SettingError

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_LETTERS = {
    "us": ("microsecond", 1),
    "ms": ("microsecond", 1000),
    "s": ("microsecond", SECOND),
    "m": ("microsecond", MINUTE),
    "h": ("microsecond", HOUR),
    "d": ("day", 1),
    "w": ("day", 7),
    "bd": ("business day", 1),
    "mo": ("month", 1),
    "q": ("month", 3),
    "y": ("month", 12),
}

# what else means each step: words, and pandas' names so that a `freq` at hand can be passed on
_NAMES = {
    "1s": "S",
    "1m": "T min",
    "1h": "H hourly",
    "1d": "D daily",
    "1bd": "B business",
    "1w": "W weekly",
    "1mo": "M MS ME monthly",
    "1q": "Q QS QE quarterly",
    "1y": "A Y YS YE yearly annual",
}
_WORDS = {name: every for every, names in _NAMES.items() for name in names.split()} | {"business days": "1bd"}

# unit, count, noun: from wide to narrow within a unit
_NOUNS = [
    ("month", 12, "year"),
    ("month", 3, "quarter"),
    ("month", 1, "month"),
    ("day", 7, "week"),
    ("day", 1, "day"),
    ("business day", 1, "business day"),
    ("microsecond", HOUR, "hour"),
    ("microsecond", MINUTE, "minute"),
    ("microsecond", SECOND, "second"),
    ("microsecond", 1000, "millisecond"),
    ("microsecond", 1, "microsecond"),
    ("integer", 1, "integer step"),
]

_ADVERBS = {
    "year": "yearly",
    "quarter": "quarterly",
    "month": "monthly",
    "week": "weekly",
    "day": "daily",
    "business day": "business days",
    "hour": "hourly",
    "integer step": "integer steps",
}


def read_every(text: str) -> tuple[str, int | float]:
    """The unit and count that a text such as "15m", "1mo", "weekly", "MS" or "7" means.

    Raises:
        SettingError: the text is none of these.
    """
    spelled = _WORDS.get(text) or _WORDS.get(text.lower()) or text
    if match := re.fullmatch(r"(\d*)\s*(us|ms|s|m|min|h|d|w|bd|mo|q|y)", spelled.replace("min", "m")):
        unit, size = _LETTERS[match[2]]
        count = int(match[1] or 1) * size
    elif re.fullmatch(r"\d+", spelled):
        unit, count = "integer", int(spelled)
    elif re.fullmatch(r"\d*\.\d+", spelled):
        unit, count = "decimal", float(spelled)
    else:
        unit, count = "", 0
    if not count:
        raise SettingError(
            f"frequency {text!r} is not understood",
            hint="write for example 15m, 1h, 1d, 1bd, 1w, 1mo, 1q, 1y, or a number for integer times",
        )
    return unit, count


def spell(unit: str, count: int | float) -> str:
    """The shortest text that `read_every` reads as this step ("1h", "2w", "1q"); decimals in four places."""
    if unit == "integer":
        return str(count)
    if unit == "decimal":
        return f"{count:.4f}" if count >= 0.001 else f"{count:.3g}"
    if unit == "month":
        return f"{count // 12}y" if count % 12 == 0 else "1q" if count == 3 else f"{count}mo"
    sizes = [(size, letter) for letter, (known, size) in _LETTERS.items() if known == unit and count % size == 0]
    size, letter = max(sizes)
    return f"{int(count) // size}{letter}"


def noun(unit: str, count: int | float) -> str:
    """What one step is called in the singular: "week", "business day", or "step" for a step with no name."""
    for known, size, word in _NOUNS:
        if known == unit and count == size:
            return word if unit != "integer" else "step"
    return "step"


def describe(unit: str, count: int | float) -> str:
    """The step in English: "hourly", "every 15 minutes", "business days", "integer steps"."""
    if unit == "month" and count == 6:
        return "half-yearly"
    for known, size, word in _NOUNS:
        if known != unit or count % size:
            continue
        times = int(count) // size
        if times > 1:
            return f"every {times} {word}s"
        return _ADVERBS.get(word, f"every {word}")
    return f"every {count:.6g}"


def usual_season(unit: str, count: int | float) -> int:
    """How many steps the season lasts that such data mostly have; 1 where none is usual.

    A day for steps of 5 minutes up to a day, an hour below that, a minute for seconds; a week for days and business
    days; a year for weeks and months.
    """
    if unit == "microsecond":
        lower = SECOND if count < SECOND else MINUTE if count < MINUTE else HOUR if count < 5 * MINUTE else DAY
        return _whole(lower, count)
    if unit == "day":
        return max(1, round(364 / count)) if count % 7 == 0 else _whole(7, count)
    if unit == "business day":
        return _whole(5, count)
    if unit == "month":
        return _whole(12, count)
    return 1


def _whole(season: int, count: int | float) -> int:
    return int(season // count) if count < season and season % count == 0 else 1
