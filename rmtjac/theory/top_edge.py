"""The largest eigenvalue of a network of identical layers, without the rest of its spectrum."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq

from rmtjac.theory.master_equation import Equation
from rmtjac.theory.normal_form import NormalForm
from rmtjac.theory.readings import evaluate

__all__ = ["log_lam_max"]

# log zeta far below and just below that of the largest gate
FAR, NEAR = -60.0, -1e-12


def log_lam_max(form: NormalForm) -> float:
    """log of the top of the spectrum of identical layers, an atom there included; -inf if every eigenvalue is 0.

    Above the spectrum lambda falls along 0 < zeta < 1 (the largest gate is 1) up to the edge, and rises after it:
    see rmtjac.theory.support. Haar layers may let it fall to the end, where an atom or the law of the gates is.
    """
    eq = form.equation
    if eq is None:
        return -math.inf
    if _slope(eq, FAR) < 0.0 < _slope(eq, NEAR):
        edge = brentq(lambda log_zeta: _slope(eq, log_zeta), FAR, NEAR, xtol=1e-14, rtol=1e-14)
        return eq.log_scale + float(_reading(eq, edge)["value"].real)
    if form.haar and form.layers[0].gates.panels is None:
        # the atom at the product of the largest gates
        return eq.log_scale
    return form.spectrum("output").ends[1]


def _slope(eq: Equation, log_zeta: float) -> float:
    """d log lambda/d log zeta."""
    return float(_reading(eq, log_zeta)["slope"].real)


def _reading(eq: Equation, log_zeta: float) -> np.void:
    at, _ = evaluate(eq, np.array([[complex(log_zeta, math.pi)]]))
    reading: np.void = at[0]
    return reading
