"""A recurrent network as a dynamical system: why it remembers or forgets."""

from unspool.dynamics.bounds import GradientBounds, gradient_bounds
from unspool.dynamics.certificate import Certificate, certificate
from unspool.dynamics.classics import henon, lorenz63, lorenz96, rossler
from unspool.dynamics.continuation import Bifurcation, Branch, continue_fixed_point
from unspool.dynamics.cycles import Cycles, cycles
from unspool.dynamics.diagnosis import Diagnosis, diagnose
from unspool.dynamics.fixed_points import FixedPoints, fixed_points
from unspool.dynamics.flossing import finite_time_exponents, flossing
from unspool.dynamics.functions import FunctionSystem, flow_system, function_system
from unspool.dynamics.generator import Reading, generator_of, residual_of
from unspool.dynamics.gradients import BackpropagationTerms, LossGradients, backpropagation_terms, loss_gradients
from unspool.dynamics.horizon import GradientHorizon, gradient_horizon, time_constants
from unspool.dynamics.inputs import inputs_from_file
from unspool.dynamics.inspection import Inspection, inspect
from unspool.dynamics.inspection_json import inspection_to_json
from unspool.dynamics.integrate import Integration, integrate
from unspool.dynamics.lyapunov import LyapunovSpectrum, kaplan_yorke, lyapunov_spectrum, product_spectrum
from unspool.dynamics.memory import UnitMemory, unit_memory
from unspool.dynamics.monitor import HorizonMonitor
from unspool.dynamics.ode import Ode, as_ode
from unspool.dynamics.omega import omega
from unspool.dynamics.piecewise import is_piecewise_linear
from unspool.dynamics.plane import Plane, Portrait, phase_portrait, plane_through
from unspool.dynamics.reconstruct import Reconstruction, reconstruct
from unspool.dynamics.reconstruction import ReconstructionScores, reconstruction_scores
from unspool.dynamics.remedies import Remedy, remedies
from unspool.dynamics.spectrum import JacobianSpectrum, jacobian_spectrum
from unspool.dynamics.stability import Stability, stability_of
from unspool.dynamics.system import LayerSystem, System, as_system, system_of
from unspool.dynamics.watched import WatchedRun, watch
from unspool.dynamics.weights import layer_from_file

__all__ = [
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
]
