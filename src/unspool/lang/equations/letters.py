"""Greek letters and the names that a page has for them: γ is gamma, λ is lam, Δt is dt."""

GREEK: dict[str, str] = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ε",
    "zeta": "ζ",
    "eta": "η",
    "theta": "θ",
    "iota": "ι",
    "kappa": "κ",
    "lambda": "λ",
    "lam": "λ",
    "mu": "μ",
    "nu": "ν",
    "xi": "ξ",
    "pi": "π",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "upsilon": "υ",
    "phi": "φ",
    "chi": "χ",
    "psi": "ψ",
    "omega": "ω",
    "Gamma": "Γ",
    "Delta": "Δ",
    "Theta": "Θ",
    "Lambda": "Λ",
    "Xi": "Ξ",
    "Pi": "Π",
    "Sigma": "Σ",
    "Phi": "Φ",
    "Psi": "Ψ",
    "Omega": "Ω",
    "eps": "ε",
}
"""What a page calls a letter → how it is printed."""


def latin(letter: str) -> tuple[str, ...]:
    """What a page may call `letter`, as a variable and as a constant: γ → gamma, GAMMA; Δt → dt, DT; alpha → ALPHA."""
    names = ["dt"] if letter == "Δt" else [name for name, greek in GREEK.items() if greek == letter]
    return (letter, *names, *(name.upper() for name in names or [letter] if len(name) > 1))
