"""What a user may set about a language model, and what is taken where they set nothing."""

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

from unspool.cells import find_cell
from unspool.errors import SettingError
from unspool.lang import Cell
from unspool.text.vocabulary import LEVELS, Level
from unspool.train import GradientClip, TrainSettings
from unspool.train.settings import check_settings

PASSES = 12.0
FEWEST_STEPS = 1500
TRAIN = TrainSettings(learning_rate=1e-2, weight_decay=1e-2, clip=1.0, validations=20, patience=5, retries=3)
"""How a language model is fitted where nothing else is said; its steps follow from the text."""


@dataclass(frozen=True)
class TextOptions:
    """Settings of a language model. The defaults are those that did best on 1 MB of text in a few minutes.

    Attributes:
        level: "char" or "byte".
        cell: a cell, a built-in one's name, or FILE.py:NAME.
        hidden_size, num_layers, dropout, embedding, tied: see `TextNetwork`.
        min_count: characters rarer than that share a class "unseen"; 1: there is none.
        validation: share of the text, at its end, that is held back.
        batch_size: B, parallel streams that the text is cut into; fewer where it is short.
        chunk: T, symbols per chunk: gradients reach so far back, the state further.
        passes: through the text; a short text is passed more often, until there are `FEWEST_STEPS` updates.
        steps: updates at most; by default from `passes`.
        seed: of everything that is drawn.
        train: everything else about the fit; its own number of steps does not count.
    """

    level: Level = "char"
    cell: Cell | str = "lstm"
    hidden_size: int = 128
    num_layers: int = 2
    dropout: float = 0.0
    embedding: int = 0
    tied: bool = False
    min_count: int = 1
    validation: float = 0.05
    batch_size: int = 32
    chunk: int = 64
    passes: float = PASSES
    steps: int | None = None
    seed: int = 0
    train: TrainSettings = field(default=TRAIN)


def make_options(**given: Any) -> TextOptions:
    """Options from keywords: fields of `TextOptions`, and of its `train` (learning_rate, clip, patience …).

    Raises:
        SettingError: there is no such option, or it has no meaning.
    """
    own = {f.name for f in fields(TextOptions)}
    further = {f.name for f in fields(TrainSettings)} - own
    if unknown := given.keys() - own - further:
        raise SettingError(
            f"unknown option '{min(unknown)}'", hint=f"options: {', '.join(sorted((own | further) - {'train'}))}"
        )
    options = TextOptions(**{name: value for name, value in given.items() if name in own})
    changed = {name: value for name, value in given.items() if name in further}
    return check_options(replace(options, train=replace(options.train, **changed)))


def check_options(options: TextOptions) -> TextOptions:
    """Return the options if each has a meaning.

    Raises:
        SettingError, CellError: one has not; the message names it and the hint says what it may be.
    """
    if options.level not in LEVELS:
        raise SettingError(f"unknown level '{options.level}'", hint=f"it is one of: {', '.join(LEVELS)}")
    for name in ("hidden_size", "num_layers", "min_count", "batch_size", "chunk", "steps"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise SettingError(f"{name} is {value}", hint=f"give a {name} of at least 1")
    if options.embedding < 0:
        raise SettingError(f"embedding is {options.embedding}", hint="give a size, or 0 for one-hot symbols")
    if options.level == "byte" and options.min_count > 1:
        raise SettingError("min_count is for characters", hint="at level byte every byte has its number: leave it out")
    if not 0 <= options.dropout < 1:
        raise SettingError(f"dropout is {options.dropout}", hint="it is a probability, 0 or more and below 1")
    if not 0 < options.validation < 1:
        raise SettingError(f"validation is {options.validation}", hint="it is a share of the text: 0.05")
    if not 0 < options.passes < math.inf:
        raise SettingError(f"passes is {options.passes}", hint="give a positive number of passes through the text")
    if not 0 <= options.seed < 2**31:
        raise SettingError(f"seed is {options.seed}", hint="give a whole number from 0 to 2147483647")
    check_settings(options.train)
    GradientClip(options.train.clip)
    find_cell(options.cell)
    return options


def rows_of(options: TextOptions, symbols: int) -> int:
    """B for a text of so many symbols: each stream has four chunks at least, where that leaves one stream."""
    return max(1, min(options.batch_size, symbols // (4 * options.chunk)))


def train_settings(options: TextOptions, symbols: int) -> TrainSettings:
    """How to fit to a training part of so many symbols: as many steps to every validation."""
    if options.steps is not None:
        return replace(options.train, steps=options.steps)
    chunks = math.ceil(symbols / (rows_of(options, symbols) * options.chunk))
    between = math.ceil(max(FEWEST_STEPS, options.passes * chunks) / options.train.validations)
    return replace(options.train, steps=between * options.train.validations)
