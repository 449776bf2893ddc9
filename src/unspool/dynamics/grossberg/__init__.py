"""Grossberg's networks: short-term memory as differential equations, long-term memory as gated learning."""

from unspool.dynamics.grossberg.additive import Additive
from unspool.dynamics.grossberg.cohen_grossberg import CohenGrossberg, cohen_grossberg
from unspool.dynamics.grossberg.competitive import competitive_field, quenching_threshold, shares
from unspool.dynamics.grossberg.learning import Learner, sampled
from unspool.dynamics.grossberg.load import RecallCurve, recall_against_load
from unspool.dynamics.grossberg.memory import (
    competitive_memory,
    distributed_memory,
    recall_competitive,
    recall_distributed,
)
from unspool.dynamics.grossberg.monitor import EnergyMonitor
from unspool.dynamics.grossberg.shunting import Shunting, feed_forward_field
from unspool.dynamics.grossberg.signals import hybrid, linear, power, saturating, sigmoid, slope
from unspool.dynamics.grossberg.solve import settle, trajectory

__all__ = [
    "Additive",
    "Shunting",
    "feed_forward_field",
    "competitive_field",
    "shares",
    "quenching_threshold",
    "linear",
    "power",
    "saturating",
    "sigmoid",
    "hybrid",
    "slope",
    "Learner",
    "sampled",
    "CohenGrossberg",
    "cohen_grossberg",
    "EnergyMonitor",
    "trajectory",
    "settle",
    "distributed_memory",
    "recall_distributed",
    "competitive_memory",
    "recall_competitive",
    "RecallCurve",
    "recall_against_load",
]
