"""`unspool text`: language models of characters or bytes: train one, let it write, score a text."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unspool.cli import training as t
from unspool.cli.arguments import CellName, Json, Overwrite

if TYPE_CHECKING:
    from unspool.text import FittedText, Line, Score, TextModel

OURS = frozenset({"report.html", "metrics.json", "model"}) | {
    f"model/{name}" for name in ("model.json", "weights.safetensors", "state.safetensors")
}

text = typer.Typer(help="Language models of characters or bytes.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="Text file, of any size.", show_default=False)]
Model = Annotated[Path, typer.Argument(help="Folder model/ that `unspool text train` wrote.", show_default=False)]
Level = Annotated[str, typer.Option(help="char (UTF-8) or byte (anything).", rich_help_panel="Model")]
Hidden = Annotated[int, typer.Option("--hidden-size", help="Units per layer.", rich_help_panel="Model")]
Layers = Annotated[int, typer.Option("--num-layers", help="Layers.", rich_help_panel="Model")]
Dropout = Annotated[float, typer.Option(help="Of outputs, in training.", rich_help_panel="Model")]
Embedding = Annotated[int, typer.Option(help="Size of an embedding; 0: one-hot.", rich_help_panel="Model")]
Tied = Annotated[bool, typer.Option("--tied", help="Readout with the embedding's matrix.", rich_help_panel="Model")]
MinCount = Annotated[
    int, typer.Option(help="Rarer characters share a class, for unseen ones too.", rich_help_panel="Model")
]
Validation = Annotated[float, typer.Option(help="Share of the text held back, at its end.", rich_help_panel="Training")]
Streams = Annotated[int, typer.Option("--batch-size", help="Streams read side by side.", rich_help_panel="Training")]
Chunk = Annotated[int, typer.Option(help="Symbols that gradients reach back.", rich_help_panel="Training")]
Passes = Annotated[float, typer.Option(help="Times through the text.", rich_help_panel="Training")]
Steps = Annotated[int | None, typer.Option(help="Optimiser steps, instead of passes.", rich_help_panel="Training")]
Seed = Annotated[int, typer.Option(help="Same seed, same machine: same bytes.")]
Out = Annotated[Path, typer.Option(help="Folder for the results.", rich_help_panel="Output")]

Prompt = Annotated[str, typer.Option(help="Text to go on from; '-' reads standard input.")]
Length = Annotated[int, typer.Option(help="Characters (or bytes) at most.")]
Temperature = Annotated[float, typer.Option(help="Below 1: safer; above: bolder; 0: always the likeliest.")]
TopK = Annotated[int | None, typer.Option("--top-k", help="Draw among so many of the likeliest only.")]
TopP = Annotated[float, typer.Option("--top-p", help="Draw among the likeliest that have this probability together.")]
Beam = Annotated[int, typer.Option(help="Look for the most probable text, with so many hypotheses.")]
Stop = Annotated[list[str] | None, typer.Option(help=r"End before this string; repeat it. \n is an end of line.")]
Count = Annotated[int, typer.Option(help="Texts.")]
Continue = Annotated[bool, typer.Option("--continue", help="Go on where the last call with --continue ended.")]
State = Annotated[Path | None, typer.Option(help="File for the state of --continue; by default in the model folder.")]


@text.command()
def train(
    file: File,
    level: Level = "char",
    cell: CellName = "lstm",
    hidden_size: Hidden = 128,
    num_layers: Layers = 2,
    dropout: Dropout = 0.0,
    embedding: Embedding = 0,
    tied: Tied = False,
    min_count: MinCount = 1,
    validation: Validation = 0.05,
    batch_size: Streams = 32,
    chunk: Chunk = 64,
    passes: Passes = 12.0,
    steps: Steps = None,
    learning_rate: t.Rate = 1e-2,
    weight_decay: t.Decay = 1e-2,
    clip: t.Clip = "1.0",
    optimizer: t.Optimizer = "AdamW",
    optimizer_option: t.OptimizerOption = None,
    schedule: t.Schedule = "cosine",
    schedule_option: t.ScheduleOption = None,
    averaging: t.Averaging = "none",
    validations: t.Validations = 20,
    patience: t.Patience = 5,
    retries: t.Retries = 3,
    device: t.Device = "cpu",
    precision: t.Precision = "32",
    checkpoint: t.CheckpointFolder = None,
    checkpoint_every: t.CheckpointEvery = 100,
    log: t.LogFile = None,
    tensorboard: t.TensorBoardFolder = None,
    seed: Seed = 0,
    out: Out = Path("out/text"),
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Learn to predict a text, symbol by symbol.

    Writes model/, report.html and metrics.json to the folder --out.
    """
    from rich.console import Console

    from unspool.atomic import check_folder
    from unspool.cli.output import print_json
    from unspool.cli.progress import Progress
    from unspool.text import TextModel

    folder = check_folder(out, OURS, overwrite=overwrite)
    given = t.Training(
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        clip=clip,
        optimizer=optimizer,
        optimizer_option=optimizer_option,
        schedule=schedule,
        schedule_option=schedule_option,
        averaging=averaging,
        validations=validations,
        patience=patience,
        retries=retries,
        device=device,
        precision=precision,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        log=log,
        tensorboard=tensorboard,
    )
    model = TextModel(
        cell,
        level=level,
        hidden_size=hidden_size,
        num_layers=num_layers,
        dropout=dropout,
        embedding=embedding,
        tied=tied,
        min_count=min_count,
        validation=validation,
        batch_size=batch_size,
        chunk=chunk,
        passes=passes,
        steps=steps,
        seed=seed,
        train=given.settings(),
    )
    console = Console(quiet=json, stderr=True)
    with Progress(console) as progress:
        callbacks = [progress, *given.logs(overwrite=overwrite)]
        model.train_file(file, callbacks, checkpoint=given.kept(), fabric=given.fabric())
    found = _write(folder, file, model)
    if json:
        print_json(found)
    else:
        _show(model.fitted_, found["files"])


@text.command()
def sample(
    model: Model,
    prompt: Prompt = "",
    length: Length = 500,
    temperature: Temperature = 1.0,
    top_k: TopK = None,
    top_p: TopP = 1.0,
    beam: Beam = 0,
    stop: Stop = None,
    count: Count = 1,
    seed: Seed = 0,
    resume: Continue = False,
    state: State = None,
    json: Json = False,
) -> None:
    """Let a model write; the text appears as it is made."""
    from unspool.cli.output import print_json
    from unspool.errors import SettingError
    from unspool.text import TextModel, load_position, save_position
    from unspool.text.saving import STATE

    if state is not None and not resume:
        raise SettingError("--state is where --continue keeps its state", hint="add --continue")
    if resume and count > 1:
        raise SettingError("--continue goes on with one text", hint="leave out --count")
    given = sys.stdin.read() if prompt == "-" else prompt
    loaded = TextModel.load(model)
    kept = state or model / STATE
    position = load_position(kept, loaded.fitted_) if resume and kept.exists() else None
    if resume and position is None:
        typer.echo(f"note: no state in '{kept}' yet: a new text begins", err=True)
    writer = loaded.writer(
        given,
        position=position,
        length=length,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        beam=beam,
        stop=tuple(_unescaped(s) for s in stop or ()),
        seed=seed,
        count=count,
    )
    streamed, end = not json and count == 1, given
    texts = [[given] for _ in range(count)]
    if streamed:
        typer.echo(given, nl=False)
    try:
        for pieces in writer:
            if streamed:
                end = pieces[0] or end
                sys.stdout.write(pieces[0])
                sys.stdout.flush()
            else:
                for parts, piece in zip(texts, pieces, strict=True):
                    parts.append(piece)
    except KeyboardInterrupt:
        typer.echo("\ninterrupted", err=True)
    if resume:
        save_position(kept, loaded.fitted_, writer.position)
    if json:
        found = ["".join(parts) for parts in texts]
        print_json({"prompt": given, "texts": found, "state": str(kept) if resume else None})
    elif streamed:
        typer.echo(nl=not end.endswith("\n"))
    else:
        typer.echo("\n".join(f"── {k} of {count}\n{''.join(parts)}" for k, parts in enumerate(texts, 1)))


@text.command()
def score(model: Model, file: File, json: Json = False) -> None:
    """How surprised a model is by a text: bits per character, exact, over all of it."""
    from unspool.text import TextModel

    loaded = TextModel.load(model)
    if json:
        _score_as_json(loaded, file)
        return
    found = loaded.score_file(file)
    for name, value in _numbers(found).items():
        typer.echo(f"{name.replace('_', ' '):<20} {value if isinstance(value, int) else f'{value:.5g}'}")
    if found.unseen:
        typer.echo("note: of unseen characters only the class is scored, not which one it was", err=True)


def _score_as_json(model: "TextModel", file: Path) -> None:
    """The object is written as it comes, for the lines may be millions."""
    import json

    first = True

    def tell(line: "Line") -> None:
        nonlocal first
        entry = {"line": line.number, "characters": line.characters, "bits": round(line.bits, 6)}
        sys.stdout.write(("\n " if first else ",\n ") + json.dumps(entry))
        first = False

    sys.stdout.write('{"lines": [')
    found = model.score_file(file, tell)
    sys.stdout.write(f"],\n{json.dumps(_numbers(found))[1:]}\n")


def _numbers(found: "Score") -> dict[str, float | int]:
    names = ("bits_per_character", "bits_per_symbol", "nats_per_symbol", "perplexity")
    return {name: getattr(found, name) for name in names} | {
        name: getattr(found, name) for name in ("nats", "symbols", "characters", "unseen")
    }


def _write(folder: Path, file: Path, model: "TextModel") -> dict:
    from unspool.atomic import new_folder
    from unspool.cli.output import dumps
    from unspool.report.text import render_text
    from unspool.report.text.making import make_report, metrics_of
    from unspool.text.saving import write_model

    fitted = model.fitted_
    report = make_report(fitted, file, sys.argv[1:])
    with new_folder(folder, OURS) as draft:
        (draft / "model").mkdir()
        write_model(draft / "model", fitted)
        (draft / "report.html").write_text(render_text(report), encoding="utf-8")
        metrics = metrics_of(report)
        (draft / "metrics.json").write_text(dumps(metrics), encoding="utf-8")
    written = {name: str(folder / name) for name in ("model", "report.html", "metrics.json")}
    return metrics | {"files": written}


def _show(fitted: "FittedText", files: dict[str, str]) -> None:
    from unspool.report.text.page import judgement
    from unspool.report.text.tables import findings

    for fact in findings(fitted):
        typer.echo(f"{fact.name:<22} {fact.value:>10}  {fact.detail}")
    typer.echo(judgement(fitted))
    for name, path in files.items():
        typer.echo(f"{name.split('.')[0]:<10} {path}")


def _unescaped(stop: str) -> str:
    return stop.replace("\\n", "\n").replace("\\t", "\t")
