"""Scalar long short-term memory (sLSTM) of xLSTM: exponential gates, a normaliser n, a stabiliser m, heads.

    z  = tanh(W_z x + b_z + R_z h)                cell input
    o  = σ(W_o x + b_o + R_o h)                   output gate
    a  = W_i x + b_i + R_i h                      logarithm of the input gate
    d  = m − softplus(−(W_f x + b_f + R_f h))     m plus that of the forget gate, log σ(·)
    k  = relu(n)                                  n itself: no step gives less than 0
    m' = a + sign(k) ∘ relu(d − a)                that is max(d, a), but a where n = 0
    i  = exp(a − m')                              input gate, stabilised
    f  = exp(min(d − m', 0))                      forget gate, stabilised
    c' = f ∘ c + i ∘ z
    n' = f ∘ k + i
    h' = o ∘ c' / n'

Beck et al. 2024, arXiv:2405.04517v2, eqs. 8–17, with f = σ(·) of its two choices. R has N heads: N equal blocks, zero
between them. Every state starts at zero: where n = 0 nothing is stored, so m' = a and n' = 1, never 0 / 0, and the
min keeps from overflowing an f that meets c = n = 0 alone. Equals the sLSTM of github.com/NX-AI/xlstm, which tells
the first step in the same way, by n = 0 in the whole batch. State: h, c, n and m, four vectors [H].
Starts as there but for R, uniform in ±1/√(H/N) and not 0: b_f falls from 5 to −7 over the units of each head by a
power law, so that the first forget slowly; the other biases are 0, W uniform in ±1/√H.
Choose it where stored values must be overwritten decisively, or states tracked; sizes={"N": heads}, N a divisor of H.
"""

from typing import Annotated

from unspool.lang import Blocks, Gates, Input, State, Symbol, cell, exp, minimum, relu, sigmoid, sign, softplus, tanh
from unspool.lang.starts import fan_in, power_law

Heads = Annotated[Symbol, Blocks("N")]


@cell(gates="i f z o", start={"R": fan_in(), "b": 0.0, "b.f": power_law(5, -7, 0.3, heads="R.f")})
def slstm(
    x: Input, h: State, c: State, n: State, m: State, *, W: Gates[Input], R: Gates[Heads], b: Gates
) -> tuple[State, State, State, State]:
    z = tanh(W.z @ x + b.z + R.z @ h)
    o = sigmoid(W.o @ x + b.o + R.o @ h)
    a = W.i @ x + b.i + R.i @ h
    d = m - softplus(-(W.f @ x + b.f + R.f @ h))
    k = relu(n)
    m = a + sign(k) * relu(d - a)
    i = exp(a - m)
    f = exp(minimum(d - m, 0))
    c = f * c + i * z
    n = f * k + i
    h = o * c / n
    return h, c, n, m
