"""Light gated recurrent unit (Li-GRU): a GRU without a reset gate, its candidate rectified.

    z  = σ(W_z x + b_z + R_z h)     update gate
    n  = relu(W_n x + b_n + R_n h)  candidate
    h' = z ∘ h + (1 − z) ∘ n

Ravanelli, Brakel, Omologo & Bengio 2018, arXiv:1803.10225, which normalises W x over the batch and has no other bias:
that normalisation is the network's, not the step's, and what it adds is b here. Without it rectifiers may run away.
Equals the authors' liGRU (pytorch-kaldi) with its batch normalisation taken out. State: one vector [H].
Starts with W by Glorot & Bengio 2010, R orthogonal, b = 0, as there.
Choose it for speech and other long, redundant signals with a third fewer parameters than a GRU; clip gradients.
"""

from unspool.lang import Gates, Input, State, cell, relu, sigmoid
from unspool.lang.starts import glorot, orthogonal


@cell(gates="z n", start={"W": glorot(), "R": orthogonal(), "b": 0.0})
def ligru(x: Input, h: State, *, W: Gates[Input], R: Gates[State], b: Gates) -> State:
    z = sigmoid(W.z @ x + b.z + R.z @ h)
    n = relu(W.n @ x + b.n + R.n @ h)
    return z * h + (1 - z) * n
