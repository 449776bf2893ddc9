"""Almost-linear recurrent network (AL-RNN): the page plrnn with a rectifier on its last few units only.

    f  = (1 − m) ∘ z + m ∘ relu(z)  the last units rectified, the others as they are
    z' = A ∘ z + W f + C x + b

Brenner et al. 2024, arXiv:2410.14240, section 3, whose h is b here and whose P is the number of ones in m; the diagonal
matrix A is the vector of its entries, and the term of the input is that of the page plrnn. Equals their AL-RNN where
x = 0, the page plrnn where m is 1 everywhere, and a linear map where it is 0. State: one vector [H].
Starts as the authors' code: A the diagonal of GᵀG/H + I over its largest eigenvalue, G normal, W normal with deviation
.01, b = 0; m, which is fixed, is 1 for the last 2 units: another number is asked for by start={"m": last(10)}.
Choose it to reconstruct a dynamical system with as few linear regions as it needs: at most 2 to the P, told by signs.
"""

from unspool.lang import Fixed, Input, Matrix, State, Vector, cell, relu
from unspool.lang.starts import definite_diagonal, last, normal


@cell(start={"A": definite_diagonal(), "W": normal(0.01), "b": 0.0, "m": last(2)})
def alrnn(x: Input, z: State, *, A: Vector, W: Matrix[State], C: Matrix[Input], b: Vector, m: Fixed[Vector]) -> State:
    f = (1 - m) * z + m * relu(z)
    return A * z + W @ f + C @ x + b
