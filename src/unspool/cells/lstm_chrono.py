"""Chrono-started long short-term memory (LSTM): units that begin with time constants from 1 to 784 steps.

    i  = σ(W_i x + b_i + R_i h)     input gate
    f  = σ(W_f x + b_f + R_f h)     forget gate
    g  = tanh(W_g x + b_g + R_g h)  candidate
    o  = σ(W_o x + b_o + R_o h)     output gate
    c' = f ∘ c + i ∘ g
    h' = o ∘ tanh(c')

Tallec & Ollivier 2018, arXiv:1804.11188, section 3, of the LSTM of Gers, Schmidhuber & Cummins 2000. Equals the page
lstm without its second bias; what differs is where it starts. State: two vectors, h and c [H].
Starts with b_f = ln u, u uniform in 1 … 783, and b_i = −b_f, as there for lags of up to 784 steps, the length of
sequential MNIST; R orthogonal gate by gate, b_g = b_o = 0, W uniform in ±1/√H: these are this page's choice. For other
lags start={"b.f": chrono(longest), "b.i": negative_of("b.f")}.
Choose it where lags are long and their order of magnitude is known; on short ones it learns slower than an LSTM.
"""

from unspool.lang import Gates, Input, State, cell, sigmoid, tanh
from unspool.lang.starts import chrono, negative_of, orthogonal


@cell(gates="i f g o", start={"R": orthogonal(), "b": 0.0, "b.f": chrono(784), "b.i": negative_of("b.f")})
def lstm_chrono(x: Input, h: State, c: State, *, W: Gates[Input], R: Gates[State], b: Gates) -> tuple[State, State]:
    i = sigmoid(W.i @ x + b.i + R.i @ h)
    f = sigmoid(W.f @ x + b.f + R.f @ h)
    g = tanh(W.g @ x + b.g + R.g @ h)
    o = sigmoid(W.o @ x + b.o + R.o @ h)
    c = f * c + i * g
    h = o * tanh(c)
    return h, c
