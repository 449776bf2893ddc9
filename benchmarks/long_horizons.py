"""Long horizons: ETTh1 and ETTm1, 720 steps read, 96 … 720 ahead, beside SegRNN's published errors.

The split, the standardisation and the test windows are those of the long-horizon literature (Zhou et al. 2021,
arXiv:2012.07436; Lin et al. 2023, arXiv:2308.11200): months 1–12 are trained on, 13–16 stop the training, and every
window with its targets in months 17–20 is tested, none left out. One configuration, chosen on the validation part of
ETTh1, and two rows that differ in what `OWN` says.
"""

import gzip
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from unspool.forecast import Forecaster, panel_from_frame
from unspool.forecast.tables.panel import Panel

SETTINGS: dict[str, Any] = {
    "network": "segment",
    "window": 720,
    "segment": 48,
    "normalisation": "last",
    "highway": False,
}
SETTINGS |= {"dropout": 0.7, "hidden_size": 256, "batch_size": 128, "learning_rate": 1e-3, "steps": 1200}
SETTINGS |= {"members": 1, "refit": False, "quantiles": (0.1, 0.5, 0.9)}
OWN: dict[tuple[str, int], dict[str, Any]] = {
    ("ETTh1", 96): {"dropout": 0.5, "members": 2},
    ("ETTm1", 96): {"steps": 2400},
}
"""What a row has of its own, chosen on its own validation part: on ETTm1 the loss still fell after 1200 steps."""

SEEDS = (0, 1, 2)
CONSOLE = Console(highlight=False, soft_wrap=True)

PUBLISHED = {
    ("ETTh1", 96): (0.351, 0.512),
    ("ETTh1", 192): (0.392, 0.581),
    ("ETTh1", 336): (0.423, 0.650),
    ("ETTh1", 720): (0.466, 0.655),
    ("ETTm1", 96): (0.293, None),
    ("ETTm1", 192): (0.328, None),
    ("ETTm1", 336): (0.357, None),
    ("ETTm1", 720): (0.410, None),
}
"""(data, horizon) → MSE of SegRNN's repository, and of the seasonal naive forecast."""

TOLERANCE = 1.03


def electricity(data: Path, name: str) -> tuple[Panel, int, int]:
    """Seven channels as seven series, standardised by the year trained on; its rows; the rows before the test part."""
    per_hour = {"ETTh1": 1, "ETTm1": 4}[name]
    trained, validated, ends = (months * 720 * per_hour for months in (12, 16, 20))
    table = pl.read_csv(gzip.decompress((data / "ett" / f"{name}.csv.gz").read_bytes()))[:ends]
    channels = table.columns[1:]
    values = table.select(channels).to_numpy()
    scaled = (values - values[:trained].mean(0)) / values[:trained].std(0)
    parts = [pl.DataFrame({"unique_id": c, "ds": table["date"], "y": scaled[:, i]}) for i, c in enumerate(channels)]
    return panel_from_frame(pl.concat(parts)), trained, validated


def error(forecaster: Forecaster, panel: Panel, first: int) -> tuple[float, float, int]:
    """MSE and MAE over all windows whose targets lie at `first` or later; their number for each series."""
    squares, absolute, windows = [], [], 0
    for series in panel.series:  # one at a time: the windows of all seven would fill gigabytes
        quantiles, actual, places = forecaster.model_.rolling(replace(panel, series=(series,)), np.array([first]))
        away = actual - quantiles[..., forecaster.model_.recipe.model.levels.index(0.5)]
        squares.append(float(np.mean(away**2)))
        absolute.append(float(np.mean(np.abs(away))))
        windows = len(places)
    return statistics.mean(squares), statistics.mean(absolute), windows


def horizon_rows(data: Path, names: tuple[str, ...] = ("ETTh1", "ETTm1")) -> None:
    """One line for each data set and horizon: mean and range over the seeds."""
    CONSOLE.print(f"\n[bold]Long horizons[/bold]  {', '.join(f'{k}={v}' for k, v in SETTINGS.items())}")
    heads = ("data", "ahead", "windows", "MSE", "range", "MAE", "SegRNN", "gate", "seasonal naive", "fit s", "")
    table = Table(*heads, box=None)
    for name in names:
        panel, trained, tested = electricity(data, name)
        for horizon in (96, 192, 336, 720):
            squares, absolute, seconds, windows = [], [], [], 0
            for seed in SEEDS:
                settings = SETTINGS | OWN.get((name, horizon), {})
                forecaster = Forecaster(horizon, seed=seed, validation=tested - trained, **settings)
                start = time.perf_counter()
                forecaster.fit(panel.before([tested] * len(panel.series)))
                seconds.append(time.perf_counter() - start)
                mse, mae, windows = error(forecaster, panel, tested)
                squares.append(mse)
                absolute.append(mae)
            rival, naive = PUBLISHED[name, horizon]
            gate, mean = TOLERANCE * rival, statistics.mean(squares)
            table.add_row(
                name, str(horizon), str(windows), f"{mean:.4f}", f"{min(squares):.4f}–{max(squares):.4f}",
                f"{statistics.mean(absolute):.4f}", f"{rival:.3f}", f"{gate:.4f}", f"{naive:.3f}" if naive else "",
                f"{statistics.mean(seconds):.0f}", "aim" if mean < rival else "gate" if mean <= gate else "missed",
            )  # fmt: skip
    CONSOLE.print(table)
