"""The equations that a page's docstring states, read as mathematics."""

from unspool.lang.equations.block import Equation, equations_of, read_equation
from unspool.lang.equations.constants import constants_of
from unspool.lang.equations.grammar import read_expression
from unspool.lang.equations.letters import GREEK, latin
from unspool.lang.equations.tree import Binary, Bracket, Call, Expression, Name, Negate, Number, Power, Transpose

__all__ = [
    "Equation",
    "equations_of",
    "constants_of",
    "read_equation",
    "read_expression",
    "Expression",
    "Number",
    "Name",
    "Call",
    "Bracket",
    "Negate",
    "Binary",
    "Power",
    "Transpose",
    "GREEK",
    "latin",
]
