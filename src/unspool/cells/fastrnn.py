"""FastRNN: an Elman network with a weighted residual connection, two numbers more.

    alpha = σ(sa)                         weight of the new
    beta  = σ(sb)                         weight of the old
    n     = tanh(W x + b + R h)
    h'    = alpha n + beta h

Kusupati et al. 2018, arXiv:1901.02358, section 3.1, alpha and beta in (0, 1) by σ as in the authors' code. Equals the
FastRNNCell of github.com/microsoft/EdgeML at full rank; of low rank, W and R are each two maps, R1 @ (R2 @ h), on a
page of one's own. State: one vector [H].
Starts as that code: W and R normal of deviation .1, b = 1, sa = −3 and sb = 3, so that alpha = .05, beta = .95.
Choose it on devices too small for gates; with alpha near 1/T and beta near 1 − alpha it stays stable over T steps.
"""

from unspool.lang import Input, Matrix, Scalar, State, Vector, cell, sigmoid, tanh
from unspool.lang.starts import normal


@cell(start={"W": normal(0.1), "R": normal(0.1), "b": 1.0, "sa": -3.0, "sb": 3.0})
def fastrnn(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State], b: Vector, sa: Scalar, sb: Scalar) -> State:
    alpha = sigmoid(sa)
    beta = sigmoid(sb)
    n = tanh(W @ x + b + R @ h)
    return alpha * n + beta * h
