"""Projection LSTM: the hidden state is a learned projection, smaller than the memory.

    i  = σ(W_i x + b_i + R_i h + bR_i)     input gate
    f  = σ(W_f x + b_f + R_f h + bR_f)     forget gate
    g  = tanh(W_g x + b_g + R_g h + bR_g)  candidate
    o  = σ(W_o x + b_o + R_o h + bR_o)     output gate
    c' = f ∘ c + i ∘ g
    h' = P (o ∘ tanh(c'))

Sak, Senior & Beaufays 2014, arXiv:1402.1128, without its peepholes and its non-recurrent projection. Equals
torch.nn.LSTM(proj_size=…). State: h [P] (proj_size) and c [H].
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it where many memory units are wanted but the recurrent product must stay cheap.
"""

from typing import Annotated

from unspool.lang import Gates, Input, Map, Sized, State, Symbol, cell, sigmoid, tanh

Projected = Annotated[Symbol, Sized("P")]


@cell(gates="i f g o")
def lstm_projection(
    x: Input,
    h: Projected,
    c: State,
    *,
    W: Gates[Input],
    R: Gates[Projected],
    b: Gates,
    bR: Gates,
    P: Map[State, Projected],
) -> tuple[Projected, State]:
    i = sigmoid(W.i @ x + b.i + R.i @ h + bR.i)
    f = sigmoid(W.f @ x + b.f + R.f @ h + bR.f)
    g = tanh(W.g @ x + b.g + R.g @ h + bR.g)
    o = sigmoid(W.o @ x + b.o + R.o @ h + bR.o)
    c = f * c + i * g
    h = P @ (o * tanh(c))
    return h, c
