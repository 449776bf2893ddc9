"""Copy memory: ten symbols, a long blank, and then the ten again.

Arjovsky, Shah & Bengio 2016, arXiv:1511.06464, section 5.1, after Hochreiter & Schmidhuber 1997. Ten symbols drawn from
eight, T − 1 blanks, a delimiter, ten blanks; the answer is T + 10 blanks and then the ten symbols.

    x   s₁ … s₁₀   −  …  −   |   −  …  −        T + 20 steps
    y   −  …  −    −  …  −   −   s₁ … s₁₀

Without memory, blanks and then every symbol alike are best: a cross-entropy of 10 ln 8/(T + 20) per step. The papers
show curves and set no bar; here it is a tenth of that, on 1,000 test sequences.
"""

import math
from functools import partial

import torch

from unspool.tasks.batch import Batch, Part, generator, one_hot
from unspool.tasks.measure import Symbols
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings, check_length

COUNT, SYMBOLS = 10, 8
BLANK, DELIMITER = SYMBOLS, SYMBOLS + 1


def copy_memory(length: int = 100) -> Task:
    """Copy memory with T = `length`, at least 1."""
    check_length("copy-memory", length, 1, "it is the number of steps between the symbols and their repetition")
    baseline = COUNT * math.log(SYMBOLS) / (length + 2 * COUNT)
    return Task(
        name="copy-memory",
        summary="ten symbols again, after T blanks",
        source="Arjovsky, Shah & Bengio 2016, section 5.1",
        length=length,
        input_size=SYMBOLS + 2,
        output_size=SYMBOLS + 1,
        asks="every",
        measure=Symbols(),
        criterion=Criterion(
            "cross-entropy below a tenth of the baseline on 1,000 sequences (the papers set no bar)",
            held=Bar(1000, error=baseline / 10),
        ),
        baseline=baseline,
        baseline_text="10 ln 8/(T + 20): blanks, then every symbol alike",
        settings=TaskSettings(
            cell="elman_linear", hidden_size=128, sequences=500_000, learning_rate=1e-3, start="orthogonal"
        ),
        sample=partial(_sample, length=length),
        published="LSTM .0204, GRU .0197 (Bai et al. 2018)" if length == 1000 else "",
        chunk=100,
    )


def _sample(seed: int, part: Part, number: int, sequences: int, *, length: int) -> Batch:
    symbols = torch.randint(0, SYMBOLS, (sequences, COUNT), generator=generator(seed, part, number))
    x = torch.full((sequences, length + 2 * COUNT), BLANK)
    x[:, :COUNT] = symbols
    x[:, length + COUNT - 1] = DELIMITER
    y = torch.full_like(x, BLANK)
    y[:, -COUNT:] = symbols
    return Batch(one_hot(x, SYMBOLS + 2), y)
