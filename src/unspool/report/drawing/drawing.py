"""A network drawn from the module itself: compressed on the left, unrolled on the right."""

from torch import nn

from unspool.errors import SettingError
from unspool.nn import Recurrent
from unspool.nn.setups import Diagram
from unspool.report.drawing.canvas import Canvas
from unspool.report.drawing.columns import STEP, side
from unspool.report.drawing.compressed import compressed
from unspool.report.drawing.unrolled import attend, hand_over, unrolled
from unspool.report.palette import MUTED


def draw(module: nn.Module) -> str:
    """The SVG of a network.

    Args:
        module: a setup of `unspool.nn.setups`, any module with a `diagram()`, or a `Recurrent`.

    Returns:
        A drawing that needs nothing else; the same module gives the same bytes.

    Raises:
        SettingError: the module says not how it is drawn.
    """
    diagram = diagram_of(module)
    canvas = Canvas()
    start = 0.0
    if diagram.encoder is not None:
        one = compressed(canvas, diagram.encoder, 0.0)
        start = STEP * 1.5
        two = compressed(canvas, diagram, start, "′")
        canvas.arrow(
            (side(one.boxes[0][0], True)[0] + 40, one.boxes[0][0][1]), side(two.boxes[0][0], False), kind="time"
        )
    else:
        compressed(canvas, diagram, 0.0)
    right = left = start + STEP * (2.4 if diagram.fed_back or diagram.begins else 1.6)
    if diagram.encoder is not None:
        memory = unrolled(canvas, diagram.encoder, right)
        right = memory[-1].x + STEP
        columns = unrolled(canvas, diagram, right, "′")
        hand_over(canvas, memory, columns, diagram.apart)
        if diagram.attends:
            attend(canvas, memory, columns)
    else:
        columns = unrolled(canvas, diagram, right)
    cell, layers = diagram.recurrent.cell.name, diagram.recurrent.num_layers
    below = canvas.bottom + 24
    canvas.words((start / 2, below), "compressed", size=13, colour=MUTED)
    canvas.words(((left + columns[-1].x) / 2, below), "unrolled", size=13, colour=MUTED)
    several = f"{layers} layers of " if layers > 1 else ""
    title = f"{diagram.title}: {several}{cell}"
    return canvas.svg(title, _described(diagram))


def diagram_of(module: nn.Module) -> Diagram:
    """How a module is drawn; a recurrent layer by itself gives its output at every step.

    Raises:
        SettingError: it does not say.
    """
    if isinstance(module, Recurrent):
        return Diagram("recurrent layer", module)
    made = getattr(module, "diagram", None)
    found = made() if callable(made) else None
    if not isinstance(found, Diagram):
        raise SettingError(
            f"{type(module).__name__} does not say how it is drawn",
            hint="draw a setup of unspool.nn.setups or a Recurrent, or give the module a method diagram() -> Diagram",
        )
    return found


def _described(diagram: Diagram) -> str:
    """The drawing in words."""
    layer = diagram.recurrent
    reads = {"none": "no input", "first": "an input at the first step", "every": "an input at every step"}
    gives = {"none": "no output", "last": "one output at the end", "every": "an output at every step"}
    parts = [
        f"{layer.num_layers} layer(s) of {layer.cell.name}{' in both directions' if layer.bidirectional else ''}",
        reads.get(diagram.reads, "an input at the last step"),
        gives.get(diagram.gives, "an output at the first step"),
    ]
    if diagram.fed_back:
        parts.append("every output is fed to the next step")
    if diagram.encoder is not None:
        parts.append("it begins with the final state of an encoder" + (" and looks back at it" * diagram.attends))
    if diagram.begins:
        parts.append(f"its initial state is computed from a vector {diagram.begins}")
    return "; ".join(parts)
