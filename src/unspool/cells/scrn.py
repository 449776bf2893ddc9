"""Structurally constrained recurrent network (SCRN): hidden units beside slow context units.

    s' = (1 − alpha) B x + alpha s  context units, slow
    h' = σ(P s' + A x + R h)        hidden units, fast
    y  = U h' + V s'                output

Mikolov, Joulin, Chopra, Mathieu & Ranzato 2014, arXiv:1412.7753, section 3, with its fixed alpha = .95 and no biases.
Equals that paper's network up to the readout: its U and V lead to the scores of all symbols, here to an output of H
numbers, which the network's own readout maps on. State: h [H] and s, the context [P]; the output is neither.
Starts uniform in ±1/√H, as torch.nn's layers do.
Choose it to see a long memory apart from the short one: s is a moving average of a linear map of the input.
"""

from typing import Annotated

from unspool.lang import Input, Map, Matrix, Output, Sized, State, Symbol, cell, sigmoid

Context = Annotated[Symbol, Sized("P")]
ALPHA = 0.95


@cell
def scrn(
    x: Input,
    h: State,
    s: Context,
    *,
    B: Map[Input, Context],
    P: Matrix[Context],
    A: Matrix[Input],
    R: Matrix[State],
    U: Matrix[State],
    V: Matrix[Context],
) -> tuple[State, Context, Output]:
    s = (1 - ALPHA) * (B @ x) + ALPHA * s
    h = sigmoid(P @ s + A @ x + R @ h)
    y = U @ h + V @ s
    return h, s, y
