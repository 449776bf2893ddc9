"""Addition-subtraction twin-gated recurrent network (ATR): both gates are made of the same two products.

    p  = W x
    q  = R h
    i  = σ(p + q)          input gate
    f  = σ(p − q)          forget gate
    h' = i ∘ p + f ∘ h

Zhang, Xiong, Su, Lin & Zhang 2018, arXiv:1810.12546, without biases, as there. Differs from a GRU: the candidate is p
itself, without a nonlinearity, and there is one matrix for x and one for h. State: one vector [H].
Choose it where parameters are dear: it has as many as an Elman network, and gates.
"""

from unspool.lang import Input, Matrix, State, cell, sigmoid


@cell
def atr(x: Input, h: State, *, W: Matrix[Input], R: Matrix[State]) -> State:
    p = W @ x
    q = R @ h
    i = sigmoid(p + q)
    f = sigmoid(p - q)
    return i * p + f * h
