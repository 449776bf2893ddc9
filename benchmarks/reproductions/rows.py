"""All rows, in the order of the table.

A row of another room (text, classification) is a module beside this one with a tuple ROWS of `Row`, whose `run` trains
with one seed and returns a record; it is listed here.
"""

from benchmarks.reproductions import labels, long_lags, music, text
from benchmarks.reproductions.row import Row

ROWS: tuple[Row, ...] = (*long_lags.ROWS, *music.ROWS, *text.ROWS, *labels.ROWS)
