"""Models that were not trained, for laws that hold at any weights."""

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import torch

from tests.forecast.covariates import ALL, START, tables
from tests.forecast.samples import HORIZON, recipe_of
from unspool.forecast import Panel, panel_from_frame
from unspool.forecast.coding import Coding
from unspool.forecast.fitted import FittedModel
from unspool.forecast.recipe import build
from unspool.forecast.result import TrainingLog
from unspool.forecast.tables.covariates import ask
from unspool.forecast.tables.future import with_future
from unspool.forecast.tables.origin import Origin
from unspool.forecast.windows import Scales


def with_covariates(gap: int = 0, length: int = 70) -> Panel:
    """Three series with covariates of every kind, and what is known of the horizon."""
    whole, beyond = tables(length + gap)
    end = START + dt.timedelta(length)
    panel = panel_from_frame(
        whole.filter(pl.col("ds") < end), covariates=ask(ALL["known"], ALL["past"], ALL["static"], ())
    )
    ahead = pl.concat([whole.filter(pl.col("ds") >= end).select(beyond.columns), beyond])
    return with_future(panel, ahead, HORIZON, gap, Origin())


def untrained(panel: Panel, members: int = 1, seed: int = 0, **changes: Any) -> FittedModel:
    """A model of random weights, none of them zero."""
    recipe = recipe_of(panel, members=members, **changes)
    coding = Coding.of(panel)
    recipe = replace(recipe, model=replace(recipe.model, **coding.sizes()))
    built = tuple(build(recipe, number) for number in range(members))
    draw = torch.Generator().manual_seed(seed)
    for member in built:
        for weights in member.parameters():
            weights.data += 0.2 * torch.randn(weights.shape, generator=draw)
        member.eval()
    shifts = np.random.default_rng(seed).normal(size=(recipe.model.horizon, len(recipe.model.levels))).tolist()
    ids = tuple(one.id for one in panel.series)
    scales = Scales.of([one.values for one in panel.series])
    log = TrainingLog((), 0, "", recipe.model.network, recipe.cell.name, 0.0)
    return FittedModel(built, recipe, ids, scales, shifts, log, 0.0, coding)
