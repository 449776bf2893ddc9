"""From a step graph to a plan for running it over time. Each pass is one file."""

from unspool.passes.biases import bias_names, without_biases
from unspool.passes.chain import chained
from unspool.passes.coefficients import without_coefficients
from unspool.passes.feedback import ACTIVATIONS, Activation, fed_back, fed_name
from unspool.passes.force import forced
from unspool.passes.hoist import hoistable, regroup_sums
from unspool.passes.plan import Instruction, Plan, make_plan
from unspool.passes.print_plan import print_plan
from unspool.passes.print_sweep import print_adjoint, print_sweep
from unspool.passes.rewrite import rewrite
from unspool.passes.scan import Scan, scans
from unspool.passes.simplify import simplify
from unspool.passes.stack import StackedProduct, stack_products
from unspool.passes.tangent import tangent

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Instruction",
    "Plan",
    "Scan",
    "StackedProduct",
    "bias_names",
    "chained",
    "fed_back",
    "fed_name",
    "forced",
    "hoistable",
    "make_plan",
    "print_adjoint",
    "print_plan",
    "print_sweep",
    "regroup_sums",
    "rewrite",
    "scans",
    "simplify",
    "stack_products",
    "tangent",
    "without_biases",
    "without_coefficients",
]
