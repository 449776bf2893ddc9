"""Update gate recurrent network (UGRNN): an Elman network whose units keep or replace what they hold.

    c  = tanh(W_c x + b_c + R_c h)  candidate
    g  = σ(W_g x + b_g + R_g h)     share that is kept
    h' = g ∘ h + (1 − g) ∘ c

Collins, Sohl-Dickstein & Sussillo 2017, arXiv:1611.09913, whose further constant bias of g is here where b_g starts:
at 1. Equals a GRU (reset-after) whose reset gate is 1. State: one vector [H].
Choose it as the simplest gated network, and where training an Elman network fails.
"""

from unspool.lang import Gates, Input, State, cell, sigmoid, tanh


@cell(gates="c g", start={"b.g": 1.0})
def ugrnn(x: Input, h: State, *, W: Gates[Input], R: Gates[State], b: Gates) -> State:
    c = tanh(W.c @ x + b.c + R.c @ h)
    g = sigmoid(W.g @ x + b.g + R.g @ h)
    return g * h + (1 - g) * c
