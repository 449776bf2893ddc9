"""Arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

File = Annotated[
    Path, typer.Argument(help="CSV (any delimiter, encoding, .gz) or Parquet, in long form.", show_default=False)
]
Target = Annotated[str, typer.Option(help="Column to forecast.", rich_help_panel="Data")]
Time = Annotated[str, typer.Option(help="Column of times.", rich_help_panel="Data")]
SeriesColumn = Annotated[
    str | None,
    typer.Option("--series", help="Column that tells series apart; unique_id, if it is there.", rich_help_panel="Data"),
]
FrequencyName = Annotated[
    str | None,
    typer.Option(
        "--frequency", help="Step of the data (15m, 1h, 1d, 1bd, 1w, 1mo …); inferred.", rich_help_panel="Data"
    ),
]
Uneven = Annotated[
    bool | None,
    typer.Option(
        "--uneven/--no-uneven",
        help="Read each row at its own time, not on a grid; auto, for a cell that reads the time between rows.",
        rich_help_panel="Data",
    ),
]
Season = Annotated[
    int | None,
    typer.Option(help="Steps in a season; by default the frequency's usual one.", rich_help_panel="Data"),
]
Skip = Annotated[
    bool,
    typer.Option(
        "--skip-bad-series",
        help="Leave out series that are constant, empty or too short, and say so; otherwise the others speak for them.",
        rich_help_panel="Data",
    ),
]
ColdStart = Annotated[
    bool | None,
    typer.Option(
        "--cold-start/--no-cold-start",
        help="Learn to forecast series that have hardly begun; auto, where the table has one shorter than half a "
        "window.",
        rich_help_panel="Model",
    ),
]
Known = Annotated[
    str | None,
    typer.Option(help="Covariates known in the future too, with commas between.", rich_help_panel="Covariates"),
]
PastOnly = Annotated[
    str | None,
    typer.Option(
        "--past", help="Covariates known in the past only, with commas between.", rich_help_panel="Covariates"
    ),
]
Static = Annotated[
    str | None, typer.Option(help="Covariates with one value for each series.", rich_help_panel="Covariates")
]
Categorical = Annotated[
    str | None,
    typer.Option(help="Those of them whose numbers are categories; text always is.", rich_help_panel="Covariates"),
]
Holidays = Annotated[
    str | None,
    typer.Option(
        help="Countries whose public holidays are read: DE, DE-BY,FR; needs unspool\\[holidays].",
        rich_help_panel="Covariates",
    ),
]
Future = Annotated[
    Path | None,
    typer.Option(
        help="CSV or Parquet with the known covariates of the horizon.",
        rich_help_panel="Covariates",
        show_default=False,
    ),
]
Horizon = Annotated[int, typer.Option(help="Steps to forecast.", show_default=False)]
CellName = Annotated[
    str, typer.Option(help="A cell (see `unspool cells`), or your own: FILE.py:NAME.", rich_help_panel="Model")
]
ForecastCell = Annotated[
    str,
    typer.Option(
        "--cell",
        help="A cell (see `unspool cells`), or your own: FILE.py:NAME; auto: gru, or searched with --budget.",
        rich_help_panel="Model",
    ),
]
Network = Annotated[
    str,
    typer.Option(
        help="direct, segment, onward, dilated, seq2seq, autoregressive, or auto: chosen on a validation part.",
        rich_help_panel="Model",
    ),
]
Head = Annotated[
    str,
    typer.Option(
        help="What is forecast of a step: quantile, normal, student, negative_binomial, tweedie; auto.",
        rich_help_panel="Model",
    ),
]
Lags = Annotated[
    str | None,
    typer.Option(
        help="Steps back that an autoregressive network reads again: 24,168; one and two seasons.",
        rich_help_panel="Model",
    ),
]
Paths = Annotated[
    int,
    typer.Option(
        help="Paths to draw of each series, into paths.csv; network auto is autoregressive then.",
        rich_help_panel="Output",
    ),
]
Normalisation = Annotated[
    str,
    typer.Option(
        help="Of each window: last, scaled, mean, standard, season, ratio, smoothing, or auto.", rich_help_panel="Model"
    ),
]
Log = Annotated[
    bool | None,
    typer.Option(
        "--log/--no-log",
        help="Read and forecast logarithms, where all values are positive; auto, with smoothing.",
        rich_help_panel="Model",
    ),
]
Highway = Annotated[
    bool | None,
    typer.Option(
        "--highway/--no-highway", help="A linear autoregression beside the recurrence; auto.", rich_help_panel="Model"
    ),
]
Gap = Annotated[
    int, typer.Option(help="Steps between the last one seen and the first one forecast.", rich_help_panel="Model")
]
Window = Annotated[int | None, typer.Option(help="Steps read.", rich_help_panel="Model")]
Segment = Annotated[int | None, typer.Option(help="Steps per segment.", rich_help_panel="Model")]
Hidden = Annotated[int | None, typer.Option("--hidden-size", help="Units.", rich_help_panel="Model")]
Layers = Annotated[int, typer.Option("--num-layers", help="Layers.", rich_help_panel="Model")]
Dilations = Annotated[
    str | None,
    typer.Option(help="Steps back of each layer of network dilated: 1,4,24; by the season.", rich_help_panel="Model"),
]
Dropout = Annotated[float | None, typer.Option("--dropout", help="Probability, in training.", rich_help_panel="Model")]
Quantiles = Annotated[
    str, typer.Option(help="Quantile levels; the median is always among them.", rich_help_panel="Model")
]
Steps = Annotated[int | None, typer.Option(help="Training steps at most.", rich_help_panel="Training")]
Rate = Annotated[float | None, typer.Option("--learning-rate", help="Peak learning rate.", rich_help_panel="Training")]
Batch = Annotated[int | None, typer.Option("--batch-size", help="Windows per step.", rich_help_panel="Training")]
Validation = Annotated[
    int | None,
    typer.Option(help="Steps held back to stop on and to calibrate with.", rich_help_panel="Training"),
]
Members = Annotated[
    int | None, typer.Option(help="Models fitted from different seeds and averaged.", rich_help_panel="Training")
]
Seed = Annotated[int, typer.Option(help="Same seed, same machine: same bytes.", rich_help_panel="Training")]
TimeOrTrials = Annotated[
    str | None,
    typer.Option(
        "--budget",
        help="Search for an ensemble so long (60s, 5m, 1h), or so many fits ('30 trials', the same on every day).",
        rich_help_panel="Training",
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(help="Cutoffs of the backtest; 3, or as many as the data allow. 0: none.", rich_help_panel="Backtest"),
]
Step = Annotated[int | None, typer.Option(help="Distance between cutoffs; the horizon.", rich_help_panel="Backtest")]
Sliding = Annotated[
    int | None,
    typer.Option(
        "--sliding", help="Learn from so many steps before each cutoff; all of them.", rich_help_panel="Backtest"
    ),
]
Refit = Annotated[
    bool,
    typer.Option(
        "--refit/--no-refit", help="Fit before every cutoff, or before the first alone.", rich_help_panel="Backtest"
    ),
]
Baselines = Annotated[
    str,
    typer.Option(
        help="usual, or statistical: AutoETS, AutoARIMA and AutoTheta too (unspool[baselines]).",
        rich_help_panel="Backtest",
    ),
]
BaselineSeconds = Annotated[
    float,
    typer.Option(
        help="What each statistical baseline may take in all; one that takes longer is left out of the table.",
        rich_help_panel="Backtest",
    ),
]
Out = Annotated[Path, typer.Option(help="Folder for the results.", rich_help_panel="Output")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace earlier results there.", rich_help_panel="Output")
]
Json = Annotated[
    bool, typer.Option("--json", help="Machine-readable results on standard output.", rich_help_panel="Output")
]


def read_names(text: str | None) -> tuple[str, ...]:
    """`price, promo` → ("price", "promo")."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def read_steps(text: str | None, what: str, example: str) -> tuple[int, ...] | None:
    """`1,4,24` → (1, 4, 24).

    Raises:
        SettingError: a part is not a whole number.
    """
    from unspool.errors import SettingError

    try:
        return None if text is None else tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise SettingError(f"{what} '{text}' are not whole numbers", hint=f"for example {example}") from None


def read_levels(text: str) -> tuple[float, ...]:
    """`0.1,0.9` → (0.1, 0.9).

    Raises:
        SettingError: a part is not a number.
    """
    from unspool.errors import SettingError

    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise SettingError(f"quantiles '{text}' are not numbers", hint="for example --quantiles 0.1,0.5,0.9") from None
