"""Between UTC and wall-clock time: by IANA zone name ("Europe/Berlin") or fixed offset ("+05:30").

Times are datetime64[us] arrays of any shape, without a zone of their own. polars carries the zone tables, so no
system or tzdata files are read.
"""

import re

import numpy as np
import polars as pl

_HOUR = np.timedelta64(1, "h")


def fixed_offset(zone: str) -> np.timedelta64 | None:
    """The offset of a zone written as one ("+01:00"), or None for a named zone."""
    match = re.fullmatch(r"([+-])(\d{2}):?(\d{2})?", zone)
    if match is None:
        return np.timedelta64(0, "m") if zone in ("UTC", "Z", "Etc/UTC") else None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    return np.timedelta64(-minutes if match[1] == "-" else minutes, "m")


def to_local(times: np.ndarray, zone: str | None) -> np.ndarray:
    """What the clocks on the wall show at these UTC times."""
    if zone is None:
        return times
    if (offset := fixed_offset(zone)) is not None:
        return times + offset
    local = _zoned(times, zone).dt.replace_time_zone(None)
    return local.to_numpy().reshape(np.shape(times))


def to_utc(local: np.ndarray, zone: str | None) -> np.ndarray:
    """The UTC time at which clocks show `local`: the first of two, and one hour on where clocks skip it."""
    if zone is None:
        return local
    if (offset := fixed_offset(zone)) is not None:
        return local - offset
    flat = _flat(local)
    utc = _from_wall(flat, zone)
    if utc.null_count():
        utc = utc.fill_null(_from_wall(_flat(local + _HOUR), zone))
    return utc.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy().reshape(np.shape(local))


def is_known(zone: str) -> bool:
    """Whether polars has this zone's table."""
    try:
        _zoned(np.zeros(1, "datetime64[us]"), zone)
    except pl.exceptions.ComputeError:
        return False
    return True


def _flat(times: np.ndarray) -> pl.Series:
    return pl.Series(np.ascontiguousarray(times, "datetime64[us]").reshape(-1))


def _zoned(times: np.ndarray, zone: str) -> pl.Series:
    return _flat(times).dt.replace_time_zone("UTC").dt.convert_time_zone(zone)


def _from_wall(local: pl.Series, zone: str) -> pl.Series:
    return local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
