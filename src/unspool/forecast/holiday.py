"""Public holidays of a country as a feature of the calendar: 1 on a holiday, else 0, by the wall clock of the times.

The days come from the package `holidays` (the extra `unspool[holidays]`), which holds them offline.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec

import numpy as np

from unspool.errors import SettingError
from unspool.forecast.tables.every import DAY
from unspool.forecast.tables.frequency import Frequency

INSTALL = "pip install 'unspool[holidays]'"

PREFIX = "holiday_"
"""What the name of such a feature begins with; the country follows."""


def holiday_features(countries: Sequence[str]) -> tuple[str, ...]:
    """The names of the features of countries ("DE") or parts of them ("DE-BY").

    Raises:
        SettingError: the package is not installed, or does not know a country or its part.
    """
    if isinstance(countries, str):
        raise SettingError(f"holidays is {countries!r}", hint=f"give a list of countries: holidays=[{countries!r}]")
    for country in countries:
        _dates(country, 2000)
    return tuple(dict.fromkeys(PREFIX + country for country in countries))


def is_installed() -> bool:
    """Whether the package is there."""
    return find_spec("holidays") is not None


def check_days(frequency: Frequency) -> None:
    """Raises `SettingError` where a step is no day or part of one."""
    daily = frequency.unit == "business day" or (frequency.unit == "day" and frequency.step == 1)
    if not daily and (frequency.unit != "microsecond" or (frequency.step > DAY and not frequency.uneven)):
        raise SettingError(
            f"holidays are days, but the times are {frequency.name}",
            hint="leave the holidays out, or give their number in each step as a column (--known)",
        )


def is_holiday(feature: str, dates: np.ndarray) -> np.ndarray:
    """[n] bool: which of the dates (datetime64[D]) are holidays, for the name of a feature."""
    years = np.unique(dates.astype("datetime64[Y]").astype(np.int64) + 1970).tolist()
    return np.isin(dates, np.concatenate([_dates(feature.removeprefix(PREFIX), year) for year in years]))


@lru_cache(maxsize=1024)
def _dates(country: str, year: int) -> np.ndarray:
    try:
        import holidays
    except ImportError:
        raise SettingError("holidays is not installed", hint=INSTALL) from None
    name, _, part = country.partition("-")
    try:
        found = holidays.country_holidays(name, subdiv=part or None, years=year)
    except NotImplementedError:
        raise SettingError(
            f"no holidays are known of {country!r}",
            hint="give a country by its two letters, or a part of it: DE, US, DE-BY, US-CA",
        ) from None
    return np.array(sorted(found), "datetime64[D]")
