"""The temporal-order tasks of 1997: in which order did two, or three, symbols come, told at the end of the sequence.

Hochreiter & Schmidhuber 1997, Neural Computation 9(8), experiments 6a and 6b. A sequence begins with E, ends with B,
and consists of symbols drawn from a, b, c, d but for two (three) that are X or Y. For T = 100 its length is drawn from
100 to 110, and X or Y stand at t₁ in 10 … 20 and t₂ in 50 … 60 (6b: 10 … 20, 33 … 43, 66 … 76); another T scales
these. The class is their order, XX, XY, YX, YY (6b: eight). A sequence is right when every output is less than .3
away from its 0 or 1. Training ends when the last 2,000 sequences were right and their error, here the largest of a
sequence's outputs, is below .1 on average. Outputs here are a softmax's. `temporal_order` is the form of 2013.
"""

from functools import partial

import torch

from unspool.tasks.batch import Batch, Part, generator, one_hot, steps_within
from unspool.tasks.measure import Classes
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings, check_length

SYMBOLS = "EBabcdXY"
TWO, THREE = (10, 50), (10, 33, 66)
"""Where the first of eleven places for each X or Y is, in hundredths of T."""


def symbol_order(length: int = 100, symbols: int = 2) -> Task:
    """The order of two (6a) or three (6b) symbols with T = `length`, at least 10."""
    name, variant = ("temporal-order", "6a") if symbols == 2 else ("temporal-order-3", "6b")
    check_length(name, length, 10, "an X or a Y stands in the second tenth, and in later ones")
    published = {2: "LSTM 31,390 sequences", 3: "LSTM 571,100 sequences"}[symbols]
    return Task(
        name=name,
        summary=f"order of {'two' if symbols == 2 else 'three'} X or Y among T symbols",
        source=f"Hochreiter & Schmidhuber 1997, experiment {variant}",
        length=length,
        input_size=len(SYMBOLS),
        output_size=2**symbols,
        asks="last",
        measure=Classes(within=0.3),
        criterion=Criterion(
            "of the last 2,000 training sequences all have output errors below .3, on average below .1",
            recent=Bar(2000, error=0.1, wrong=0),
        ),
        baseline=1 - 0.5**symbols,
        baseline_text="every class alike",
        settings=TaskSettings(sequences=1_000_000, hidden_size=16, batch_size=16, start="chrono"),
        sample=partial(_sample, length=length, starts=TWO if symbols == 2 else THREE),
        published=published if length == 100 else "",
    )


def _sample(seed: int, part: Part, number: int, sequences: int, *, length: int, starts: tuple[int, ...]) -> Batch:
    random = generator(seed, part, number)

    def draw(low: int, high: int, *shape: int) -> torch.Tensor:
        return torch.randint(low, high, shape, generator=random)

    lengths = draw(length, length + length // 10 + 1, sequences)
    steps = int(lengths.max())
    symbols = draw(SYMBOLS.index("a"), SYMBOLS.index("d") + 1, sequences, steps)
    symbols[:, 0] = SYMBOLS.index("E")
    symbols.scatter_(1, lengths[:, None] - 1, SYMBOLS.index("B"))
    order = draw(0, 2, sequences, len(starts))
    firsts = [start * length // 100 for start in starts]
    places = torch.stack([draw(first, first + length // 10 + 1, sequences) for first in firsts], 1)
    symbols.scatter_(1, places, SYMBOLS.index("X") + order)
    weights = 2 ** torch.arange(len(starts) - 1, -1, -1)
    x = one_hot(symbols, len(SYMBOLS)) * steps_within(lengths, steps)[..., None]
    return Batch(x, (order * weights).sum(1), lengths)
