"""Layer-normalised long short-term memory (LSTM).

    u  = LN(R h)  over the units of all gates together, [4·H]
    v  = LN(W x)  likewise
    i  = σ(aR_i ∘ u_i + bR_i + aW_i ∘ v_i + bW_i + b_i)     input gate
    f  = σ(aR_f ∘ u_f + bR_f + aW_f ∘ v_f + bW_f + b_f)     forget gate
    g  = tanh(aR_g ∘ u_g + bR_g + aW_g ∘ v_g + bW_g + b_g)  candidate
    o  = σ(aR_o ∘ u_o + bR_o + aW_o ∘ v_o + bW_o + b_o)     output gate
    c' = f ∘ c + i ∘ g
    h' = o ∘ tanh(ac ∘ LN(c') + bc)

Ba, Kiros & Hinton 2016, arXiv:1607.06450, eqs. 20–22 of its appendix, with LN(v) = (v − mean) / sqrt(variance + ε),
ε = 1e-5 (the paper has none, and would divide by zero); aR bR, aW bW, ac bc are its gains α and biases β 1 to 3.
Equals that paper's LSTM; TensorFlow's LayerNormBasicLSTMCell differs: it normalises each gate of the sum by itself.
State: two vectors, h and c [H].
Starts with gains 1 and biases β 0, as there; W, R and b uniform in ±1/√H, as torch.nn's layers do: with b = 0 and x = 0
every unit would stay at 0, where a normalisation has slope 1/√ε and gradients grow by 10⁴ a step.
Choose it where an LSTM trains unsteadily, or inputs change their scale; a step costs three normalisations more.
"""

from unspool.lang import Gates, Input, State, Vector, cell, layer_norm, sigmoid, tanh


@cell(gates="i f g o", start={"aR": 1.0, "bR": 0.0, "aW": 1.0, "bW": 0.0, "ac": 1.0, "bc": 0.0})
def lstm_layernorm(
    x: Input,
    h: State,
    c: State,
    *,
    W: Gates[Input],
    R: Gates[State],
    aR: Gates,
    bR: Gates,
    aW: Gates,
    bW: Gates,
    b: Gates,
    ac: Vector,
    bc: Vector,
) -> tuple[State, State]:
    u = layer_norm(R @ h)
    v = layer_norm(W @ x)
    i = sigmoid(aR.i * u.i + bR.i + aW.i * v.i + bW.i + b.i)
    f = sigmoid(aR.f * u.f + bR.f + aW.f * v.f + bW.f + b.f)
    g = tanh(aR.g * u.g + bR.g + aW.g * v.g + bW.g + b.g)
    o = sigmoid(aR.o * u.o + bR.o + aW.o * v.o + bW.o + b.o)
    c = f * c + i * g
    h = o * tanh(ac * layer_norm(c) + bc)
    return h, c
