"""`unspool cells`: the pages of the library."""


def cells() -> None:
    """List the built-in cells."""
    from rich.console import Console
    from rich.table import Table

    from unspool.cells import built_in

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("cell", "states", "gates", "what it is"):
        table.add_column(column)
    for name, cell in built_in().items():
        graph = cell.graph
        gates = next((p.gates for p in graph.parameters if p.gates), ())
        states = " ".join(f"{s.name}[{s.size}]" for s in graph.states)
        table.add_row(name, states, " ".join(gates) or "–", cell.summary, style=None)
    Console(highlight=False, markup=False).print(table)
