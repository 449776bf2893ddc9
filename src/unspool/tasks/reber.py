"""The embedded Reber grammar: predict every next symbol, and the last but one from the second, across a whole string.

Hochreiter & Schmidhuber 1997, Neural Computation 9(8), experiment 1, after Cleeremans et al. 1989 and Fahlman 1991. A
string is B, T or P, a string of the Reber grammar, the same T or P again, E. At every choice the grammar's two ways
are as likely. 256 training strings, 256 others for the test; the state starts at zero for each. Solved when on all of
them the symbols that may come are always the most active outputs.

Training minimises the cross-entropy of the symbol that does come; the paper, the squared error of logistic outputs.
Theirs looked at the test strings to end the training. Here 2,048 validation strings of their own do, together with the
training strings, and the test strings are looked at once.
"""

from functools import lru_cache

import torch
from torch import Tensor

from unspool.tasks.batch import Batch, Part, generator, one_hot, rows_of, steps_within
from unspool.tasks.measure import Symbols
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings

SYMBOLS = "BTPSXVE"
GRAMMAR = {
    0: {"T": 1, "P": 2},
    1: {"S": 1, "X": 3},
    2: {"T": 2, "V": 4},
    3: {"X": 2, "S": 5},
    4: {"P": 3, "V": 5},
    5: {"E": None},
}
"""Node, after the first B → symbol → next node."""

STRINGS = 256
VALIDATION = 2048


def reber() -> Task:
    """The embedded Reber grammar."""
    return Task(
        name="reber",
        summary="embedded Reber grammar: next symbols, the last but one from the second",
        source="Hochreiter & Schmidhuber 1997, experiment 1",
        length=9,
        input_size=len(SYMBOLS),
        output_size=len(SYMBOLS),
        asks="every",
        measure=Symbols(unit="share wrong"),
        criterion=Criterion(
            "every next symbol right on 256 training and 256 test strings", held=Bar(2 * STRINGS, wrong=0)
        ),
        baseline=0.5,
        baseline_text="always telling the same of T and P at the end, and all else rightly",
        settings=TaskSettings(hidden_size=16, batch_size=4, sequences=30_000, learning_rate=0.03, check_every=160),
        sample=_sample,
        published="LSTM 8,440 sequences at best, 100 % of trials; Elman 0 %",
        sizes={"training": STRINGS, "validation": STRINGS + VALIDATION, "test": 2 * STRINGS},
        chunk=2 * STRINGS,
    )


def reber_string(random: torch.Generator) -> str:
    """A string of the embedded grammar."""
    symbols, node = ["B"], 0
    flips = iter(torch.randint(0, 2, (64,), generator=random).tolist())
    outer = "TP"[next(flips)]
    while node is not None:
        flip = next(flips, None)
        if flip is None:
            flips = iter(torch.randint(0, 2, (64,), generator=random).tolist())
            flip = next(flips)
        ways = list(GRAMMAR[node].items())
        symbol, node = ways[flip % len(ways)]
        symbols.append(symbol)
    return "B" + outer + "".join(symbols) + outer + "E"


def allowed_next(string: str) -> list[str]:
    """For each symbol of an embedded string but the last, those that may follow it."""
    node, after = 0, ["TP", "B", "TP"]
    for symbol in string[3:-3]:
        node = GRAMMAR[node][symbol]
        after.append("".join(GRAMMAR[node]))
    return [*after, string[1], "E"]


def strings_of(seed: int, part: Part) -> list[str]:
    """A trial's training, validation or test strings; no string is in two parts.

    Test strings are drawn as in the paper: those used for training are left out. Validation strings, without both, are
    rarer and longer ones, so that what gets them right is likely to pass the test.
    """
    return list(_strings(seed)[part])


@lru_cache(maxsize=4)
def _strings(seed: int) -> dict[Part, tuple[str, ...]]:
    found: dict[Part, tuple[str, ...]] = {}
    seen: set[str] = set()
    for part in ("training", "test", "validation"):
        random, drawn = generator(seed, part, 0), list[str]()
        while len(drawn) < (VALIDATION if part == "validation" else STRINGS):
            string = reber_string(random)
            if string not in seen:
                drawn.append(string)
        found[part] = tuple(drawn)
        seen |= set(drawn)
    return found


@lru_cache(maxsize=8)
def _encoded(seed: int, part: Part) -> Batch:
    strings = strings_of(seed, part)
    if part != "training":  # the criterion is about the training strings too
        strings = strings_of(seed, "training") + strings
    return encode(strings)


def encode(strings: list[str]) -> Batch:
    """x: a string without its last symbol; y: without its first; allowed: what may stand there."""
    lengths = torch.tensor([len(s) - 1 for s in strings])
    steps = int(lengths.max())
    symbols = torch.zeros(len(strings), steps + 1, dtype=torch.int64)
    allowed = torch.zeros(len(strings), steps, len(SYMBOLS), dtype=torch.bool)
    for row, string in enumerate(strings):
        symbols[row, : len(string)] = torch.tensor([SYMBOLS.index(s) for s in string])
        for step, may in enumerate(allowed_next(string)):
            allowed[row, step, [SYMBOLS.index(s) for s in may]] = True
    within = steps_within(lengths, steps)
    x = one_hot(symbols[:, :-1], len(SYMBOLS)) * within[..., None]
    return Batch(x, symbols[:, 1:], lengths, within, allowed=allowed)


def _sample(seed: int, part: Part, number: int, sequences: int) -> Batch:
    whole = _encoded(seed, part)
    return _rows(whole, rows_of(seed, part, number, sequences, len(whole.x)))


def _rows(whole: Batch, rows: Tensor) -> Batch:
    assert whole.lengths is not None
    assert whole.counts is not None
    assert whole.allowed is not None
    lengths = whole.lengths[rows]
    end = int(lengths.max())
    return Batch(
        whole.x[rows, :end], whole.y[rows, :end], lengths, whole.counts[rows, :end], allowed=whole.allowed[rows, :end]
    )
