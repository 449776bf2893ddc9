"""`unspool classify train FILE` and `unspool classify predict MODEL FILE`: sequences in, labels out."""

import shlex
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unspool.cli.arguments import Json, Overwrite, Seed

if TYPE_CHECKING:
    from unspool.classify import Columns

OUT = Path("out/classify")

classify = typer.Typer(
    help="Sequences in, labels out: train a classifier, predict with it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_DATA, _MODEL, _TRAINING = "Data", "Model", "Training"

File = Annotated[
    Path,
    typer.Argument(help="Sequences: .ts, or CSV or Parquet in long form (a row is a step).", show_default=False),
]
Series = Annotated[
    str | None, typer.Option(help="Of a table: column that tells sequences apart; unique_id.", rich_help_panel=_DATA)
]
Time = Annotated[str | None, typer.Option(help="Of a table: column of times; ds.", rich_help_panel=_DATA)]
Label = Annotated[str | None, typer.Option(help="Of a table: column of labels; label.", rich_help_panel=_DATA)]
Channel = Annotated[
    list[str] | None,
    typer.Option(help="Of a table: a column that is read, repeated; all other numbers.", rich_help_panel=_DATA),
]
Test = Annotated[
    Path | None,
    typer.Option(help="Sequences to score on; without it a part of FILE is held out.", rich_help_panel=_DATA),
]
Share = Annotated[
    float, typer.Option("--hold-out", help="The part held out where there is no --test.", rich_help_panel=_DATA)
]
CellName = Annotated[
    str, typer.Option("--cell", help="A cell (see `unspool cells`), or your own: FILE.py:NAME.", rich_help_panel=_MODEL)
]
PoolName = Annotated[
    str, typer.Option(help="last, mean, attention, or auto: the best on validation parts.", rich_help_panel=_MODEL)
]
Hidden = Annotated[int, typer.Option("--hidden-size", help="Units.", rich_help_panel=_MODEL)]
Layers = Annotated[int, typer.Option("--num-layers", help="Layers.", rich_help_panel=_MODEL)]
Both = Annotated[
    bool,
    typer.Option("--bidirectional/--one-direction", help="Also read from the end.", rich_help_panel=_MODEL),
]
Dropout = Annotated[float, typer.Option(help="Of the readout and between layers.", rich_help_panel=_MODEL)]
Segment = Annotated[int | None, typer.Option(help="Steps read as one; by the length.", rich_help_panel=_MODEL)]
Members = Annotated[int, typer.Option(help="Networks averaged.", rich_help_panel=_TRAINING)]
Steps = Annotated[int | None, typer.Option(help="Training steps at most, for each.", rich_help_panel=_TRAINING)]
Rate = Annotated[float, typer.Option("--learning-rate", help="Peak learning rate.", rich_help_panel=_TRAINING)]
Batch = Annotated[int, typer.Option("--batch-size", help="Sequences per step.", rich_help_panel=_TRAINING)]
Smoothing = Annotated[float, typer.Option("--label-smoothing", help="Label smoothing.", rich_help_panel=_TRAINING)]
Noise = Annotated[float, typer.Option(help="Noise added in training, in deviations.", rich_help_panel=_TRAINING)]
Weight = Annotated[
    str | None, typer.Option("--class-weight", help="balanced: every class weighs the same.", rich_help_panel=_TRAINING)
]
Out = Annotated[Path, typer.Option(help="Folder for the results.", rich_help_panel="Output")]
Model = Annotated[Path, typer.Argument(help="Folder model/ that `classify train` wrote.", show_default=False)]
Table = Annotated[
    Path | None,
    typer.Option("--out", help="CSV or Parquet file to write; the screen by default.", rich_help_panel="Output"),
]


@classify.command()
def train(
    file: File,
    test: Test = None,
    hold_out: Share = 0.25,
    series: Series = None,
    time: Time = None,
    label: Label = None,
    channel: Channel = None,
    cell: CellName = "gru",
    pool: PoolName = "auto",
    hidden_size: Hidden = 128,
    num_layers: Layers = 1,
    bidirectional: Both = True,
    dropout: Dropout = 0.3,
    segment: Segment = None,
    members: Members = 5,
    steps: Steps = None,
    learning_rate: Rate = 5e-3,
    batch_size: Batch = 32,
    label_smoothing: Smoothing = 0.1,
    noise: Noise = 0.2,
    class_weight: Weight = None,
    seed: Seed = 0,
    out: Out = OUT,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Train a classifier, score it on sequences it has not seen, write the results and a report.

    Writes predictions.csv, predictions.parquet, metrics.json, model/ and report.html to the folder --out.
    """
    from rich.console import Console

    from unspool.atomic import check_folder
    from unspool.classify import Options, read_sequences, run_job
    from unspool.classify.job import check_job
    from unspool.classify.options import check_options
    from unspool.cli.classification import OURS, show_data, show_run, write_run
    from unspool.cli.output import print_json
    from unspool.cli.progress import Progress

    given = dict(locals())
    options = check_options(Options(**{f.name: given[f.name] for f in fields(Options)}))
    folder = check_folder(out, OURS, overwrite=overwrite)
    columns = _columns(None, series, time, label)
    sequences = read_sequences(file, columns, channel)
    same = channel or (sequences.channels if sequences.columns else None)
    tested = read_sequences(test, columns, same) if test else None
    check_job(sequences, tested, share=hold_out)
    console = Console(quiet=json, highlight=False, soft_wrap=True)
    show_data(console, sequences, tested)
    with Progress(console) as progress:
        run = run_job(sequences, options, tested, share=hold_out, callbacks=[progress])
    written = write_run(folder, run, _command(file, given))
    if json:
        print_json({"metrics": run.metrics, "notes": list(run.notes), "files": {k: str(v) for k, v in written.items()}})
    else:
        show_run(console, run, written)


@classify.command()
def predict(
    model: Model,
    file: File,
    series: Series = None,
    time: Time = None,
    label: Label = None,
    channel: Channel = None,
    out: Table = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Predict the labels of newer sequences with a trained classifier. Labels in the file are not needed."""
    from unspool.atomic import write_file
    from unspool.classify import SequenceClassifier, read_sequences
    from unspool.classify.classifier import check_channels
    from unspool.classify.output import prediction_table, table_bytes
    from unspool.cli.classification import show_predictions
    from unspool.cli.output import check_table, print_json

    target = check_table(out, overwrite) if out else None
    classifier = SequenceClassifier.load(model)
    columns = _columns(classifier.columns_, series, time, label)
    known = classifier.model_.channels if classifier.columns_ is not None else None
    sequences = read_sequences(file, columns, channel or known, labelled=False)
    check_channels(sequences, classifier.model_)
    table = prediction_table(sequences, classifier.model_.classes, classifier.predict_proba(sequences))
    if target:
        write_file(target, table_bytes(table, target.suffix))
    if json:
        print_json({"predictions": table.to_dicts(), "file": str(out) if out else None})
    elif target:
        typer.echo(f"{target}: {len(table)} rows")
    else:
        show_predictions(table)


def _columns(trained: "Columns | None", series: str | None, time: str | None, label: str | None) -> "Columns":
    from dataclasses import replace

    from unspool.classify import Columns

    given = {"series": series, "time": time, "label": label}
    return replace(trained or Columns(), **{name: value for name, value in given.items() if value is not None})


def _command(file: Path, given: dict[str, Any]) -> str:
    """The command line again: what differs from the defaults."""
    import inspect

    words = ["unspool", "classify", "train", str(file)]
    for name, parameter in inspect.signature(train).parameters.items():
        value = given[name]
        if name == "file" or value == parameter.default:
            continue
        flag = f"--{name.replace('_', '-')}"
        if name == "bidirectional":
            words.append("--one-direction")
        elif isinstance(value, bool):
            words.append(flag)
        else:
            words += [w for each in (value if isinstance(value, list) else [value]) for w in (flag, str(each))]
    return shlex.join(words)
