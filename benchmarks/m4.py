"""M4 Hourly, 48 ahead, all 414 series in one global model: `python -m benchmarks.m4 --data DIR`.

Settings are chosen by `--validate`, which holds back the last 48 steps of the training part and never reads the test
part. OWA is the competition's: (sMAPE / 18.383 + MASE / 2.395) / 2, by its table of Naive2; MASE has seasonality 24.
"""

import gzip
import json
import statistics
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
import torch
import typer
from rich.console import Console
from rich.table import Table

from unspool.forecast import Forecaster, panel_from_frame
from unspool.forecast.evaluation import metrics as m
from unspool.forecast.evaluation.baselines import seasonal_naive
from unspool.forecast.tables.panel import Panel

HORIZON, DAY, WEEK = 48, 24, 168
NAIVE2 = (18.383, 2.395)
"""sMAPE and MASE of Naive2, as published."""

SEEDS = (0, 1, 2)
CONSOLE = Console(highlight=False, soft_wrap=True)

BASE: dict[str, Any] = {"network": "segment", "segment": 24, "window": 504, "highway": True, "log": True}
BASE |= {
    "normalisation": "season",
    "hidden_size": 64,
    "steps": 600,
    "validation": HORIZON,
    "refit": False,
    "members": 1,
}

RIVALS = {
    "Naive2 (published)": (*NAIVE2, 1.0),
    "organisers' RNN": (None, None, 1.036),
    "a PyTorch ES-RNN": (None, None, 0.548),
    "Smyl's ES-RNN, the winner": (None, None, 0.440),
}


def read_m4(path: Path) -> list[np.ndarray]:
    """The series of a file of M4: a row each, the first column its name, empty after its end."""
    table = pl.read_csv(gzip.decompress(path.read_bytes()), infer_schema_length=None)
    return [row[~np.isnan(row)] for row in table[:, 1:].cast(pl.Float64).to_numpy()]


def panel_of(series: list[np.ndarray]) -> Panel:
    """A panel that counts hours from 0: the competition gives no times. A season is a week."""
    names = np.repeat([f"H{k + 1}" for k in range(len(series))], [len(values) for values in series])
    hours = np.concatenate([np.arange(len(values)) for values in series])
    table = pl.DataFrame({"unique_id": names, "ds": hours, "y": np.concatenate(series)})
    return panel_from_frame(table, season_length=WEEK)


def owa(histories: list[np.ndarray], actual: np.ndarray, point: np.ndarray) -> tuple[float, float, float]:
    """sMAPE, MASE and their mean in units of Naive2's."""
    smape = float((200 * np.abs(actual - point) / (np.abs(actual) + np.abs(point))).mean())
    mase = m.mase(actual, point, np.array([m.mase_scale(values, DAY) for values in histories]))
    return smape, mase, (smape / NAIVE2[0] + mase / NAIVE2[1]) / 2


def naive_point(histories: list[np.ndarray], season: int = DAY) -> np.ndarray:
    """The values a season ago."""
    return np.stack([seasonal_naive(values, HORIZON, season) for values in histories])


def validate(series: list[np.ndarray], settings: dict[str, Any], seed: int = 0) -> tuple[float, float, float]:
    """Fit before the last 48 steps, which stop the training, and score the forecast of these."""
    panel = panel_of(series)
    forecaster = Forecaster(HORIZON, seed=seed, **settings).fit(panel)
    before = panel.before([len(values) - HORIZON for values in series])
    quantiles = forecaster.model_.quantiles(before)
    point = quantiles[..., forecaster.recipe_.model.levels.index(0.5)]
    actual = np.stack([values[-HORIZON:] for values in series])
    return owa([values[:-HORIZON] for values in series], actual, point)


def m4_rows(data: Path) -> None:
    """Fit to the training part three times, and read the test part once for each."""
    folder = data / "m4_hourly"
    histories = read_m4(folder / "Hourly-train.csv.gz")
    actual = np.stack(read_m4(folder / "Hourly-test.csv.gz"))
    panel = panel_of(histories)
    CONSOLE.print(
        f"\n[bold]M4 Hourly, 48 ahead, {len(histories)} series, one model[/bold]  {FINAL}; the rest by default"
    )
    found: dict[str, list[float]] = {name: [] for name in ("sMAPE", "MASE", "OWA", "80 % covers", "fit s")}
    for seed in SEEDS:
        start = time.perf_counter()
        forecast = Forecaster(HORIZON, seed=seed, **FINAL).fit(panel).forecast()
        found["fit s"].append(time.perf_counter() - start)
        for name, value in zip(("sMAPE", "MASE", "OWA"), owa(histories, actual, forecast.point), strict=True):
            found[name].append(value)
        low, high = (forecast.quantiles[..., forecast.levels.index(level)] for level in (0.1, 0.9))
        found["80 % covers"].append(m.coverage(actual, low, high))
        CONSOLE.print(f"seed {seed}: {', '.join(f'{name} {values[-1]:.4g}' for name, values in found.items())}")
    table = Table("", *found, box=None)
    table.add_row("unspool, mean of 3 seeds", *(f"{statistics.mean(values):.4g}" for values in found.values()))
    table.add_row("  range", *(f"{min(values):.4g}–{max(values):.4g}" for values in found.values()))
    table.add_row("gate (aim)", "", "", "≤ .55 (< .44)")
    here = owa(histories, actual, naive_point(histories))
    for name, values in {"seasonal naive, here (published .627)": here, **RIVALS}.items():
        table.add_row(name, *("" if value is None else f"{value:.4g}" for value in values))
    CONSOLE.print(table)


FINAL = BASE | {"refit": True}
"""What `--validate` chose, fitted again on the last 48 steps too."""


def main(
    data: Annotated[Path, typer.Option(help="Folder with m4_hourly/.")],
    validate_: Annotated[
        str | None,
        typer.Option("--validate", help="Changes of the settings, as JSON, scored on the last training steps."),
    ] = None,
    threads: Annotated[int, typer.Option(help="Of torch.")] = 1,
) -> None:
    """Measure and print."""
    torch.set_num_threads(threads)
    if validate_ is None:
        m4_rows(data)
        return
    series = read_m4(data / "m4_hourly" / "Hourly-train.csv.gz")
    settings = BASE | json.loads(validate_)
    start = time.process_time()
    smape, mase, score = validate(series, settings)
    spent = time.process_time() - start
    CONSOLE.print(f"{validate_}  sMAPE {smape:.3f}  MASE {mase:.3f}  OWA {score:.4f}  {spent:.0f} s of processor time")


if __name__ == "__main__":
    typer.run(main)
