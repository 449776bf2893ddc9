"""Forecasting figures beside the rivals': `python -m benchmarks.forecasting --data DIR`.

One configuration per row, chosen on validation data; the test part is read once; mean and range of three seeds.
Rivals' numbers are those measured on two AVX-512 cores for this project's issue 2; they are printed, not rerun.
"""

import gzip
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
import torch
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.long_horizons import horizon_rows
from benchmarks.m4 import m4_rows
from benchmarks.many_series import long_rows, many_rows
from unspool.forecast import Forecaster, panel_from_file, panel_from_frame
from unspool.forecast.evaluation import metrics as m
from unspool.forecast.evaluation.baselines import fit_ridge, seasonal_naive
from unspool.forecast.model import SAMPLED
from unspool.forecast.tables.panel import Panel
from unspool.runtime import backend_for

SEEDS = (0, 1, 2)
CONSOLE = Console(highlight=False, soft_wrap=True)

ETT = {"network": "segment", "window": 96, "segment": 24, "normalisation": "last", "highway": True}
ETT |= {"validation": 2880, "members": 1, "refit": False}
DEEPAR = {"network": "autoregressive", "window": 96, "normalisation": "standard", "hidden_size": 64, "dropout": 0.1}
DEEPAR |= {"lags": (24, 48), "steps": 600, "batch_size": 256, "learning_rate": 0.005}
DEEPAR |= {"validation": 2880, "members": 1, "refit": False, "quantiles": tuple(k / 10 for k in range(1, 10))}
PENDULUM = {"network": "segment", "window": 100, "segment": 10, "normalisation": "scaled", "highway": False}
PENDULUM |= {"gap": 10, "validation": 420, "members": 1, "refit": False, "steps": 600, "batch_size": 256}
PENDULUM |= {"dropout": 0.0, "hidden_size": 64}

CLASSIC = {
    "Nile.csv": ("value", "time"),
    "airline-passengers.csv": ("Passengers", "Month"),
    "co2_mauna_loa.csv": ("value", "time"),
    "daily-min-temperatures.csv": ("Temp", "Date"),
    "daily-total-female-births.csv": ("Births", "Date"),
    "lynx.csv": ("value", "time"),
    "monthly-car-sales.csv": ("Sales", "Month"),
    "monthly-sunspots.csv": ("Sunspots", "Month"),
    "nottem.csv": ("value", "time"),
}


def etth1(data: Path) -> Panel:
    """Seven channels as seven series, standardised by the training mean and deviation; 12 + 4 + 4 months."""
    table = pl.read_csv(gzip.decompress((data / "ett" / "ETTh1.csv.gz").read_bytes()))[:14400]
    channels = table.columns[1:]
    values = table.select(channels).to_numpy()
    scaled = (values - values[:8640].mean(0)) / values[:8640].std(0)
    parts = [pl.DataFrame({"unique_id": c, "ds": table["date"], "y": scaled[:, i]}) for i, c in enumerate(channels)]
    return panel_from_frame(pl.concat(parts))


def ett_rows(data: Path) -> None:
    """ETTh1, 96 → 24, all 2857 test windows of 7 channels."""
    panel = etth1(data)
    first = np.full(7, 11520)
    settings = ", ".join(f"{k}={v}" for k, v in ETT.items())
    CONSOLE.print(f"\n[bold]ETTh1 96 → 24[/bold]  configuration: {settings}; the rest by default")
    found: dict[str, list[float]] = {k: [] for k in ("MSE", "MAE", "one-step MSE", "80 % covers", "fit s")}
    for seed in SEEDS:
        forecaster = Forecaster(24, seed=seed, **ETT)
        start = time.perf_counter()
        forecaster.fit(panel.before([11520] * 7))
        found["fit s"].append(time.perf_counter() - start)
        quantiles, actual, _ = forecaster.model_.rolling(panel, first)
        point = quantiles[..., 3]
        found["MSE"].append(m.mse(actual, point))
        found["MAE"].append(m.mae(actual, point))
        found["one-step MSE"].append(m.mse(actual[:, 0], point[:, 0]))
        found["80 % covers"].append(m.coverage(actual, quantiles[..., 1], quantiles[..., 5]))
    assert len(actual) == 2857 * 7
    ridge = fit_ridge([s.values[:8640] for s in panel.series], 96, 24, 24)
    histories = [s.values[c - 96 : c] for s in panel.series for c in range(11520, 14400 - 23)]
    linear = np.concatenate([ridge.predict(histories[i : i + 2000]) for i in range(0, len(histories), 2000)])
    naive = np.stack([seasonal_naive(h, 24, 24) for h in histories])
    table = Table("", *found, title_justify="left", box=None)
    table.add_row("unspool, mean of 3 seeds", *(f"{statistics.mean(v):.4f}" for v in found.values()))
    table.add_row("  range", *(f"{min(v):.4f}–{max(v):.4f}" for v in found.values()))
    table.add_row("gate (aim)", "≤ .295 (.285)", "≤ .344 (.335)", "≤ .10", ".77–.83", "≤ 15")
    for name, forecast in (("pooled ridge, here", linear), ("seasonal naive, here", naive)):
        table.add_row(
            name, f"{m.mse(actual, forecast):.4f}", f"{m.mae(actual, forecast):.4f}", _one(actual, forecast), "", ""
        )
    table.add_row("plain segment GRU", ".295", ".344", "", "", "5")
    table.add_row("GluonTS DeepAR", ".310", ".356", "", ".785", "44")
    table.add_row("neuralforecast LSTM", ".369", ".368", ".355 (best of NF)", ".49 (DeepAR)", "112")
    table.add_row("neuralforecast GRU", ".369", ".365", "", "", "120")
    table.add_row("Darts BlockRNN", ".371", ".372", ".374", "", "23")
    CONSOLE.print(table)


def deepar_rows(data: Path) -> None:
    """ETTh1, 96 → 24, quantiles of sampled paths; the windows of `ett_rows`."""
    panel = etth1(data)
    first, levels = np.full(7, 11520), DEEPAR["quantiles"]
    settings = ", ".join(f"{k}={v}" for k, v in DEEPAR.items())
    CONSOLE.print(f"\n[bold]ETTh1 96 → 24, {SAMPLED} paths[/bold]  configuration: {settings}; the rest by default")
    names = ("weighted quantile loss", "80 % covers", "MSE", "MAE", "fit s", "draw s")
    found: dict[str, list[float]] = {k: [] for k in names}
    for seed in SEEDS:
        forecaster = Forecaster(24, seed=seed, **DEEPAR)
        start = time.perf_counter()
        forecaster.fit(panel.before([11520] * 7))
        fitted = time.perf_counter()
        quantiles, actual, _ = forecaster.model_.rolling(panel, first)
        found["fit s"].append(fitted - start)
        found["draw s"].append(time.perf_counter() - fitted)
        assert len(actual) == 2857 * 7
        found["weighted quantile loss"].append(m.weighted_quantile_loss(actual, quantiles, levels))
        found["80 % covers"].append(m.coverage(actual, quantiles[..., 0], quantiles[..., -1]))
        found["MSE"].append(m.mse(actual, quantiles[..., 4]))
        found["MAE"].append(m.mae(actual, quantiles[..., 4]))
        CONSOLE.print(f"seed {seed}: " + ", ".join(f"{name} {values[-1]:.4f}" for name, values in found.items()))
    table = Table("", *found, title_justify="left", box=None)
    table.add_row("unspool, mean of 3 seeds", *(f"{statistics.mean(v):.4f}" for v in found.values()))
    table.add_row("  range", *(f"{min(v):.4f}–{max(v):.4f}" for v in found.values()))
    table.add_row("gate", "≤ .345", ".77–.83")
    table.add_row("GluonTS DeepAR", ".358", ".785", ".310", ".356", "44")
    CONSOLE.print(table)


def pendulum_rows(data: Path) -> None:
    """The tutorial's pendulum: 100 values → gap of 10 → H; error on the last step only."""
    series = pl.read_csv(data / "pendulum" / "pendulum_book.csv").to_numpy()[:, 1]
    panel = panel_from_frame(pl.DataFrame({"ds": np.arange(len(series)), "y": series}))
    CONSOLE.print(f"\n[bold]Pendulum[/bold]  configuration: {', '.join(f'{k}={v}' for k, v in PENDULUM.items())}")
    table = Table("MAE", "H = 1", "H = 3", box=None)
    rows = []
    for horizon in (1, 3):
        errors = []
        for seed in SEEDS:
            forecaster = Forecaster(horizon, seed=seed, **PENDULUM)
            forecaster.fit(panel.before([2800]))
            quantiles, actual, places = forecaster.model_.rolling(panel, np.array([2910]))
            assert len(places) == 1091 - horizon
            errors.append(m.mae(actual[:, -1], quantiles[:, -1, 3]))
        rows.append(f"{statistics.mean(errors):.5f} ({min(errors):.5f}–{max(errors):.5f})")
    table.add_row("unspool, no linear part, 3 seeds", *rows)
    table.add_row("gate (aim)", "≤ .003 (.0005)", "≤ .003 (.0005)")
    table.add_row("the tutorial's RNN", ".0072", ".0067")
    table.add_row("the tutorial's neural ODE", ".0031", ".0384")
    CONSOLE.print(table)


def classic_rows(data: Path) -> None:
    """Nine series at default settings; the last tenth or two seasons held back, forecast from one cutoff."""
    CONSOLE.print("\n[bold]Classic series[/bold]  default settings (auto), MASE")
    won = 0
    for name, (target, times) in CLASSIC.items():
        panel = panel_from_file(data / "classic" / name, target=target, time=times)
        values, season = panel.series[0].values, panel.frequency.season_length
        horizon = max(round(0.1 * len(values)), 2 * season)
        cutoff = len(values) - horizon
        actual, scale = values[None, cutoff:], np.array([m.mase_scale(values[:cutoff], season)])
        naive = m.mase(actual, seasonal_naive(values[:cutoff], horizon, season)[None], scale)
        scores, chosen = [], []
        for seed in SEEDS:
            forecaster = Forecaster(horizon, seed=seed).fit(panel.before([cutoff]))
            scores.append(m.mase(actual, forecaster.forecast().point, scale))
            chosen.append(forecaster.choice_.chosen)
        mean = statistics.mean(scores)
        won += mean < naive
        spread = f"{min(scores):.3f}–{max(scores):.3f}"
        CONSOLE.print(
            f"{name:<32}{horizon:>4} ahead  seasonal naive {naive:.3f}  unspool {mean:.3f} ({spread})  "
            f"{'won ' if mean < naive else 'lost'}  {chosen[0]}"
        )
    CONSOLE.print(f"won {won} of 9 (gate 7)")


def predict_rows(data: Path) -> None:
    """Time of one-series predict, of imports, of --help."""
    from unspool.datasets import load_co2

    CONSOLE.print("\n[bold]Moments[/bold]  medians; ms")
    forecaster = Forecaster(
        24, target="co2", time="date", network="segment", steps=5, refit=False, highway=True, window=104, segment=13
    ).fit(load_co2())
    direct = Forecaster(24, target="co2", time="date", network="direct", steps=5, refit=False, window=52).fit(
        load_co2()
    )
    table = Table("", "ours", "rivals", box=None)
    table.add_row(
        "predict, segment (8 + 1 steps)", _median(forecaster.predict, 50), "NF 14, Darts 7–11, GluonTS 20–31; aim ≤ 2"
    )
    table.add_row("predict, direct (52 steps)", _median(direct.predict, 50), "")
    python = [sys.executable, "-c"]
    empty = _seconds([*python, "pass"])
    table.add_row(
        "import unspool",
        f"{1000 * (_seconds([*python, 'import unspool']) - empty):.0f}",
        "torch 1400–1800, the rivals 5000–6000",
    )
    table.add_row(
        "unspool --help",
        f"{1000 * _seconds([str(Path(sys.executable).parent / 'unspool'), '--help']):.0f}",
        "aim < 300",
    )
    CONSOLE.print(table)
    code = "import sys, unspool; print('torch' in sys.modules)"
    loaded = subprocess.run([*python, code], capture_output=True, text=True, check=True).stdout.strip()
    CONSOLE.print(f"torch loaded by import unspool: {loaded}")


ROWS: dict[str, Callable[[Path], None]] = {
    "etth1": ett_rows,
    "deepar": deepar_rows,
    "pendulum": pendulum_rows,
    "classic": classic_rows,
    "moments": predict_rows,
    "m4": m4_rows,
    "many": many_rows,
    "long": long_rows,
    "horizons": horizon_rows,
}


def main(
    data: Annotated[Path, typer.Option(help="Folder with ett/, pendulum/, classic/, m4_hourly/.")],
    threads: Annotated[int, typer.Option(help="Of torch; on a busy machine one is faster.")] = 2,
    only: Annotated[str, typer.Option(help=f"Rows to measure: {', '.join(ROWS)}.")] = ",".join(ROWS),
) -> None:
    """Measure and print."""
    torch.set_num_threads(threads)
    backend = backend_for(torch.device("cpu"), torch.float32)
    CONSOLE.print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {backend} backend")
    for name in only.split(","):
        if not data.is_dir():
            CONSOLE.print(f"skipped: no folder {data}")
            return
        ROWS[name](data)


def _one(actual: np.ndarray, forecast: np.ndarray) -> str:
    return f"{m.mse(actual[:, 0], forecast[:, 0]):.4f}"


def _median(call: Callable[[], Any], times: int) -> str:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return f"{1000 * statistics.median(found):.2f}"


def _seconds(command: list[str]) -> float:
    found = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        found.append(time.perf_counter() - start)
    return statistics.median(found)


if __name__ == "__main__":
    typer.run(main)
