"""Long short-term memory (LSTM), with a forget gate.

    i  = σ(W_i x + b_i + R_i h + bR_i)     input gate
    f  = σ(W_f x + b_f + R_f h + bR_f)     forget gate
    g  = tanh(W_g x + b_g + R_g h + bR_g)  candidate
    o  = σ(W_o x + b_o + R_o h + bR_o)     output gate
    c' = f ∘ c + i ∘ g
    h' = o ∘ tanh(c')

Hochreiter & Schmidhuber 1997, Neural Computation 9(8), with the forget gate of Gers, Schmidhuber & Cummins 2000,
Neural Computation 12(10). Equals torch.nn.LSTM, cuDNN, Keras. Not the LSTM of 1997, which has no forget gate, nor the
peephole form, whose gates see c. State: two vectors, h and c [H].
Starts uniform in ±1/√H, as torch.nn.LSTM does, whose place it takes; start={"b.f": 1.0} opens the forget gate
(Jozefowicz, Zaremba & Sutskever 2015, ICML).
Choose it where something must be remembered for long or counted: c is carried by a sum.
"""

from unspool.lang import Gates, Input, State, cell, sigmoid, tanh


@cell(gates="i f g o")
def lstm(x: Input, h: State, c: State, *, W: Gates[Input], R: Gates[State], b: Gates, bR: Gates) -> tuple[State, State]:
    i = sigmoid(W.i @ x + b.i + R.i @ h + bR.i)
    f = sigmoid(W.f @ x + b.f + R.f @ h + bR.f)
    g = tanh(W.g @ x + b.g + R.g @ h + bR.g)
    o = sigmoid(W.o @ x + b.o + R.o @ h + bR.o)
    c = f * c + i * g
    h = o * tanh(c)
    return h, c
