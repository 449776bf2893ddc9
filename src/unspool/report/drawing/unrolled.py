"""The unrolled picture: the same unit once per step, each handing its state to the next."""

from itertools import pairwise

from unspool.nn.setups import Diagram
from unspool.report.drawing.canvas import Canvas
from unspool.report.drawing.columns import HEIGHT, RADIUS, ROW, STEP, WIDTH, Column, begin, column, rim, side


def unrolled(canvas: Canvas, diagram: Diagram, x: float, prime: str = "") -> list[Column]:
    """Draw it from `x` on; `prime` marks the letters of a second network."""
    columns = [column(canvas, diagram, x + k * STEP) for k in range(diagram.steps)]
    for before, after in () if diagram.apart else pairwise(columns):
        for own, following in zip(before.boxes, after.boxes, strict=True):
            canvas.arrow(side(own[0], True), side(following[0], False), kind="time")
            if len(own) > 1:
                canvas.arrow(side(following[1], False), side(own[1], True), kind="time")
    last = len(columns)
    for number, made in enumerate(columns, 1):
        if diagram.reads == "every" or (diagram.reads, number) in (("first", 1), ("last", last)):
            canvas.circle(made.input, RADIUS, f"x{prime}_{number}", "input")
            canvas.arrow((made.x, made.input[1] - RADIUS), made.bottom)
        if diagram.gives == "every":
            canvas.circle(made.output, RADIUS, f"y{prime}_{number}", "output")
            canvas.arrow(made.top, (made.x, made.output[1] + RADIUS))
    if diagram.gives == "last":
        _one_output(canvas, diagram, columns)
    if diagram.fed_back:
        for before, after in pairwise(columns):
            _feed(canvas, before, after)
    if diagram.begins:
        begin(canvas, columns[0], diagram.begins)
    return columns


def _one_output(canvas: Canvas, diagram: Diagram, columns: list[Column]) -> None:
    """The output of the last step, or of all of them together."""
    end = columns[-1]
    x = (columns[0].x + end.x) / 2 if diagram.pooled else end.x
    place = (x, end.output[1] - (ROW * 0.4 if diagram.pooled else 0))
    canvas.circle(place, RADIUS, "y", "output")
    for made in columns if diagram.pooled else [end]:
        canvas.arrow(made.top, rim(place, made.top))
    if not diagram.pooled and diagram.recurrent.bidirectional and len(columns) > 1:
        canvas.arrow(columns[0].top, rim(place, columns[0].top))  # where the reverse direction ends


def _feed(canvas: Canvas, before: Column, after: Column) -> None:
    """From a step's output to the input of the next, between the two columns."""
    middle, below = (before.x + after.x) / 2, after.bottom[1] + ROW * 0.3
    entry = after.x - WIDTH / 4
    canvas.arrow(
        (before.x + RADIUS, before.output[1]),
        (middle, before.output[1]),
        (middle, below),
        (entry, below),
        (entry, after.bottom[1]),
        kind="fed",
    )


def hand_over(canvas: Canvas, memory: list[Column], columns: list[Column], apart: bool) -> None:
    """The final state of one network begins another: its first step, or every step by itself."""
    for own, following in zip(memory[-1].boxes, columns[0].boxes, strict=False):
        canvas.arrow(side(own[0], True), side(following[0], False), kind="time")
    for made in columns[1:] if apart else ():
        for own, following in zip(memory[-1].boxes, made.boxes, strict=False):
            (x, y), end = own[0], (following[0][0], following[0][1] - HEIGHT / 2)
            start = (x + WIDTH / 4, y - HEIGHT / 2)
            canvas.arrow(start, (start[0], y - ROW), (end[0], y - ROW), end, kind="time", curved=True)


def attend(canvas: Canvas, memory: list[Column], looking: list[Column]) -> None:
    """Every output of one network looks back at all steps of another."""
    height = min(made.output[1] for made in looking) - HEIGHT * 1.4
    for made in memory:
        canvas.arrow(made.top, (made.x, height), dashed=True)
    start = (memory[0].x, height)
    for made in looking:
        canvas.arrow(start, (made.x, height), (made.x, made.output[1] - RADIUS), dashed=True)
