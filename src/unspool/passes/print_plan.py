"""A plan as text: what runs before, inside and after the loop, which states are scans, and what training saves.

Shown is the plan as a kernel takes it (see fold): pointwise equations run in the loop even where they need no state.
"""

from collections.abc import Iterable

from unspool.ir import Apply
from unspool.ir.print import print_graph, written
from unspool.passes.plan import Instruction, Plan
from unspool.passes.print_names import Reading, reading
from unspool.passes.save import saved_values
from unspool.passes.scan import scans
from unspool.passes.stack import StackedProduct
from unspool.passes.stages import Stage, schedule


def print_plan(plan: Plan) -> str:
    """The plan as text: the parts of the step with their equations, the scans and the save plan."""
    told = reading(plan)
    given = {p for _, p in (*told.folded.sources, *told.folded.constants)}
    parts = [
        print_graph(plan.graph).splitlines()[0],
        "prologue, for all steps at once",
        *_lines([*_before(told), *_outside(told, told.folded.prologue, shown=given)]),
        "loop, step after step",
        *_lines(_loop(told)),
        "epilogue, for all steps at once",
        *_lines(_epilogue(told)),
        "scans",
        *_lines(_scans(told) or ["none"]),
        "saved for the adjoint",
        *_lines(_saved(told)),
    ]
    return "\n".join(parts)


def _lines(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines] or ["  nothing"]


def _before(told: Reading) -> list[str]:
    """The products of inputs with stored matrices."""
    positions = dict(told.folded.sources)
    return [
        f"{', '.join(told.texts[positions[n]] for n in product.names)}{_as_one(len(product.names))}"
        for product in told.folded.products
    ]


def _outside(told: Reading, instructions: Iterable[Instruction], shown: set[int]) -> list[str]:
    """Instructions outside the loop: products, and of the rest the values that have a name or are `shown`."""
    lines, once = [], []
    for instruction in instructions:
        stacked = isinstance(instruction, StackedProduct)
        results = instruction.results if stacked else (instruction,)
        if stacked:
            line = f"{', '.join(told.texts[r] for r in results)}{_as_one(len(results))}"
        elif instruction in told.names:
            line = f"{told.names[instruction]} = {told.texts[instruction]}"
        elif instruction in shown:
            line = told.texts[instruction]
        else:
            continue
        (lines if told.changes(results[0]) else once).append(line)
    return [*lines, *(f"once   {line}" for line in once)]


def _epilogue(told: Reading) -> list[str]:
    graph = told.folded.plan.graph
    lines = _outside(told, told.folded.epilogue, shown=set())
    return lines if graph.output in graph.next_states else [*lines, f"output = {told.shown(graph.output)}"]


def _loop(told: Reading) -> list[str]:
    """Stage by stage the products, then the equations that run there."""
    planned = schedule(told.folded.forward)
    lines, numbers = [], sorted(set(planned.stage_of.values()))
    here = {o: p for p, o in told.origins.items()}
    equations: dict[int, list[int]] = {}
    for position in sorted(told.names):
        if position in here and isinstance(told.folded.forward.nodes[here[position]], Apply):
            equations.setdefault(planned.stage_of[here[position]], []).append(position)
    width = max((len(told.names[p]) for part in equations.values() for p in part), default=0)
    for number in numbers:
        stages = [s for s in planned.stages if s.number == number]
        products = [_products(told, stage) for stage in stages]
        lines.append(f"stage {number}   {'; '.join(filter(None, products)) or 'unit by unit'}")
        lines += [f"  {told.names[p]:<{width}} = {told.texts[p]}" for p in equations.get(number, [])]
        reduced = [told.shown(told.origins[p]) for s in stages for p in s.reduced]
        lines += [f"  then over all units  {', '.join(reduced)}"] if reduced else []
    return lines


def _products(told: Reading, stage: Stage) -> str:
    groups = [[told.texts[told.origins[r]] for r in group.results] for group in stage.groups]
    return "; ".join(f"{', '.join(g)}{_as_one(len(g))}" for g in groups)


def _as_one(count: int) -> str:
    return f"   stacked: {count} products as one" if count > 1 else "   one product"


def _scans(told: Reading) -> list[str]:
    lines = []
    for scan in scans(told.folded.plan.graph):
        texts = written(scan.nodes, told.names)
        states = [f"{h}'" for h in scan.states]
        rows = [[told.names.get(p, texts[p]) for p in row] for row in scan.coefficients]
        addends = [texts[p] if (name := told.names.get(p)) in (None, *states) else name for p in scan.addends]
        if len(rows) == 1:
            (h,), ((a,),), (b,) = scan.states, rows, addends
            lines.append(f"{h}' = a ∘ {h} + b with a = {a}, b = {b}")
        else:
            matrix = "; ".join(", ".join(row) for row in rows)
            before, after, b = (", ".join(part) for part in (scan.states, states, addends))
            lines.append(f"[{after}] = [{matrix}] [{before}] + [{b}], unit by unit")
    return lines


def _saved(told: Reading) -> list[str]:
    if not told.training.saved:
        lines = ["nothing besides what is there: 0 bytes per step"]
    else:
        lines = [f"{', '.join(told.saved.values())}: {_bytes(told)} in float32, for each sequence"]
    adjoint, kept = told.training.adjoint, {n for n, _ in told.folded.forward.writes}
    reads = [r.name for r in adjoint.reads]
    there = [told.shown(p) for n, p in told.folded.sources if n in reads]
    there += [n for n in reads if n in adjoint.shifted] + [told.written[n] for n in reads if n in kept]
    if there:
        lines.append(f"read again where it lies: {', '.join(there)}")
    if told.computed_again:
        lines.append(f"computed again: {', '.join(told.computed_again)}")
    return lines


def _bytes(told: Reading) -> str:
    parts = []
    for letter, names in saved_values(told.training).items():
        whose = f" and unit ({letter})" if letter else ""
        parts.append(f"{4 * len(names)} bytes per step{whose}")
    return " and ".join(parts)
