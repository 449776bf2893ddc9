"""`unspool forecast FILE`: fit, backtest, forecast, and write everything to a folder."""

from unspool.cli.job import Job, takes_job


@takes_job
def forecast(job: Job) -> None:
    """Forecast a series, or thousands: fit, backtest against baselines, write the results and a report.

    Writes forecast.csv, forecast.parquet, metrics.json, model/ and report.html to the folder --out; with --paths also
    paths.csv and paths.parquet.
    """
    from unspool.cli.run import run

    run(job, final=True)
