"""Multiplicative long short-term memory (mLSTM of 2016): each input has a recurrent matrix of its own.

    m  = (Wm x) ∘ (Rm h)            h as this input sees it
    i  = σ(W_i x + b_i + R_i m)     input gate
    f  = σ(W_f x + b_f + R_f m)     forget gate
    g  = tanh(W_g x + b_g + R_g m)  candidate
    o  = σ(W_o x + b_o + R_o m)     output gate
    c' = f ∘ c + i ∘ g
    h' = o ∘ tanh(c')

Krause, Lu, Murray & Renals 2016, arXiv:1609.07959, section 3, with m of size H as in its experiments: the LSTM whose
recurrent matrix is R diag(Wm x) Rm, which changes with the input. Equals the authors' Chainer code without its weight
normalisation; their older MATLAB code leaves the candidate as it is and squashes o ∘ c. Not the matrix LSTM of xLSTM,
also called mLSTM. State: two vectors, h and c [H].
Starts uniform in ±1/√H with b_f = 1 and the other biases 0, as that code.
Choose it for symbols, such as characters, whose meaning turns on the one before; a second product waits for the first.
"""

from unspool.lang import Gates, Input, Matrix, State, cell, sigmoid, tanh


@cell(gates="i f g o", start={"b": 0.0, "b.f": 1.0})
def lstm_multiplicative(
    x: Input, h: State, c: State, *, Wm: Matrix[Input], Rm: Matrix[State], W: Gates[Input], R: Gates[State], b: Gates
) -> tuple[State, State]:
    m = (Wm @ x) * (Rm @ h)
    i = sigmoid(W.i @ x + b.i + R.i @ m)
    f = sigmoid(W.f @ x + b.f + R.f @ m)
    g = tanh(W.g @ x + b.g + R.g @ m)
    o = sigmoid(W.o @ x + b.o + R.o @ m)
    c = f * c + i * g
    h = o * tanh(c)
    return h, c
