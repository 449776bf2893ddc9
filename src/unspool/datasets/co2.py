"""Carbon dioxide in the air at Mauna Loa, Hawaii, by week, 1958 to 2001; 59 weeks have no value.

Source: the Scripps Institution of Oceanography's record from continuous air samples (Keeling and Whorf 2004,
"Atmospheric CO2 concentrations derived from flask and in-situ air samples", in Trends, CDIAC, Oak Ridge), as
distributed by NOAA. Works of the US government: public domain.
"""

from pathlib import Path

import polars as pl


def co2_path() -> Path:
    """The CSV file: columns `date` (Saturdays, ISO) and `co2` (ppm by volume, empty where missing); 2284 rows."""
    return Path(__file__).with_name("data") / "co2.csv"


def load_co2() -> pl.DataFrame:
    """The record as a table: `date` (Date) and `co2` (Float64, ppm by volume, null where missing); 2284 rows."""
    return pl.read_csv(co2_path(), schema={"date": pl.Date, "co2": pl.Float64})
