"""What a user may set, and what is taken where they set nothing."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from unspool.cells import find_cell
from unspool.classify.fitting import Recipe
from unspool.classify.model import ModelSettings
from unspool.classify.scaling import Scaling
from unspool.classify.sequences import Sequences
from unspool.errors import SettingError
from unspool.lang import Cell
from unspool.nn.setups import Pool
from unspool.train import TrainSettings

FOLDS = 5
"""A fifth of the sequences is what a member stops early on."""

READ = 50
"""Steps of the recurrence that a longer sequence is cut down to, by reading several steps as one."""


@dataclass(frozen=True)
class Options:
    """Settings of a classifier; None means: decided from the data by `candidates`.

    Attributes:
        cell: a cell, a built-in one's name, or FILE.py:NAME.
        pool: "last", "mean", "attention", or "auto": whichever does best on validation parts.
        hidden_size, num_layers, bidirectional, dropout: of the recurrence and its readout.
        segment: steps that are read as one.
        members: models whose probabilities are averaged.
        steps, learning_rate, batch_size: of training.
        label_smoothing: ε, see `Recipe`.
        noise: deviation of the noise added in training.
        class_weight: "balanced", so that every class weighs the same; or None.
        seed: of everything that is drawn.
    """

    cell: Cell | str = "gru"
    pool: str = "auto"
    hidden_size: int = 128
    num_layers: int = 1
    bidirectional: bool = True
    dropout: float = 0.3
    segment: int | None = None
    members: int = 5
    steps: int | None = None
    learning_rate: float = 5e-3
    batch_size: int = 32
    label_smoothing: float = 0.1
    noise: float = 0.2
    class_weight: str | None = None
    seed: int = 0


def check_options(options: Options) -> Options:
    """Return the options if each has a meaning.

    Raises:
        SettingError, CellError: one has not; the message names it and the hint says what it may be.
    """
    for name in ("hidden_size", "num_layers", "segment", "members", "steps", "batch_size"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise SettingError(f"{name} is {value}", hint=f"give a {name} of at least 1")
    for name in ("dropout", "label_smoothing"):
        value = getattr(options, name)
        if not 0 <= value < 1:
            raise SettingError(f"{name} is {value}", hint="it is a share, 0 or more and below 1")
    if not 0 <= options.noise < math.inf:
        raise SettingError(f"noise is {options.noise}", hint="it is a deviation, 0 or more, in units of each channel")
    if not 0 < options.learning_rate < math.inf:
        raise SettingError(f"learning_rate is {options.learning_rate}", hint="give a positive number, e.g. 0.005")
    if not 0 <= options.seed < 2**31:
        raise SettingError(f"seed is {options.seed}", hint="give a whole number from 0 to 2147483647")
    _among("pool", options.pool, ("auto", *get_args(Pool)))
    if options.class_weight is not None:
        _among("class_weight", options.class_weight, ("balanced",))
    find_cell(options.cell)
    return options


def candidates(options: Options, sequences: Sequences) -> dict[str, Recipe]:
    """The recipes to choose among for these training sequences, by a name that says how they differ."""
    length = int(np.median(sequences.lengths))
    pools: tuple[Pool, ...] = tuple(p for p in get_args(Pool) if options.pool in ("auto", p))
    settings = ModelSettings(
        features=Scaling.of(sequences.values).size,
        classes=len(sequences.classes),
        hidden_size=options.hidden_size,
        num_layers=options.num_layers,
        bidirectional=options.bidirectional,
        pool=pools[0],
        dropout=options.dropout,
        segment=options.segment or max(1, round(length / READ)),
    )
    batch_size = min(options.batch_size, max(1, math.ceil(len(sequences.ids) * (1 - 1 / FOLDS))))
    recipe = Recipe(
        model=settings,
        cell=find_cell(options.cell),
        train=TrainSettings(
            steps=options.steps or default_steps(len(sequences.ids), batch_size),
            learning_rate=options.learning_rate,
            validations=20,
            patience=6,
        ),
        batch_size=batch_size,
        members=options.members,
        folds=FOLDS,
        smoothing=options.label_smoothing,
        noise=options.noise,
        balanced=options.class_weight == "balanced",
        seed=options.seed,
    )
    return {f"pool {pool}": replace(recipe, model=replace(settings, pool=pool)) for pool in pools}


def default_steps(sequences: int, batch_size: int) -> int:
    """Forty rounds through the data, from 400 to 2000 steps."""
    return int(min(2000, max(400, 40 * sequences / batch_size)))


def _among(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        near = difflib.get_close_matches(value, known, n=1)
        guess = f"did you mean '{near[0]}'? " if near else ""
        raise SettingError(f"unknown {name} '{value}'", hint=f"{guess}it is one of: {', '.join(known)}")
