"""FastGRNN: a gate that shares the candidate's matrices, so that gating costs a bias and two numbers.

    zeta = σ(sz)
    nu   = σ(sn)
    p    = W x + R h
    z    = σ(p + b_z)                            gate, the share of the old
    n    = tanh(p + b_n)                         candidate
    h'   = (zeta (1 − z) + nu) ∘ n + z ∘ h

Kusupati et al. 2018, arXiv:1901.02358, section 3.2, zeta and nu in (0, 1) by σ as in the authors' code. Equals the
FastGRNNCell of github.com/microsoft/EdgeML at full rank; of low rank, W and R are each two maps, R1 @ (R2 @ h), on a
page of one's own. Sparse and quantised weights are the trainer's. State: one vector [H].
Starts as that code: W and R normal of deviation .1, b_z = b_n = 1, sz = 1 and sn = −4: zeta = .73, nu = .018.
Choose it on small devices: an Elman network's size, a GRU's behaviour.
"""

from unspool.lang import Gates, Input, Matrix, Scalar, State, cell, sigmoid, tanh
from unspool.lang.starts import normal


@cell(gates="z n", start={"W": normal(0.1), "R": normal(0.1), "b": 1.0, "sz": 1.0, "sn": -4.0})
def fastgrnn(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], b: Gates, sz: Scalar, sn: Scalar) -> State:
    zeta = sigmoid(sz)
    nu = sigmoid(sn)
    p = W @ x + R @ h
    z = sigmoid(p + b.z)
    n = tanh(p + b.n)
    return (zeta * (1 - z) + nu) * n + z * h
