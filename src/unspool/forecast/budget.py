"""What a search may take: a time, or a number of trials."""

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

from unspool.errors import SettingError

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}

_FORM = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+))\s*(s|m|h|trials?)?\s*", re.IGNORECASE)
_HINT = "for example 60s, 5m, 1h, or '30 trials'"


@final
@dataclass(frozen=True)
class Budget:
    """A time, or a number of trials; the one that is None does not count.

    Attributes:
        seconds: of the clock, from the beginning of the search.
        trials: candidates that are fitted.
        clock: gives the time in seconds.
    """

    seconds: float | None = None
    trials: int | None = None
    clock: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)

    def __str__(self) -> str:
        if self.trials is not None:
            return f"{self.trials} trial{'s' if self.trials > 1 else ''}"
        return f"{self.seconds:g} s"


def read_budget(value: "str | float | Budget") -> Budget:
    """`60s`, `5m`, `1h`, `30 trials`; a plain number is seconds.

    Raises:
        SettingError: it is none of these, or not positive.
    """
    if isinstance(value, Budget):
        return value
    found = _FORM.fullmatch(str(value))
    if found is None or isinstance(value, bool):
        raise SettingError(f"the budget '{value}' is neither a time nor a number of trials", hint=_HINT)
    amount, unit = float(found[1]), (found[2] or "s").lower()
    if not 0 < amount < math.inf:
        raise SettingError(f"the budget is '{value}': nothing can be fitted in it", hint=_HINT)
    if unit in UNITS:
        return Budget(seconds=amount * UNITS[unit])
    if amount != round(amount):
        raise SettingError(f"the budget '{value}' is not a whole number of trials", hint=_HINT)
    return Budget(trials=round(amount))
