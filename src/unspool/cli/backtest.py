"""`unspool backtest FILE`: rolling-origin backtest alone."""

from unspool.cli.job import Job, takes_job


@takes_job
def backtest(job: Job) -> None:
    """Backtest against baselines at rolling cutoffs, without a final fit. Writes metrics.json and report.html."""
    from unspool.cli.run import run

    run(job, final=False)
