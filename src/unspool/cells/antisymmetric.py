"""Antisymmetric recurrent network (AntisymmetricRNN): a stable differential equation in steps of Euler's method.

    K  = M − Mᵀ − gamma I                 eigenvalues on −gamma + i ℝ
    h' = h + eps tanh(W x + b + K h)

Chang, Chen, Haber & Chi 2019, arXiv:1902.09689, eq. 9, without its gate; gamma (diffusion) and eps (step) are constants
that the paper tunes for each task: here .001 and .03. Equals that paper's AntisymmetricRNN; their M is the upper
triangle of the difference, which is the same set of matrices. State: one vector [H].
Starts with M normal of variance 1/H (the paper's σ²/H with σ = 1), W by Glorot & Bengio 2010, b = 0.
Choose it for long sequences: at gamma = 0 the Jacobian of its equation has imaginary eigenvalues only.
"""

from unspool.lang import Input, Matrix, State, Vector, cell, identity, tanh
from unspool.lang.starts import glorot, normal_fan_in

GAMMA, EPS = 0.001, 0.03


@cell(start={"M": normal_fan_in(), "W": glorot(), "b": 0.0})
def antisymmetric(x: Input, h: State, *, W: Matrix[Input], M: Matrix[State], b: Vector) -> State:
    K = M - M.T - GAMMA * identity(M)
    return h + EPS * tanh(W @ x + b + K @ h)
