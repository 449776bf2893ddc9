"""The files of a job, written together: a folder appears whole or not at all."""

import io
import json
import shlex
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from unspool.atomic import new_folder, write_file
from unspool.cli.explained import explained
from unspool.cli.job import Job
from unspool.errors import OutputError
from unspool.forecast import Forecast, Panel, Run
from unspool.forecast.ensemble import models_of
from unspool.forecast.fitted import FittedModel
from unspool.forecast.output import forecast_table, path_times, paths_table
from unspool.forecast.saving import FILES, write_model
from unspool.forecast.tables.panel import ROLES
from unspool.forecast.tables.uneven import typical
from unspool.report import ReportData, render_report

OURS = frozenset(
    {"forecast.csv", "forecast.parquet", "paths.csv", "paths.parquet", "metrics.json", "report.html", "model"}
) | {f"model/{name}" for name in FILES}


def write_results(folder: Path, run: Run, report: ReportData) -> dict[str, Path]:
    """Write a job's folder; what was written, by what it is."""
    written: dict[str, Path] = {}
    with new_folder(folder, OURS) as draft:
        if run.forecast is not None:
            table = forecast_table(run.forecast, run.panel)
            (draft / "forecast.csv").write_bytes(csv_bytes(table, run.panel, run.forecast.times))
            table.write_parquet(draft / "forecast.parquet")
            written |= {"forecast": folder / "forecast.csv", "": folder / "forecast.parquet"}
            if run.forecast.paths is not None:
                table = paths_table(run.forecast, run.panel)
                (draft / "paths.csv").write_bytes(csv_bytes(table, run.panel, path_times(run.forecast)))
                table.write_parquet(draft / "paths.parquet")
                written["paths"] = folder / "paths.csv"
        metrics = run.backtest.metrics if run.backtest is not None else {}
        if run.choice.search is not None:
            metrics = metrics | {"choice": run.choice.to_json()}
        if report.explanation is not None:
            metrics = metrics | {"explanation": report.explanation.summary()}
        (draft / "metrics.json").write_text(dumps(metrics), encoding="utf-8")
        written["metrics"] = folder / "metrics.json"
        if run.model is not None and run.forecast is not None:
            (draft / "model").mkdir()
            write_model(draft / "model", run.model, run.panel)
            written["model"] = folder / "model"
        (draft / "report.html").write_text(render_report(report), encoding="utf-8")
        written["report"] = folder / "report.html"
    return written


def results(run: Run, report: ReportData, written: dict[str, Path]) -> dict[str, Any]:
    """What `--json` prints."""
    found: dict[str, Any] = {
        "choice": run.choice.to_json(),
        "findings": [{"kind": f.kind, "series": f.series, "message": f.message} for f in run.panel.findings],
        "notes": list(run.notes),
        "metrics": run.backtest.metrics if run.backtest is not None else None,
        "files": {name or "parquet": str(path) for name, path in written.items()},
    }
    if run.panel.frequency.uneven:
        found["uneven"] = {"step": run.panel.frequency.every, "typical_gap": typical(run.panel).every}
    if covariates := _covariates(run):
        found["covariates"] = covariates
    if report.explanation is not None:
        found["explanation"] = report.explanation.summary()
    if run.forecast is not None:
        found["forecast"] = forecast_rows(forecast_table(run.forecast, run.panel), run.panel, run.forecast)
    return found


def forecast_rows(table: pl.DataFrame, panel: Panel, forecast: Forecast) -> list[dict[str, Any]]:
    """The table's rows with times as text, for JSON."""
    return _as_text(table, panel, forecast.times).to_dicts()


def csv_bytes(table: pl.DataFrame, panel: Panel, times: np.ndarray) -> bytes:
    """The table as CSV, its times spelled as in the file that was read."""
    buffer = io.BytesIO()
    _as_text(table, panel, times).write_csv(buffer)
    return buffer.getvalue()


def check_table(path: Path, overwrite: bool) -> Path:
    """Return `path` if a table may be written there.

    Raises:
        OutputError: it exists, is neither .csv nor .parquet, or its folder is missing.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise OutputError(f"'{path}' is neither .csv nor .parquet", hint="name the file forecast.csv, for example")
    if path.exists() and (not overwrite or not path.is_file()):
        raise OutputError(f"'{path}' exists", hint="choose another name, or replace it with --overwrite")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"the folder of '{path}' does not exist")
    return path


def write_table(path: Path, table: pl.DataFrame, panel: Panel, times: np.ndarray) -> None:
    """Write a forecast, or its paths, as CSV or Parquet, by the file's ending."""
    if path.suffix == ".csv":
        write_file(path, csv_bytes(table, panel, times))
        return
    buffer = io.BytesIO()
    table.write_parquet(buffer)
    write_file(path, buffer.getvalue())


def dumps(value: Any) -> str:
    """JSON with an end of line."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def print_json(value: Any) -> None:
    """JSON to standard output."""
    sys.stdout.write(dumps(value))


def report_of(run: Run, job: Job) -> ReportData:
    """The report of a job. It holds no time of day and no duration: the same job gives the same bytes."""
    panel = run.panel
    steps = f"{job.horizon} {panel.frequency.noun}{'s' if job.horizon > 1 else ''}"
    logs = [run.model.log] if run.model is not None else []
    if run.backtest is not None:
        logs += [f.training for f in run.backtest.folds if f.training is not None]
    report = ReportData(
        title=f"{panel.columns.target}: {steps} ahead",
        history=[(s.id, s.times, s.values) for s in panel.series],
        forecast=run.forecast,
        backtest=run.backtest,
        training=logs,
        choice=run.choice if run.choice.tried else None,
        findings=[f.message for f in panel.findings] + list(run.notes),
        settings=_settings(run, job),
        command=_command(job, "forecast" if run.forecast is not None else "backtest"),
        versions={name: version(name) for name in ("unspool", "torch", "numpy", "polars")},
        time_labels=panel.labels,
        inspect=shlex.join(["unspool", "inspect", str(job.out / "model"), str(job.file)]),
    )
    return replace(report, explanation=explained(run, report))


def _settings(run: Run, job: Job) -> dict[str, str]:
    settings = {"data": job.file.name, "frequency": run.panel.frequency.name}
    if run.model is not None:
        each = [_settings_of(model) for model in models_of(run.model)]
        names = dict.fromkeys(name for one in each for name in one)
        settings |= {name: "; ".join(dict.fromkeys(one[name] for one in each if name in one)) for name in names}
    names = {role: ", ".join(names) for role, names in _covariates(run).items()}
    return settings | names | ({"holidays": job.holidays} if job.holidays else {})


def _settings_of(model: FittedModel) -> dict[str, str]:
    recipe = model.recipe
    settings = {"cell": recipe.cell.name, "seed": str(recipe.seed), "members": str(len(model.members))}
    settings |= {k.replace("_", " "): _shown(v) for k, v in recipe.model.to_json().items()}
    settings |= {k.replace("_", " "): _shown(v) for k, v in vars(recipe.train).items()}
    return settings | {"batch size": str(recipe.batch_size), "validation steps": str(recipe.validation)}


def _covariates(run: Run) -> dict[str, list[str]]:
    """The names of the covariates by role, where there are any."""
    names = {role: [one.name for one in run.panel.of_role(role)] for role in ROLES}
    return {role: found for role, found in names.items() if found}


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(v if isinstance(v, str) else f"{v:g}" for v in value) or "none"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _command(job: Job, command: str) -> str:
    words = ["unspool", command, str(job.file)]
    for option, value in job.changed().items():
        flag = option.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", str(value)]
    return shlex.join(words)


def _as_text(table: pl.DataFrame, panel: Panel, times: np.ndarray) -> pl.DataFrame:
    return table.with_columns(pl.Series(panel.columns.time, panel.labels(times.ravel())))
