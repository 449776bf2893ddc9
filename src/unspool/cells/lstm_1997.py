"""Long short-term memory (LSTM) of 1997, without a forget gate: what c holds, it holds for ever.

    i  = σ(W_i x + b_i + R_i h)            input gate
    o  = σ(W_o x + b_o + R_o h)            output gate
    g  = 4 σ(W_g x + b_g + R_g h) − 2      candidate, in (−2, 2)
    c' = c + i ∘ g
    h' = o ∘ (2 σ(c') − 1)

Hochreiter & Schmidhuber 1997, Neural Computation 9(8), 1735–1780, section 4, with the squashing functions g and h of
its appendix A.1; every memory block has one cell here. Equals that paper's cell where gates and cells are read by the
cells' outputs alone: there other units, gates among them, may be read too. Its truncated gradient is not that of this
page, which is exact. State: two vectors, h and c [H].
Starts uniform in ±.1 with b_o = −1, output gates nearly shut, so that cells are not used as biases before they store
anything; the paper's vary by task and block: −1, −2, −3 in its embedded Reber grammar, none for adding, where b_i is
negative instead.
Choose it to study what the forget gate changed; c drifts on long sequences, and an LSTM learns more.
"""

from unspool.lang import Gates, Input, State, cell, sigmoid
from unspool.lang.starts import uniform


@cell(gates="i o g", start={"W": uniform(-0.1, 0.1), "R": uniform(-0.1, 0.1), "b": uniform(-0.1, 0.1), "b.o": -1.0})
def lstm_1997(x: Input, h: State, c: State, *, W: Gates[Input], R: Gates[State], b: Gates) -> tuple[State, State]:
    i = sigmoid(W.i @ x + b.i + R.i @ h)
    o = sigmoid(W.o @ x + b.o + R.o @ h)
    g = 4 * sigmoid(W.g @ x + b.g + R.g @ h) - 2
    c = c + i * g
    h = o * (2 * sigmoid(c) - 1)
    return h, c
