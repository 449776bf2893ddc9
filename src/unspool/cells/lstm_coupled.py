"""Coupled long short-term memory (CIFG LSTM): what comes into c takes the place of what leaves it.

    i  = σ(W_i x + b_i + R_i h)     input gate
    f  = 1 − i                      forget gate
    g  = tanh(W_g x + b_g + R_g h)  candidate
    o  = σ(W_o x + b_o + R_o h)     output gate
    c' = f ∘ c + i ∘ g
    h' = o ∘ tanh(c')

Greff, Srivastava, Koutník, Steunebrink & Schmidhuber 2015, arXiv:1503.04069, its variant CIFG, here without the
peepholes of that paper's LSTM. Equals the page lstm with W_f = −W_i, R_f = −R_i, b_f = −b_i. State: two vectors, h and
c [H]; c is a mean of candidates, in (−1, 1).
Starts normal with deviation .1, as there; start={"b.i": -1.0} opens the forget gate.
Choose it where an LSTM is wanted with a quarter fewer parameters; it cannot count, for c is bounded.
"""

from unspool.lang import Gates, Input, State, cell, sigmoid, tanh
from unspool.lang.starts import normal


@cell(gates="i g o", start={"W": normal(0.1), "R": normal(0.1), "b": normal(0.1)})
def lstm_coupled(x: Input, h: State, c: State, *, W: Gates[Input], R: Gates[State], b: Gates) -> tuple[State, State]:
    i = sigmoid(W.i @ x + b.i + R.i @ h)
    f = 1 - i
    g = tanh(W.g @ x + b.g + R.g @ h)
    o = sigmoid(W.o @ x + b.o + R.o @ h)
    c = f * c + i * g
    h = o * tanh(c)
    return h, c
