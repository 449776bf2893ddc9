"""The compressed picture: one unit whose output is fed back to it, a step later."""

from unspool.nn.setups import Diagram
from unspool.report.drawing.canvas import Canvas, Point
from unspool.report.drawing.columns import HEIGHT, RADIUS, ROW, WIDTH, Column, begin, column
from unspool.report.palette import MUTED


def compressed(canvas: Canvas, diagram: Diagram, x: float, prime: str = "") -> Column:
    """Draw it at `x`; `prime` marks the letters of a second network."""
    made = column(canvas, diagram, x)
    for places in made.boxes if diagram.steps > 1 and not diagram.apart else ():
        for place, reverse in zip(places, (False, True), strict=False):
            _loop(canvas, place, HEIGHT if len(places) == 1 else HEIGHT * 0.75, reverse)
    if diagram.reads != "none":
        canvas.circle(made.input, RADIUS, f"x{prime}_t", "input")
        canvas.arrow((x, made.input[1] - RADIUS), made.bottom)
    if diagram.gives != "none":
        canvas.circle(made.output, RADIUS, "y" if diagram.gives == "last" else f"y{prime}_t", "output")
        start = made.top
        if diagram.pooled:
            middle = (x, (start[1] + made.output[1] + RADIUS) / 2)
            canvas.words((x + 12, middle[1]), "all t", size=12, colour=MUTED, anchor="start")
        canvas.arrow(start, (x, made.output[1] + RADIUS))
    if diagram.fed_back:
        _feed(canvas, made)
    if diagram.begins:
        begin(canvas, made, diagram.begins)
    return made


def _loop(canvas: Canvas, place: Point, height: float, reverse: bool) -> None:
    """Out of a box's side and back into it: on the right in the direction of time, on the left against it."""
    sign = -1 if reverse else 1
    x, y = place[0] + sign * WIDTH / 2, place[1]
    out, back, far = y - height * 0.28, y + height * 0.28, x + sign * 46
    canvas.arrow((x, out), (far, out - height * 0.5), (far, back + height * 0.5), (x, back), kind="time", curved=True)


def _feed(canvas: Canvas, made: Column) -> None:
    """From the output down beside the column, into the lowest layer."""
    side, below = made.x + WIDTH / 2 + 50, made.bottom[1] + ROW * 0.3
    canvas.arrow(
        (made.x + RADIUS, made.output[1]),
        (side, made.output[1]),
        (side, below),
        (made.x + 14, below),
        (made.x + 14, made.bottom[1]),
        kind="fed",
    )
    canvas.words((side + 6, (made.output[1] + below) / 2), "one step", size=12, colour=MUTED, anchor="start")
