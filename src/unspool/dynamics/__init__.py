"""A recurrent network as a dynamical system: why it remembers or forgets."""

from unspool.dynamics.equation.certificate import Certificate, certificate
from unspool.dynamics.equation.generator import Reading, generator_of, residual_of
from unspool.dynamics.equation.integrate import Integration, integrate
from unspool.dynamics.equation.ode import Ode, as_ode
from unspool.dynamics.equilibria.continuation import Bifurcation, Branch, continue_fixed_point
from unspool.dynamics.equilibria.cycles import Cycles, cycles
from unspool.dynamics.equilibria.fixed_points import FixedPoints, fixed_points
from unspool.dynamics.equilibria.piecewise import is_piecewise_linear
from unspool.dynamics.equilibria.plane import Plane, Portrait, phase_portrait, plane_through
from unspool.dynamics.equilibria.stability import Stability, stability_of
from unspool.dynamics.gradients.backpropagation import (
    BackpropagationTerms,
    LossGradients,
    backpropagation_terms,
    loss_gradients,
)
from unspool.dynamics.gradients.bounds import GradientBounds, gradient_bounds
from unspool.dynamics.gradients.flossing import finite_time_exponents, flossing
from unspool.dynamics.gradients.horizon import GradientHorizon, gradient_horizon, time_constants
from unspool.dynamics.gradients.memory import UnitMemory, unit_memory
from unspool.dynamics.gradients.monitor import HorizonMonitor
from unspool.dynamics.gradients.omega import omega
from unspool.dynamics.gradients.remedies import Advice, Remedy, remedies
from unspool.dynamics.gradients.watched import WatchedRun, watch
from unspool.dynamics.inspection.as_json import inspection_to_json
from unspool.dynamics.inspection.diagnosis import Diagnosis, diagnose
from unspool.dynamics.inspection.inputs import inputs_from_file
from unspool.dynamics.inspection.inspection import Inspection, inspect
from unspool.dynamics.inspection.weights import layer_from_file
from unspool.dynamics.reconstruction.reconstruct import Reconstruction, reconstruct
from unspool.dynamics.reconstruction.scores import ReconstructionScores, reconstruction_scores
from unspool.dynamics.spectra.lyapunov import LyapunovSpectrum, kaplan_yorke, lyapunov_spectrum, product_spectrum
from unspool.dynamics.spectra.spectrum import JacobianSpectrum, jacobian_spectrum
from unspool.dynamics.systems.classics import henon, lorenz63, lorenz96, rossler
from unspool.dynamics.systems.functions import FunctionSystem, flow_system, function_system
from unspool.dynamics.systems.system import LayerSystem, System, as_system, system_of

__all__ = [
    "Ode",
    "as_ode",
    "Integration",
    "integrate",
    "Certificate",
    "certificate",
    "Reading",
    "generator_of",
    "residual_of",
    "LyapunovSpectrum",
    "lyapunov_spectrum",
    "product_spectrum",
    "kaplan_yorke",
    "JacobianSpectrum",
    "jacobian_spectrum",
    "BackpropagationTerms",
    "LossGradients",
    "backpropagation_terms",
    "loss_gradients",
    "GradientHorizon",
    "gradient_horizon",
    "time_constants",
    "GradientBounds",
    "gradient_bounds",
    "UnitMemory",
    "unit_memory",
    "HorizonMonitor",
    "WatchedRun",
    "watch",
    "omega",
    "finite_time_exponents",
    "flossing",
    "Advice",
    "Remedy",
    "remedies",
    "FixedPoints",
    "fixed_points",
    "Stability",
    "stability_of",
    "Cycles",
    "cycles",
    "is_piecewise_linear",
    "Bifurcation",
    "Branch",
    "continue_fixed_point",
    "Plane",
    "Portrait",
    "phase_portrait",
    "plane_through",
    "ReconstructionScores",
    "reconstruction_scores",
    "Reconstruction",
    "reconstruct",
    "Inspection",
    "inspect",
    "inspection_to_json",
    "Diagnosis",
    "diagnose",
    "layer_from_file",
    "inputs_from_file",
    "System",
    "LayerSystem",
    "as_system",
    "system_of",
    "FunctionSystem",
    "function_system",
    "flow_system",
    "henon",
    "lorenz63",
    "lorenz96",
    "rossler",
]
