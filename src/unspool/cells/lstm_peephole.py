"""Peephole long short-term memory (LSTM): the gates see the cell state.

    i  = σ(W_i x + b_i + R_i h + p_i ∘ c)   input gate
    f  = σ(W_f x + b_f + R_f h + p_f ∘ c)   forget gate
    g  = tanh(W_g x + b_g + R_g h)          candidate
    c' = f ∘ c + i ∘ g
    o  = σ(W_o x + b_o + R_o h + p_o ∘ c')  output gate, which sees the new c
    h' = o ∘ tanh(c')

Gers & Schmidhuber 2000, Recurrent nets that time and count, IJCNN 3, 189–194, in the form of Graves 2013,
arXiv:1308.0850, eqs. 7–11, whose tanh squashes candidate and output. Equals TensorFlow's
LSTMCell(use_peepholes=True, forget_bias=0). Not torch.nn.LSTM, which has no peepholes. State: two vectors, h and c [H].
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it where intervals must be timed or counted exactly: a closed output gate hides c from h, not from the gates.
"""

from unspool.lang import Gates, Input, State, Vector, cell, sigmoid, tanh


@cell(gates="i f g o")
def lstm_peephole(
    x: Input,
    h: State,
    c: State,
    *,
    W: Gates[Input],
    R: Gates[State],
    b: Gates,
    p_i: Vector,
    p_f: Vector,
    p_o: Vector,
) -> tuple[State, State]:
    i = sigmoid(W.i @ x + b.i + R.i @ h + p_i * c)
    f = sigmoid(W.f @ x + b.f + R.f @ h + p_f * c)
    g = tanh(W.g @ x + b.g + R.g @ h)
    c = f * c + i * g
    o = sigmoid(W.o @ x + b.o + R.o @ h + p_o * c)
    h = o * tanh(c)
    return h, c
