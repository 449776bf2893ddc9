"""Orthogonal recurrent network by the exponential map (expRNN): a recurrent matrix that keeps lengths.

    U  = expm(A − Aᵀ)                              orthogonal, whatever A is
    a  = W x + b + U h
    h' = sign(a) ∘ relu(|a| + bm)                  modReLU

Lezcano-Casado & Martínez-Rubio 2019, arXiv:1901.08428, eq. 2 with the parametrisation of its section 3: the exponential
of a skew-symmetric matrix, here A − Aᵀ with all of A learned; modReLU is that of Arjovsky, Shah & Bengio 2016,
arXiv:1511.06464, eq. 8, for real numbers. Equals the paper's network up to its bias b, which it leaves out.
State: one vector [H]. Starts as there: A − Aᵀ has blocks of angles s in (−π, π) on its diagonal, so that U turns
H/2 planes (Henaff, Szlam & LeCun 2016); W normal with variance 2/I (He et al. 2015); bm uniform in ±0.01.
Choose it for long memories without gates: gradients neither vanish nor explode by U. An expm costs some 20 products
[H, H] by [H, H] per call.
"""

from unspool.lang import Input, Matrix, State, Vector, cell, expm, relu, sign
from unspool.lang.starts import he, planes, uniform


@cell(start={"A": planes(), "W": he(), "b": 0.0, "bm": uniform(-0.01, 0.01)})
def exprnn(x: Input, h: State, *, W: Matrix[Input], A: Matrix[State], b: Vector, bm: Vector) -> State:
    U = expm(A - A.T)
    a = W @ x + b + U @ h
    return sign(a) * relu(abs(a) + bm)
