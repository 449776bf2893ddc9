"""Draws docs/demo.svg, the picture in the README: the demo's data and the demo's settings (`make picture`)."""

from pathlib import Path

from unspool.datasets import load_co2
from unspool.forecast import Forecaster
from unspool.report.picture import forecast_picture

HERE = Path(__file__).parent


def main() -> None:
    """Fit as `make demo` does and draw the last years of the record with the forecast."""
    forecaster = Forecaster(horizon=52, target="co2", time="date").fit(load_co2())
    series = forecaster.panel_.series[0]
    forecast_picture(
        HERE / "demo.svg",
        (series.id, series.times, series.values),
        forecaster.forecast(),
        title="Weekly CO2 at Mauna Loa, forecast a year ahead",
    )


if __name__ == "__main__":
    main()
