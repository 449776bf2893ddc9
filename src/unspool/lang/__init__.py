"""The words of a cell."""

from unspool.lang.cell import Cell, cell
from unspool.lang.functions import (
    cos,
    exp,
    log,
    maximum,
    minimum,
    relu,
    sigmoid,
    sin,
    softplus,
    sqrt,
    tanh,
)
from unspool.lang.words import Gates, Input, Map, Matrix, Output, Scalar, Sized, State, Symbol, Vector

__all__ = [
    "Cell",
    "Gates",
    "Input",
    "Map",
    "Matrix",
    "Output",
    "Scalar",
    "Sized",
    "State",
    "Symbol",
    "Vector",
    "cell",
    "cos",
    "exp",
    "log",
    "maximum",
    "minimum",
    "relu",
    "sigmoid",
    "sin",
    "softplus",
    "sqrt",
    "tanh",
]
