"""A cell's step drawn from its graph: one step with its feedback, or a few steps side by side."""

from functools import lru_cache

from unspool.ir import StepGraph
from unspool.report.drawing.canvas import Canvas
from unspool.report.drawing.step.contraction import parts_of
from unspool.report.drawing.step.painting import kind_of, paint
from unspool.report.drawing.step.placed import Placed, placed

FAR, NEST = 40.0, 10.0
"""How far feedback goes around the frame, and between two such lines; in pixels."""


def draw_step(graph: StepGraph, steps: int = 1) -> str:
    """The SVG of a step.

    Args:
        graph: the step, as a cell has it.
        steps: 1 for the compressed picture, where each state is fed back; more for the unrolled one.

    Returns:
        A drawing that needs nothing else; the same graph gives the same bytes.
    """
    it = _placed(graph)
    canvas = Canvas()
    if steps == 1:
        _compressed(canvas, it)
    else:
        _unrolled(canvas, it, steps)
    title = f"{graph.name}, {'compressed' if steps == 1 else f'unrolled over {steps} steps'}"
    return canvas.svg(title, _described(graph, steps))


@lru_cache(maxsize=8)
def _placed(graph: StepGraph) -> Placed:
    """One layout for both pictures."""
    return placed(parts_of(graph))


def _compressed(canvas: Canvas, it: Placed) -> None:
    nested = sorted(it.step.states, key=lambda s: it.exits[s], reverse=True)
    for depth, state in enumerate(reversed(nested)):
        out, back, far = it.exits[state], it.entries.get(state), FAR + NEST * depth
        if back is None:
            continue
        top = -it.height - far
        points = ((it.width, out), (it.width + far, out), (it.width + far, top), (-far, top), (-far, back), (0.0, back))
        canvas.wire(*points, kind="time", head=True)
        canvas.words((it.width + 5, out - 9), f"{state}_t", size=13, anchor="start")
        canvas.words((-5, back - 9), f"{state}_t−1", size=13, anchor="end")
    paint(canvas, it, 0.0)
    _ends(canvas, it, 0.0, "t", FAR + NEST * len(nested))


def _unrolled(canvas: Canvas, it: Placed, steps: int) -> None:
    apart = 40.0 + NEST * len(it.step.states)
    for k in range(steps):
        x = k * (it.width + apart)
        for number, state in enumerate(it.step.states):
            back, out = it.entries.get(state), it.exits[state]
            if k == 0 and back is not None:
                canvas.wire((x - 30, back), (x, back), kind="time", head=True)
                canvas.words((x - 34, back), f"{state}_0", anchor="end")
            if k == steps - 1:
                canvas.wire((x + it.width, out), (x + it.width + 30, out), kind="time", head=True)
                canvas.words((x + it.width + 34, out), f"{state}_{steps}", anchor="start")
            elif back is not None:
                lane = x + it.width + 26 + NEST * number
                end = x + it.width + apart
                canvas.wire((x + it.width, out), (lane, out), (lane, back), (end, back), kind="time", head=True)
                canvas.words((x + it.width + 4, out - 9), f"{state}_{k + 1}", size=13, anchor="start")
        paint(canvas, it, x)
        _ends(canvas, it, x, str(k + 1), 24.0)


def _ends(canvas: Canvas, it: Placed, x: float, time: str, rise: float) -> None:
    """Inputs from below, the output above."""
    for name in it.step.inputs:
        if name in it.entries:
            canvas.wire((x + it.entries[name], 24.0), (x + it.entries[name], 0.0))
            canvas.words((x + it.entries[name], 36.0), f"{name}_{time}")
    across, up = x + it.top[0], it.top[1]
    canvas.wire((across, up), (across, up - rise), kind=kind_of(it, it.step.output), head=True)
    output = it.step.output
    known = [s for s, f in zip(it.step.states, it.step.following, strict=True) if f == output]
    canvas.words((across, up - rise - 12), f"{known[0] if known else 'y'}_{time}")


def _described(graph: StepGraph, steps: int) -> str:
    """The drawing in words."""
    reads = ", ".join(v.name for v in graph.inputs) or "no input"
    states = ", ".join(s.name for s in graph.states)
    how = "each fed back to the next step" if steps == 1 else f"handed from step to step, {steps} times"
    return f"one step of {graph.name}: it reads {reads}; its state {states} is {how}"
