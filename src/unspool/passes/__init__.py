"""From a step graph to a plan for running it over time. Each pass is one file."""

from unspool.passes.biases import bias_names, without_biases
from unspool.passes.chain import chained
from unspool.passes.coefficients import without_coefficients
from unspool.passes.dropout import dropped
from unspool.passes.feedback import ACTIVATIONS, Activation, Draw, fed_back, fed_name
from unspool.passes.force import forced
from unspool.passes.hoist import hoistable, regroup_sums
from unspool.passes.parametrise import Parametrised, parametrised
from unspool.passes.plan import Instruction, Plan, make_plan
from unspool.passes.print_plan import print_plan
from unspool.passes.print_sweep import print_adjoint, print_sweep
from unspool.passes.rewrite import rewrite
from unspool.passes.scan import Scan, scans
from unspool.passes.settle import as_run, settled
from unspool.passes.simplify import simplify
from unspool.passes.stack import StackedProduct, stack_products
from unspool.passes.tangent import tangent
from unspool.passes.zoneout import zoned

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Draw",
    "Instruction",
    "Parametrised",
    "Plan",
    "Scan",
    "StackedProduct",
    "as_run",
    "bias_names",
    "chained",
    "dropped",
    "fed_back",
    "fed_name",
    "forced",
    "hoistable",
    "make_plan",
    "parametrised",
    "print_adjoint",
    "print_plan",
    "print_sweep",
    "regroup_sums",
    "rewrite",
    "scans",
    "settled",
    "simplify",
    "stack_products",
    "tangent",
    "without_biases",
    "without_coefficients",
    "zoned",
]
