"""Predictions as a table: a row for each sequence."""

import io

import numpy as np
import polars as pl

from unspool.classify.sequences import Sequences


def prediction_table(sequences: Sequences, classes: tuple[str, ...], probabilities: np.ndarray) -> pl.DataFrame:
    """Columns: `series`, `label` (where it is known), `predicted`, and `p_CLASS` for each class."""
    columns = [pl.Series("series", sequences.ids)]
    if sequences.labels is not None:
        columns.append(pl.Series("label", sequences.labels))
    columns.append(pl.Series("predicted", [classes[k] for k in probabilities.argmax(1)]))
    columns += [pl.Series(f"p_{name}", probabilities[:, k]) for k, name in enumerate(classes)]
    return pl.DataFrame(columns)


def table_bytes(table: pl.DataFrame, suffix: str) -> bytes:
    """The table as a file that ends in `.csv` or `.parquet`."""
    buffer = io.BytesIO()
    if suffix == ".csv":
        table.write_csv(buffer)
    else:
        table.write_parquet(buffer)
    return buffer.getvalue()
