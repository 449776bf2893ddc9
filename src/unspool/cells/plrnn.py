"""Piecewise-linear recurrent network (PLRNN): a diagonal memory and a rectifier between the units.

    z' = A ∘ z + W relu(z) + C x + b

Durstewitz 2017, PLoS Computational Biology 13(6), e1005542, arXiv:1612.07846, eq. 1, without its noise; thresholds θ
at its rectifiers are b = (A − 1) ∘ θ here, with z − θ for z. With x = 0 the map of Eisenmann et al. 2023,
arXiv:2310.17561, whose h is b. The diagonal matrix A is the vector of its entries; the papers keep the diagonal of W at
0, this page leaves it free. Equals the page shallow_plrnn with P = H, W2 = I and b2 = 0. State: one vector [H].
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it to study a network or to reconstruct a dynamical system: its fixed points and cycles can be found exactly.
"""

from unspool.lang import Input, Matrix, State, Vector, cell, relu


@cell
def plrnn(x: Input, z: State, *, A: Vector, W: Matrix[State], C: Matrix[Input], b: Vector) -> State:
    return A * z + W @ relu(z) + C @ x + b
