"""Drawings in the dark: their colours exchanged one for one, as the report's script does it."""

from unspool.report.drawing.canvas import FILLS, PAPER
from unspool.report.palette import DARK

GROUNDS = {
    PAPER: "#171a20",
    FILLS["unit"]: "#1d3350",
    FILLS["input"]: "#2a2f37",
    FILLS["output"]: "#15372f",
    FILLS["function"]: "#3b3119",
    FILLS["plain"]: "#1e222a",
}


def drawing_rules() -> str:
    """A style sheet for drawings that stand in a page."""
    within = '[data-md-color-scheme="slate"] .drawing'
    rules = [
        f'{within} [{what}="{light}"] {{ {what}: {dark} }}'
        for light, dark in {**DARK, **GROUNDS}.items()
        if light.startswith("#")
        for what in ("fill", "stroke")
    ]
    return "\n".join(rules) + "\n"
