"""Runs a forecasting job and says what happens: data, progress, backtest table, files."""

from unspool.atomic import check_folder
from unspool.cli.arguments import read_levels, read_names, read_steps
from unspool.cli.job import Job
from unspool.cli.output import OURS, print_json, report_of, results, write_results
from unspool.cli.progress import Progress
from unspool.cli.tables import Screen
from unspool.errors import SettingError
from unspool.forecast import Forecaster, run_job
from unspool.forecast.evaluation.statistical import check_baselines
from unspool.forecast.fed import check_paths
from unspool.forecast.networks import FED


def run(job: Job, *, final: bool) -> None:
    """Do the job and write its folder; `final` fits to all of the data and forecasts past its end."""
    if job.folds is not None and job.folds < (0 if final else 1):
        raise SettingError(f"folds is {job.folds}", hint="give a number of folds, for example 3")
    if job.future is not None and not final:
        raise SettingError(
            "a backtest forecasts what came: it reads no table of the future",
            hint="leave out --future; the known covariates of the table are read up to its end",
        )
    if job.paths and not final:
        raise SettingError("a backtest makes no forecast past the end, so it has no paths", hint="leave out --paths")
    check_baselines(job.baselines, job.baseline_seconds)
    folder = check_folder(job.out, OURS, overwrite=job.overwrite)
    forecaster = forecaster_of(job)
    check_paths(job.paths, forecaster.network)
    screen = Screen(quiet=job.json)
    panel = forecaster.read(job.file, job.future)
    screen.data(job.file.name, panel)
    with Progress(screen.console) as progress:
        done = run_job(
            panel,
            forecaster,
            folds=job.folds,
            step=job.step,
            window=job.sliding,
            refit=job.refit,
            final=final,
            callbacks=[progress],
            baselines=job.baselines,
            baseline_seconds=job.baseline_seconds,
            on_choice=screen.choice,
            tell=screen.baseline,
            paths=job.paths,
        )
    report = report_of(done, job)
    written = write_results(folder, done, report)
    screen.outcome(done, written, report.explanation)
    if job.json:
        print_json(results(done, report, written))


def forecaster_of(job: Job) -> Forecaster:
    """The forecaster that a command line states."""
    # A job's `refit` is of the backtest's folds; whether a fit ends with one on all data is the forecaster's own rule.
    shared = (Forecaster.__init__.__annotations__.keys() & vars(job).keys()) - {"refit"}
    options = {name: getattr(job, name) for name in shared}
    lists = ("known", "past", "static", "categorical", "holidays")
    options |= {name: read_names(getattr(job, name)) for name in lists}
    options |= {
        "quantiles": read_levels(job.quantiles),
        "dilations": read_steps(job.dilations, "dilations", "--dilations 1,4,24"),
        "lags": read_steps(job.lags, "lags", "--lags 24,168"),
        "series": job.series or "unique_id",
        "on_bad_series": "skip" if job.skip_bad_series else "error",
    }
    if job.paths and job.network == "auto":
        options["network"] = FED[0]
    return Forecaster(**options)
