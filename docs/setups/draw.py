"""Draws the figures of docs/setups/README.md from the modules themselves: `python docs/setups/draw.py`."""

from pathlib import Path

from unspool.nn.setups import SETUPS, small_setup
from unspool.report.drawing import draw

HERE = Path(__file__).parent
CELLS = {"one-to-one": "elman", "fed-back": "elman", "many-to-one": "gru", "many-to-one-pooled": "lstm"}


def figures() -> dict[str, str]:
    """File name → SVG."""
    drawn = {f"{name}.svg": draw(small_setup(name, CELLS.get(name, "gru"))) for name in SETUPS}
    drawn["bidirectional.svg"] = draw(small_setup("many-to-many", "lstm", layers=2, bidirectional=True))
    drawn["residual.svg"] = draw(small_setup("many-to-many", "lstm", layers=3, residual=True))
    return drawn


if __name__ == "__main__":
    for name, svg in figures().items():
        (HERE / name).write_text(svg, encoding="utf-8")
