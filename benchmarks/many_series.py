"""100,000 series of 100 points, and one of a million: rows of `benchmarks.forecasting`. The data are drawn by a seed.

Each case is a process of its own, whose peak memory is that of the whole program, torch included. Rivals' numbers are
those measured on two AVX-512 cores for this project; they are printed, not rerun.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

CONSOLE = Console(highlight=False, soft_wrap=True)
HORIZON, STEPS = 14, 1000
LONG = {"window": 96, "hidden_size": 64, "highway": False, "members": 1, "refit": False}
LOSS_STEPS = 60
"""Training steps timed; the first twenty warm up."""


def many_frame(series: int = 100_000, points: int = 100, seed: int = 0) -> pl.DataFrame:
    """Daily sales-like series: levels of three orders of magnitude, a week whose phase differs, a trend, noise."""
    draw = np.random.default_rng(seed)
    t = np.arange(points)
    level, phase = draw.lognormal(3, 1, (series, 1)), draw.integers(0, 7, (series, 1))
    trend = 0.003 * t * draw.normal(size=(series, 1))
    values = level * (1 + 0.3 * np.sin(2 * np.pi * (t + phase) / 7) + trend + 0.1 * draw.normal(size=(series, points)))
    days = np.datetime64("2024-01-01", "D") + t
    names = [f"s{k:06d}" for k in range(series)]
    return pl.DataFrame({"unique_id": np.repeat(names, points), "ds": np.tile(days, series), "y": values.ravel()})


def long_frame(points: int = 1_000_000, seed: int = 0) -> pl.DataFrame:
    """Hourly values of 114 years: a day, a week, noise that lasts."""
    draw = np.random.default_rng(seed)
    t = np.arange(points)
    noise = np.convolve(draw.normal(size=points + 20), 0.8 ** np.arange(21), "valid")
    values = 10 + 3 * np.sin(2 * np.pi * t / 24) + np.sin(2 * np.pi * t / 168) + 0.3 * noise
    return pl.DataFrame({"ds": np.datetime64("1900-01-01", "us") + t * np.timedelta64(1, "h"), "y": values})


def many_rows(data: Path) -> None:
    """`unspool forecast` of 100,000 series from Parquet: read, fit 1,000 steps, forecast, write everything."""
    del data
    CONSOLE.print(f"\n[bold]100,000 series × 100 points[/bold]  Parquet, {STEPS} steps, {HORIZON} ahead, no backtest")
    table = Table("", "seconds", "seconds of CPU", "peak GB", box=None)
    with tempfile.TemporaryDirectory() as folder:
        many_frame().write_parquet(f"{folder}/many.parquet")
        words = ["unspool", "forecast", f"{folder}/many.parquet", "--network", "segment", "--folds", "0"]
        words += ["--horizon", str(HORIZON), "--steps", str(STEPS), "--out", f"{folder}/out"]
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, cpu = time.perf_counter() - start, used.ru_utime + used.ru_stime
    table.add_row("unspool", f"{seconds:.0f}", f"{cpu:.0f}", f"{used.ru_maxrss / 2**20:.2f}")
    table.add_row("aim", "≤ 300", "", "≤ 4")
    table.add_row("neuralforecast", "copies all windows each step", "", "")
    CONSOLE.print(table)


def long_rows(data: Path) -> None:
    """One series of 1,000,000 points: the time of a training step, and memory."""
    del data
    settings = ", ".join(f"{k}={v}" for k, v in LONG.items())
    CONSOLE.print(f"\n[bold]One series of 1,000,000 points[/bold]  24 ahead; {settings}")
    columns = ("ms a step, median", "from", "to", "ms of CPU", "peak MB", "of it before the fit", "read and set up, s")
    table = Table("", *columns, box=None)
    with tempfile.TemporaryDirectory() as folder:
        long_frame().write_parquet(f"{folder}/long.parquet")
        for network in ("direct", "segment"):
            for batch in (32, 512):
                words = [sys.executable, "-m", "benchmarks.many_series", f"{folder}/long.parquet", network, str(batch)]
                said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
                found = json.loads(said)
                table.add_row(f"unspool, {network}, batch {batch}", *found)
    table.add_row("aim", "≤ 10", "", "", "", "", "", "")
    table.add_row("neuralforecast", "110", "", "", "", "695", "", "")
    CONSOLE.print(table)


class _Clock:
    """A training callback that keeps the time of every step."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.cpu: list[float] = []

    def on_step(self, step: int, loss: float) -> None:
        self.times.append(time.perf_counter())
        self.cpu.append(time.process_time())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("on_"):
            return lambda *_: None
        raise AttributeError(name)


def _time_long(path: str, network: str, batch: int) -> list[str]:
    from unspool.forecast import Forecaster

    start = time.perf_counter()
    clock: Any = _Clock()
    forecaster = Forecaster(24, network=network, batch_size=batch, steps=LOSS_STEPS, **LONG)
    panel, before = forecaster.read(path), _peak()
    forecaster.fit(panel, callbacks=[clock])
    steps = np.diff(clock.times[20:]) * 1000
    shown = [f"{value:.1f}" for value in (statistics.median(steps), steps.min(), steps.max())]
    shown.append(f"{statistics.median(np.diff(clock.cpu[20:])) * 1000:.1f}")
    return [*shown, f"{_peak():.0f}", f"{before:.0f}", f"{clock.times[0] - start:.1f}"]


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    print(json.dumps(_time_long(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
