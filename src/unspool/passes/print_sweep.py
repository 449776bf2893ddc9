"""A sweep as text: its equations in an order in which they can be read, then what it gives."""

from collections.abc import Sequence

from unspool.ir import Apply, Read
from unspool.ir.print import with_fresh_names, written
from unspool.passes.plan import Plan
from unspool.passes.print_names import reading
from unspool.passes.sweep import Sweep

Deferred = tuple[str, int, str]
"""A matrix, the position of the gradient of its product, and the operand that it multiplied."""


def print_sweep(sweep: Sweep, deferred: Sequence[Deferred] = ()) -> str:
    """The sweep as text, what several equations use under a name of its own; `deferred` is what its end is followed by.

    For example::

        elman: carries h'
          h' = tanh(b + W@x + R @ h)
    """
    results = [*sweep.results, *(p for _, p, _ in deferred)]
    carried = [(_next(s.name), p) for s, p in zip(sweep.states, sweep.next_states, strict=True)]
    names = dict(sweep.names)
    used = {*names.values(), *(n.name for n in sweep.nodes if isinstance(n, Read))}
    for name, position in carried:
        if isinstance(sweep.nodes[position], Apply) and name not in used:
            names.setdefault(position, name)
    names = with_fresh_names(sweep.nodes, names, results)
    texts = written(sweep.nodes, names)
    lines = [(n, texts[p]) for p, n in sorted(names.items()) if isinstance(sweep.nodes[p], Apply)]
    lines += [(n, names.get(p, texts[p])) for n, p in carried if names.get(p) != n]
    parts = [f"{sweep.name}: carries {', '.join(n for n, _ in carried) or 'nothing'}", *_table(lines)]
    told = dict(lines)
    writes = [(n, names.get(p, texts[p])) for n, p in sweep.writes if n not in told]
    if writes:
        parts += ["at every step it gives", *_table(writes)]
    if sweep.sums:
        parts += [
            "summed over steps and sequences",
            *_table([(n, f"Σ {_closed(p, texts, names)}") for n, p in sweep.sums]),
        ]
    if deferred:
        after: dict[str, list[str]] = {}  # a matrix that is used several times has a line for each
        for matrix, position, operand in deferred:
            term = f"Σ {_closed(position, texts, names)} ⊗ {_bracketed(operand)}"
            after.setdefault(f"∂{matrix}", []).append(term)
        sums = [(name, "\n    + ".join(terms)) for name, terms in after.items()]
        parts += ["after the last step, one product for each", *_table(sums)]
    return "\n".join(parts)


def print_adjoint(plan: Plan) -> str:
    """The adjoint of a plan's loop in the letters of the page."""
    sweep, deferred = reading(plan).adjoint
    legend = [f"backwards in time; {s.name} comes from the step after" for s in sweep.states[:1]]
    inner = [n for _, n in sweep.names if n.startswith("δ")]
    legend += [f"{n} is the gradient of what the function in {n[1:]} is applied to" for n in inner[:1]]
    return f"{print_sweep(sweep, deferred)}\n({'; '.join(legend)})"


def _next(name: str) -> str:
    """What a state's next value is called: h', and ∂h for what comes as ∂h⁺."""
    return name.removesuffix("⁺") if name.endswith("⁺") else name if name.startswith("∂") else f"{name}'"


def _closed(position: int, texts: Sequence[str], names: dict[int, str]) -> str:
    return _bracketed(names.get(position, texts[position]))


def _bracketed(text: str) -> str:
    return f"({text})" if " " in text or text.startswith("−") else text


def _table(lines: Sequence[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in lines), default=0)
    return [f"  {name:<{width}} = {text}" for name, text in lines]
