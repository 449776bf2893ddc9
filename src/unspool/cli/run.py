"""Runs a forecasting job and says what happens: data, progress, backtest table, files."""

from unspool.atomic import check_folder
from unspool.cli.arguments import read_levels
from unspool.cli.job import Job
from unspool.cli.output import OURS, print_json, results, write_results
from unspool.cli.progress import Progress
from unspool.cli.tables import Screen
from unspool.errors import SettingError
from unspool.forecast import Forecaster, run_job


def run(job: Job, *, final: bool) -> None:
    """Do the job and write its folder; `final` fits to all of the data and forecasts past its end."""
    if job.folds is not None and job.folds < (0 if final else 1):
        raise SettingError(f"folds is {job.folds}", hint="give a number of folds, for example 3")
    folder = check_folder(job.out, OURS, overwrite=job.overwrite)
    forecaster = forecaster_of(job)
    screen = Screen(quiet=job.json)
    panel = forecaster.read(job.file)
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
            on_choice=screen.choice,
        )
    written = write_results(folder, done, job)
    screen.outcome(done, written)
    if job.json:
        print_json(results(done, written))


def forecaster_of(job: Job) -> Forecaster:
    """The forecaster that a command line states."""
    return Forecaster(
        horizon=job.horizon,
        cell=job.cell,
        network=job.network,
        normalisation=job.normalisation,
        highway=job.highway,
        gap=job.gap,
        window=job.window,
        segment=job.segment,
        hidden_size=job.hidden_size,
        num_layers=job.num_layers,
        quantiles=read_levels(job.quantiles),
        validation=job.validation,
        steps=job.steps,
        learning_rate=job.learning_rate,
        batch_size=job.batch_size,
        members=job.members,
        seed=job.seed,
        target=job.target,
        time=job.time,
        series=job.series or "unique_id",
        frequency=job.frequency,
        season_length=job.season_length,
        on_bad_series="skip" if job.skip_bad_series else "error",
    )
