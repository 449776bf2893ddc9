"""Lipschitz recurrent network: a linear part and a tanh part, each with a matrix between symmetric and skew-symmetric.

    A  = (1 − beta_A) (M + Mᵀ) + beta_A (M − Mᵀ) − gamma_A I
    R  = (1 − beta_R) (N + Nᵀ) + beta_R (N − Nᵀ) − gamma_R I
    h' = h + ε dt (A h + tanh(R h + W x + b))                   dt is 1 unless it is given, a number per step

Erichson, Azencot, Queiruga, Hodgkinson & Mahoney 2021, arXiv:2006.12070, eqs. 1 and 2: dh/dt is the last bracket, here
in forward Euler's steps ε; its W, U, M_A and M_W are R, W, M and N. beta, gamma and ε are constants, tuned for each
task there; here the defaults of the authors' code. Equals the LipschitzRNN of github.com/erichson/LipschitzRNN, not its
gated form. State: one vector [H].
Starts as there: M, N normal with deviation 1/H (its init_std = 1; its scripts take up to 32), W Glorot normal, b = 0.
Choose it for long and noisy sequences: beta and gamma bound how fast two states can part, and so do its gradients.
"""

from unspool.lang import Input, Matrix, PerStep, State, Vector, cell, identity, tanh
from unspool.lang.starts import glorot_normal, normal_columns

EPSILON = 0.01
BETA_A, GAMMA_A = 0.8, 0.01
BETA_R, GAMMA_R = 0.8, 0.01


@cell(start={"W": glorot_normal(), "M": normal_columns(), "N": normal_columns(), "b": 0.0})
def lipschitz(
    x: Input, h: State, dt: PerStep = 1.0, *, W: Matrix[Input], M: Matrix[State], N: Matrix[State], b: Vector
) -> State:
    A = (1 - BETA_A) * (M + M.T) + BETA_A * (M - M.T) - GAMMA_A * identity(M)
    R = (1 - BETA_R) * (N + N.T) + BETA_R * (N - N.T) - GAMMA_R * identity(N)
    return h + EPSILON * dt * (A @ h + tanh(R @ h + W @ x + b))
