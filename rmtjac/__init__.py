"""Spectra of the input-output Jacobian of random deep networks.

Theory at infinite width, sampling at finite width, and the comparison of the two. Public names are imported
when first used, so that `import rmtjac` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Activation": "rmtjac.model.activations",
    "WeightLaw": "rmtjac.model.weights",
    "Ensemble": "rmtjac.model.ensemble",
    "Network": "rmtjac.model.network",
    "DifferentiableMap": "rmtjac.model.differentiable_map",
    "torch_map": "rmtjac.model.torch_map",
    "load_network": "rmtjac.model.load_network",
    "mean_field": "rmtjac.model.meanfield",
    "spectral_law": "rmtjac.theory.network_law",
    "SpectralLaw": "rmtjac.theory.spectral_law",
    "generating_function": "rmtjac.theory.generating_function",
    "stable_product_law": "rmtjac.theory.stable_law",
    "population_spectrum": "rmtjac.theory.population",
    "PopulationSpectrum": "rmtjac.theory.population",
    "phase_diagram": "rmtjac.theory.phase",
    "marchenko_pastur": "rmtjac.theory.exact",
    "fuss_catalan": "rmtjac.theory.exact",
    "critical_depth_limit": "rmtjac.theory.exact",
    "sample_spectrum": "rmtjac.sampling.spectrum",
    "estimate_spectrum": "rmtjac.sampling.lanczos",
    "realised_gates": "rmtjac.sampling.realised_gates",
    "sample_shard": "rmtjac.sampling.spectrum",
    "merge_journals": "rmtjac.sampling.spectrum",
    "SpectrumSample": "rmtjac.sampling.sample",
    "load_sample": "rmtjac.sampling.sample",
    "tracy_widom": "rmtjac.theory.tracy_widom",
    "compare": "rmtjac.comparison.compare",
    "compare_samples": "rmtjac.comparison.two_samples",
    "fit_tail": "rmtjac.comparison.tails",
    "TailFit": "rmtjac.comparison.tails",
    "weight_spectrum": "rmtjac.comparison.weight_spectrum",
    "WeightSpectrum": "rmtjac.comparison.weight_spectrum",
    "inspect_network": "rmtjac.comparison.inspection",
    "Inspection": "rmtjac.comparison.inspection",
    "realised_laws": "rmtjac.comparison.realised_laws",
    "basins": "rmtjac.linkage.basins",
    "Basins": "rmtjac.linkage.basins",
    "fixed_point_census": "rmtjac.linkage.census",
    "Census": "rmtjac.linkage.census",
    "plane_starts": "rmtjac.linkage.starts",
    "find_fixed_points": "rmtjac.linkage.fixed_points",
    "FixedPoints": "rmtjac.linkage.fixed_points",
    "contraction_map": "rmtjac.linkage.contraction",
    "ContractionMap": "rmtjac.linkage.contraction",
    "spectral_norm": "rmtjac.linkage.norms",
    "spectral_radius": "rmtjac.linkage.norms",
    "predict_norm": "rmtjac.linkage.norms",
    "product_of_norms": "rmtjac.linkage.norm_bounds",
    "certified_norm_bound": "rmtjac.linkage.norm_bounds",
    "solve_fixed_point": "rmtjac.linkage.solvers.solve",
    "FixedPointSolution": "rmtjac.linkage.solvers.solution",
    "FixedPointSolutions": "rmtjac.linkage.solvers.solution",
    "solver_prediction": "rmtjac.linkage.solvers.prediction",
    "SolverPrediction": "rmtjac.linkage.solvers.prediction",
    "fixed_point_sensitivity": "rmtjac.linkage.solvers.sensitivity",
    "FixedPointSensitivity": "rmtjac.linkage.solvers.sensitivity",
    "certify_contraction": "rmtjac.linkage.certificates.certify",
    "Contraction": "rmtjac.linkage.certificates.contraction",
    "largest_certified_radius": "rmtjac.linkage.certificates.largest",
    "contraction_regions": "rmtjac.linkage.certificates.fixed_point_regions",
    "ContractionRegions": "rmtjac.linkage.certificates.fixed_point_regions",
    "Interval": "rmtjac.linkage.certificates.interval",
    "looped": "rmtjac.linkage.looped",
    "LoopedNetwork": "rmtjac.linkage.looped",
    "sample_looped_layer": "rmtjac.linkage.looped",
    "certify_looped_regions": "rmtjac.linkage.looped_regions",
    "LoopedRegions": "rmtjac.linkage.looped_regions",
    "certify_looped_count": "rmtjac.linkage.looped_count",
    "LoopedCount": "rmtjac.linkage.looped_count",
    "certify_tubes": "rmtjac.linkage.looped_tubes",
    "robust_error_bound": "rmtjac.linkage.robust_iteration",
    "robust_iteration": "rmtjac.linkage.robust_iteration",
    "RobustIteration": "rmtjac.linkage.robust_iteration",
    "ConvergenceError": "rmtjac.errors",
    "ExecutorError": "rmtjac.errors",
    "HeavyTailError": "rmtjac.errors",
    "MemoryLimitError": "rmtjac.errors",
    "UnsupportedError": "rmtjac.errors",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rmtjac' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
