"""What another program must know to feed an exported model: it lies in the file, as JSON under the key "unspool"."""

from importlib.metadata import version
from typing import Any

from unspool.forecast.export.reading import BATCH, inputs
from unspool.forecast.fitted import FittedModel
from unspool.forecast.holiday import PREFIX
from unspool.forecast.tables.frequency import Frequency
from unspool.forecast.tables.panel import ROLES, Columns

KEY = "unspool"
OUTPUT = "quantiles"

_CYCLES = {
    "hour_of_day": "part of the day that has passed",
    "day_of_week": "part of the seven days from a Thursday 00:00 that has passed",
    "day_of_year": "part of the year that has passed",
    "month_of_year": "(month - 1) / 12",
    "part_of_year": "the decimals of the decimal year",
}


def description(model: FittedModel, columns: Columns, frequency: Frequency) -> dict[str, Any]:
    """The record, ready for `json.dumps`."""
    s = model.recipe.model
    scales = zip(model.ids, model.scales.centre.tolist(), model.scales.spread.tolist(), strict=True)
    output = "forecasts in the units of the table, ascending along the last axis: one for each of `levels`"
    return {
        "format": 1,
        "kind": "unspool forecast",
        "version": version("unspool"),
        "cell": model.recipe.cell.name,
        "network": s.network,
        "columns": columns.to_json(),
        "frequency": frequency.to_json(),
        "lookback": s.lookback,
        "gap": s.gap,
        "horizon": s.horizon,
        "levels": list(s.levels),
        "median": s.levels.index(0.5),
        "inputs": [given.to_json() for given in inputs(s)],
        "outputs": [
            {
                "name": OUTPUT,
                "shape": [BATCH, s.horizon, len(s.levels)],
                "dtype": "float64",
                "meaning": output,
            }
        ],
        "calendar": [{"name": name, "meaning": _meaning(name)} for name in s.features],
        "covariates": {
            role: [
                {"name": one.name, "categories": list(one.words) if one.categorical else None}
                for one in model.coding.of_role(role)
            ]
            for role in ROLES
        },
        "series": [{"id": name, "centre": centre, "spread": spread} for name, centre, spread in scales],
    }


def _meaning(feature: str) -> str:
    """How a feature of the calendar is computed from a time."""
    if feature.startswith(PREFIX):
        return f"1 on a public holiday of {feature.removeprefix(PREFIX)}, else 0"
    cycle, _, wave = feature.rpartition("_")
    return f"{wave}(2 pi p), p = {_CYCLES[cycle]}, by the wall clock of the series"
