"""Series with covariates of every kind, made up for tests."""

import datetime as dt

import numpy as np
import polars as pl

from tests.forecast.samples import HORIZON, wave

START = dt.date(2020, 1, 1)
LENGTH = 70
ALL = {
    "known": ("temp", "kind"),
    "past": ("visitors", "mood"),
    "static": ("region", "size"),
}
"""A number and a category of each role."""


def tables(length: int = LENGTH, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Three series in long form with all covariates, and what is known of the horizon after them."""
    parts, ahead = [], []
    for k, region in enumerate(("north", "south", "north")):
        draw = np.random.default_rng([seed, k])
        size = length + HORIZON
        temp, kind = draw.normal(10, 5, size), draw.choice(["none", "sale", "fair"], size)
        y = wave(size, seed=seed + k) + 0.3 * temp + 2.0 * (kind == "sale")
        part = pl.DataFrame(
            {
                "unique_id": [f"s{k}"] * size,
                "ds": [START + dt.timedelta(i) for i in range(size)],
                "y": y,
                "temp": temp,
                "kind": kind,
                "visitors": 3 * y + draw.normal(size=size),
                "mood": draw.choice(["good", "bad"], size),
                "region": [region] * size,
                "size": [100.0 + 50 * k] * size,
            }
        )
        parts.append(part[:length])
        ahead.append(part[length:].select("unique_id", "ds", "temp", "kind"))
    return pl.concat(parts), pl.concat(ahead)


def driven(seed: int, length: int = 400, ahead: int = 10) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A series that temperature and promotions drive, on their day and the day after; and what is known after it.

    Heating begins below 14 degrees; a promotion is followed by a dip. What is left is AR(1) with deviation .83.
    """
    draw, size = np.random.default_rng(seed), length + ahead
    temp = 15 + 10 * np.sin(2 * np.pi * np.arange(size) / 60) + 4 * draw.normal(size=size)
    promo = (draw.random(size) < 0.2).astype(float)
    heat, rest = np.maximum(0, 14 - temp), np.zeros(size)
    for t in range(1, size):
        rest[t] = 0.8 * rest[t - 1] + 0.5 * draw.normal()
    y = 20 + rest + heat + 0.5 * np.append(0, heat[:-1]) + 6 * promo - 3 * np.append(0, promo[:-1])
    days = [START + dt.timedelta(i) for i in range(size)]
    table = pl.DataFrame({"ds": days, "y": y, "temp": temp, "promo": promo})
    return table[:length], table[length:].drop("y")
