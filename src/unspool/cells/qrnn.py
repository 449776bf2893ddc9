"""Quasi-recurrent network (QRNN): gates are convolutions over this input and the last, then pooled over time.

    z  = tanh(W_z x + b_z + p)  candidate
    f  = σ(W_f x + b_f + q)     forget gate
    o  = σ(W_o x + b_o + s)     output gate
    c' = f ∘ c + (1 − f) ∘ z
    h  = o ∘ c'                 the output
    p' = V_z x                  what the next step's candidate
    q' = V_f x                  forget gate
    s' = V_o x                  and output gate see of this input

Bradbury, Merity, Xiong & Socher 2017, arXiv:1611.01576, eqs. 2 and 4: window 2, fo-pooling. Before a sequence p, q
and s are 0, which is a zero input, as there. Equals QRNNLayer(window=2) of github.com/salesforce/pytorch-qrnn. A wider
window is more such states, on a page of its own. State: c and what three gates saw of the last input, four vectors [H].
Starts with W and V uniform in ±1/√(2 I), as in that code, and b = 0.
Choose it where sequences are long, in layers: all four states are scans, so that steps can run side by side.
"""

from unspool.lang import Gates, Input, Output, State, cell, sigmoid, tanh
from unspool.lang.starts import fan_in


@cell(gates="z f o", start={"W": fan_in(0.5**0.5), "V": fan_in(0.5**0.5), "b": 0.0})
def qrnn(
    x: Input, c: State, p: State, q: State, s: State, *, W: Gates[Input], V: Gates[Input], b: Gates
) -> tuple[State, State, State, State, Output]:
    z = tanh(W.z @ x + b.z + p)
    f = sigmoid(W.f @ x + b.f + q)
    o = sigmoid(W.o @ x + b.o + s)
    c = f * c + (1 - f) * z
    h = o * c
    p = V.z @ x
    q = V.f @ x
    s = V.o @ x
    return c, p, q, s, h
