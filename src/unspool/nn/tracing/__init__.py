"""From a torch module that is one step to its step graph."""

from unspool.nn.tracing.interpret import variable_names
from unspool.nn.tracing.record import Form
from unspool.nn.tracing.step import TracedStep, trace_step, try_call

__all__ = ["Form", "TracedStep", "trace_step", "try_call", "variable_names"]
