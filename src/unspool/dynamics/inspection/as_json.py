"""An inspection for programs: what JSON can hold of it.

JSON has no infinity and no NaN: an infinite number is the text "Infinity" or "-Infinity", which Python's `float` and
JavaScript's `Number` read; a number that is not known is null. A complex number is [real, imaginary].
"""

import math
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from unspool.dynamics.equation.certificate import Certificate
from unspool.dynamics.equation.ode import Ode
from unspool.dynamics.gradients.horizon import GradientHorizon
from unspool.dynamics.gradients.memory import UnitMemory
from unspool.dynamics.inspection.inspection import Inspection
from unspool.dynamics.spectra.spectrum import JacobianSpectrum


def inspection_to_json(found: Inspection) -> dict[str, Any]:
    """The results under their own names; null for one that is missing, with the reason under `missing`."""
    plain = {
        "cell": found.cell,
        "num_layers": found.num_layers,
        "input_size": found.input_size,
        "state_size": found.size,
        "course": {
            "driven": found.driven,
            "sequences": found.sequences,
            "steps": found.steps,
            "escaped": found.escaped,
        },
        "needed": found.needed,
        "diagnosis": asdict(found.diagnosis),
        "spectrum": found.spectrum and _spectrum(found.spectrum),
        "lyapunov": found.lyapunov and asdict(found.lyapunov),
        "horizon": found.horizon and _horizon(found.horizon),
        "memory": found.memory and [_memory(m) for m in found.memory],
        "fixed_points": found.fixed_points and asdict(found.fixed_points),
        "odes": {reading: _ode(ode) for reading, ode in found.odes.items()},
        "certificate": found.certificate and _certificate(found.certificate),
        "remedies": [asdict(r) for r in found.remedies],
        "missing": dict(found.missing),
    }
    return _plain(plain)


def _plain(value: Any) -> Any:
    match value:
        case Tensor():
            return _plain((torch.view_as_real(value) if value.is_complex() else value).tolist())
        case dict():
            return {key: _plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_plain(entry) for entry in value]
        case float() if math.isnan(value):
            return None
        case float() if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
    return value


def _range(values: Tensor) -> dict[str, float]:
    """Over the states that were looked at."""
    values = values.double().flatten()
    return {"lowest": float(values.min()), "median": float(values.median()), "highest": float(values.max())}


def _spectrum(found: JacobianSpectrum) -> dict[str, Any]:
    return {
        "states": len(found.eigenvalues),
        "radius": _range(found.radius),
        "norm": _range(found.norm),
        "outside": _range(found.outside),
        "eigenvalues": found.eigenvalues,
    }


def _horizon(found: GradientHorizon) -> dict[str, Any]:
    bounds = found.bounds
    return asdict(found) | {
        "time_constant": found.time_constant,
        "expected": found.expected,
        "growth": found.growth,
        "bounds": bounds and asdict(bounds) | {"must_vanish": bounds.must_vanish, "may_explode": bounds.may_explode},
    }


def _memory(found: UnitMemory) -> dict[str, Any]:
    return asdict(found) | {"time_constants": found.time_constants}


def _ode(found: Ode) -> dict[str, Any]:
    return {
        "active": int(found.active.sum()),
        "time_constants": found.time_constants,
        "stiffness": found.stiffness,
        "largest_step": found.largest_step,
        "residual": found.residual,
        "eigenvalues": found.eigenvalues,
    }


def _certificate(found: Certificate) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "epsilon": found.epsilon,
        "agreement": found.agreement,
        "error": _range(found.error),
        "distance": _range(found.distance),
        "disagreement": float(found.disagreement.double().mean()),
        "exact_flow": float(found.exact_flow.double().mean()),
        "inactive": float(found.inactive.mean()),
    }
