"""Shallow piecewise-linear recurrent network (shallow PLRNN): a diagonal memory and one hidden layer of rectifiers.

    z' = A ∘ z + W1 relu(W2 z + b2) + b1 + C x

Hess, Monfared, Brenner & Durstewitz 2023, arXiv:2306.04406, whose diagonal matrix A is the vector of its entries here,
and whose h1, h2 are b1, b2. Equals their autonomous shPLRNN where x = 0, and the page plrnn's kind of map with as many
linear regions as P hyperplanes cut. Not its clipped form. State: one vector [H]; the hidden layer has P units.
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it to reconstruct a dynamical system from a series: few states, a Jacobian and fixed points in closed form.
"""

from typing import Annotated

from unspool.lang import Input, Map, Matrix, Sized, State, Symbol, Vector, cell, relu

Hidden = Annotated[Symbol, Sized("P")]


@cell
def shallow_plrnn(
    x: Input,
    z: State,
    *,
    A: Vector,
    W1: Matrix[Hidden],
    W2: Map[State, Hidden],
    b1: Vector,
    b2: Vector[Hidden],
    C: Matrix[Input],
) -> State:
    return A * z + W1 @ relu(W2 @ z + b2) + b1 + C @ x
