"""The spectrum of a network of Cauchy weights with its own gates: from the ensemble to the table of log lambda.

The equations of `cauchy_networks` are solved at sigma after sigma, each from the polynomial through the solutions
nearest to it: upward until little mass is left above, downward until what is left below is known. Above the table
P(s > t) falls like t^-2 times L - 1 equal logarithms, fitted to value and slope at its end.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rmtjac.errors import ConvergenceError, UnsupportedError
from rmtjac.model.activations import Activation
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.stable_field import stable_mean_field
from rmtjac.theory.cauchy_inputs import POINTS, input_sizes
from rmtjac.theory.cauchy_networks import (
    SMALLEST_GATE,
    CauchyEquations,
    CauchyLayer,
    CauchyState,
    InputSizes,
    Resolution,
    extrapolated,
)
from rmtjac.theory.spectrum import AtomicSpectrum, PowerTail, Spectrum
from rmtjac.theory.table_spectrum import LogDensity, TableSpectrum

__all__ = ["CauchySpectrum", "cauchy_network_spectrum"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

COARSE = Resolution(functions=48, inputs=80, gates=32, messages=96, turn=0.45)
START = math.log(4.0)  # of sigma/(sigma_1 ... sigma_L)
STRIDE = 0.5  # of log sigma
HALVINGS = 4
NEIGHBOURS = 4
MOST_STEPS = 150
CHECK_EVERY = 3
TOP, TOP_ERROR = 5e-5, 1e-2  # density of log lambda at the upper end, and its relative error
BOTTOM, EDGE_ERROR = 5e-6, 0.2  # and at a sharp lower edge
SHORTEST_STRIDE = 0.01
SMALL = 1e-3  # where every solution is checked
POWER_MASS, POWER_ERROR = (
    5e-4,
    0.03,
)  # mass that may be left to a power law, and how far the slope may be from it
NOISE = 2e-8  # of tau
SMOOTHNESS, SHARE = 3e-7, 0.3  # of log density: at least, and of the difference between two resolutions
LARGEST_ERROR = 1e-3  # of tau
LARGEST_GAP = 1e-2  # between tau at both ends
MISSING = 1e-4  # of the mass
SOFT_EDGE = 1e-2  # of the mass that may lie below the end of a law which falls faster than any power
SMALLEST_SIGMA, LARGEST_END = 50.0 * SMALLEST_GATE, 1e-2  # with gates of all sizes: where the table ends
PANEL, VARIATION = 6.0, 4.0
FAR_PANEL, FAR = 5.5, 66.0  # where the tail is known
LOGARITHMS = 0.1  # relative error of a tail with logarithms, of which one sort is fitted
EQUAL = 1e-9


def cauchy_network_spectrum(ens: Ensemble, q: Any, inputs: Any, side: str) -> Spectrum:
    """Spectrum of J J^T ("output") or J^T J ("input") of a network of Cauchy weights with its own gates.

    Parameters
    ----------
    ens : Ensemble
        Cauchy weights; bounded activations with |phi(-h)| = |phi(h)|.
    q : None or "stationary"
        "stationary" is the same as inputs="stationary".
    inputs : None or "stationary"
        Gaussian of mean square q0; or phi(s* Z).
    side : "output" or "input"

    Raises
    ------
    UnsupportedError
        For other activations, and for scales or inputs given as numbers.
    HeavyTailError
        For "stationary" without a fixed point of the scale.
    ConvergenceError
        Where the numerics give up.

    Notes
    -----
    Gates of all sizes (tanh, erf): singular values below 1e-3 to 1e-2 are held by gates too small for the
    equations. Their total mass is known, their places are not: `known_from` says where that begins.

    Source: cauchy_networks.md beside this module, HEAVY_TAILS.md sections 1 and 2.
    """
    for phi in ens.activations:
        _check_activation(phi)
    stationary = isinstance(q, str) and q == "stationary" and inputs is None
    if not (q is None or stationary):
        raise UnsupportedError(
            f"q={q!r} with gates='network' and weights={ens.weights.name!r}: the gates come from the input; allowed "
            "are q=None with inputs=None or 'stationary', and q='stationary' alone; population_spectrum takes arrays"
        )
    law = "stationary" if stationary else inputs
    scales = stable_mean_field(ens, law).scale
    widths = ens.widths
    layers = [
        CauchyLayer(phi, sigma_w, after / before, float(scale))
        for phi, sigma_w, before, after, scale in zip(
            ens.activations, ens.sigma_w, widths[:-1], widths[1:], scales, strict=True
        )
    ]
    if any(layer.reach == 0.0 for layer in layers):
        return AtomicSpectrum(np.empty((0, 2)), 1.0)
    march = _March(input_sizes(ens, law, float(scales[0])), layers)
    return march.spectrum(1.0 if side == "input" else widths[-1] / widths[0])


class CauchySpectrum(TableSpectrum):
    """A table with errors of its own.

    Parameters
    ----------
    errors : array (n, 2)
        log lambda, ascending, and the relative error of the density there.
    others
        As in `TableSpectrum`.
    """

    def __init__(
        self,
        log_density: LogDensity,
        ends: Floats,
        mass: float,
        hard_edge_exponent: float,
        power_tail: PowerTail,
        *,
        errors: Floats,
    ) -> None:
        super().__init__(log_density, ends, mass, hard_edge_exponent, power_tail, MISSING)
        self._relative = errors

    def density_error(self, t: Floats) -> tuple[Integers, Floats]:
        return self._with_bounds(t, _relative_error(self._relative, t))


def _relative_error(errors: Floats, t: Floats) -> Floats:
    """Of the density at t, from the places where it was measured."""
    return np.asarray(np.exp(np.interp(t, errors[:, 0], np.log(errors[:, 1]))))


class _March:
    """Solutions of one network, found from one another."""

    def __init__(self, inputs: InputSizes, layers: Sequence[CauchyLayer]) -> None:
        self._fine = CauchyEquations(inputs, layers, Resolution())
        self._coarse = CauchyEquations(inputs, layers, COARSE)
        self._layers = layers
        self._states: list[CauchyState] = []
        self._errors: list[tuple[float, float]] = []

    def spectrum(self, outputs: float) -> Spectrum:
        """The table, of densities per output."""
        self._climb()
        exponent = self._descend()
        top, (power, logs, rate) = 2.0 * self._states[-1].log_sigma, self._tail()
        at_top = self._log_density(top)
        errors = self._relative_errors(self._misfit(top, at_top))

        def log_density(t: Floats) -> tuple[Floats, Floats]:
            beyond = np.maximum(t - top, 0.0)
            result = at_top + logs * np.log1p(rate * beyond) - power * beyond
            for i in np.argsort(-t):
                if t[i] < top:
                    result[i] = self._log_density(float(t[i]))
            return result - math.log(outputs), SMOOTHNESS + SHARE * _relative_error(errors, t)

        ends = np.concatenate([self._panel_ends(), np.arange(top + FAR_PANEL, top + FAR, FAR_PANEL)])
        constant = self._tail_constant / outputs if power == 1.0 else math.nan
        tail = PowerTail(power, len(self._layers) - 1 if power == 1.0 else 0, constant)
        try:
            return CauchySpectrum(log_density, ends, self._mass / outputs, exponent, tail, errors=errors)
        except ConvergenceError:
            # a lower edge may be too soft to be followed to its end: then the law is known above it
            cut = CauchySpectrum(log_density, ends, self._mass / outputs, 0.0, tail, errors=errors)
            if math.isinf(exponent) and cut.tail[1] < SOFT_EDGE * self._mass / outputs:
                return cut
            raise

    # The mass

    @property
    def _is_smooth(self) -> bool:
        """Whether gates have all sizes down to 0."""
        return any(
            abs(layer.activation.derivative(np.array([2.0 * layer.reach]))[0]) > 0.0 for layer in self._layers
        )

    @property
    def _open_units(self) -> list[float]:
        """Units with an open gate per input: of the input itself, and of each layer."""
        units, width = [1.0], 1.0
        for layer in self._layers:
            width *= layer.ratio
            shut = abs(layer.activation.derivative(np.array([2.0 * layer.reach]))[0]) == 0.0
            units.append(width * (2.0 / math.pi * math.atan(layer.reach / layer.scale) if shut else 1.0))
        return units

    @property
    def _mass(self) -> float:
        """Non-zero singular values per input: rank J = min_l of the open units."""
        return min(self._open_units)

    # The march

    def _solved(self, guess: CauchyState) -> CauchyState:
        state = self._fine.solve(guess)
        if not abs(state.gap) < LARGEST_GAP:
            raise ConvergenceError(
                f"Cauchy network at sigma={math.exp(state.log_sigma):.4g}: the trace at input and output differs by "
                f"{abs(state.gap):.1e}, allowed is {LARGEST_GAP:g}"
            )
        return state

    def _at(self, log_sigma: float, halvings: int = HALVINGS) -> CauchyState:
        """The solution there, kept."""
        places = [state.log_sigma for state in self._states]
        i = bisect_left(places, log_sigma)
        near = sorted(
            self._states[max(0, i - NEIGHBOURS) : i + NEIGHBOURS], key=lambda s: abs(s.log_sigma - log_sigma)
        )
        if abs(near[0].log_sigma - log_sigma) < EQUAL:
            return near[0]
        try:
            state = self._solved(extrapolated(near[:NEIGHBOURS], log_sigma))
        except ConvergenceError:
            if not halvings:
                raise
            self._at(0.5 * (near[0].log_sigma + log_sigma), halvings - 1)
            return self._at(log_sigma, halvings - 1)
        self._states.insert(i, state)
        return state

    def _log_density(self, t: float) -> float:
        """Log density of log lambda per input."""
        density = self._at(0.5 * t).trace.imag / math.pi
        if not density > 0.0:
            raise ConvergenceError(f"Cauchy network at sigma={math.exp(0.5 * t):.4g}: density={density:.1e}")
        return math.log(density)

    def _climb(self) -> None:
        """Start, and go up until the density is below TOP, or no longer known to TOP_ERROR."""
        start = START + sum(math.log(layer.sigma_w) for layer in self._layers)
        self._states.append(self._solved(self._fine.cold_start(start)))
        for _ in range(MOST_STEPS):
            state = self._states[-1]
            self._check(state)
            if len(self._states) > 1 and self._errors[-1][1] > TOP_ERROR:
                self._states.pop()
                self._errors.pop()
                return
            if len(self._states) > NEIGHBOURS and state.trace.imag / math.pi < TOP:
                return
            self._at(state.log_sigma + STRIDE)
        raise ConvergenceError(f"Cauchy network: no tail up to sigma={math.exp(state.log_sigma):.3g}")

    def _descend(self) -> float:
        """Go down until the mass below is known; how the density falls there, as an exponent of lambda.

        0 if nobody knows: with gates of all sizes, or where the solver gives up before.
        """
        if self._is_smooth:
            self._descend_to_edge(math.log(SMALLEST_SIGMA))
            if self._states[0].log_sigma > math.log(LARGEST_END):
                raise ConvergenceError(
                    f"Cauchy network: no law below sigma={math.exp(self._states[0].log_sigma):.3g}"
                )
            return 0.0
        narrowest = sum(unit <= self._mass + EQUAL for unit in self._open_units)
        if narrowest == 1:
            self._descend_to_edge(-math.inf)
            return math.inf
        for step in range(MOST_STEPS):
            try:
                state = self._at(self._states[0].log_sigma - STRIDE)
                density = state.trace.imag / math.pi
                if step % CHECK_EVERY == 0 or density < SMALL:
                    self._check(state)
            except ConvergenceError:
                checked = min(place for place, _ in self._errors)
                if checked > math.log(LARGEST_END):
                    raise
                self._states = [state for state in self._states if state.log_sigma >= checked]
                return 0.0
            if density < POWER_MASS / narrowest and abs(self._slope(0) * narrowest - 1.0) < POWER_ERROR:
                return 1.0 / narrowest
        raise ConvergenceError(f"Cauchy network: mass left below sigma={math.exp(state.log_sigma):.3g}")

    def _descend_to_edge(self, end: float) -> None:
        """Go down to log sigma = `end`, or the last place with a density above BOTTOM and an error below EDGE_ERROR.

        Below a sharp edge there is noise alone, or no solution.
        """
        step = STRIDE
        while step > SHORTEST_STRIDE and self._states[0].log_sigma > end:
            lowest, errors = self._states[0], len(self._errors)
            try:
                state = self._at(lowest.log_sigma - step)
                self._check(state)
                clear = state.trace.imag / math.pi > BOTTOM and self._errors[-1][1] < EDGE_ERROR
            except ConvergenceError:
                clear = False
            if not clear:
                self._states = [state for state in self._states if state.log_sigma >= lowest.log_sigma]
                del self._errors[errors:]
                step *= 0.5

    def _panel_ends(self) -> Floats:
        """Places of solutions between which the density varies by e^VARIATION at most, or neighbours."""
        ends = [self._states[-1]]
        for state, below in zip(self._states[-2:0:-1], self._states[-3::-1], strict=True):
            length = 2.0 * (ends[-1].log_sigma - below.log_sigma)
            change = abs(math.log(max(below.trace.imag, NOISE) / max(ends[-1].trace.imag, NOISE)))
            if length > PANEL or change > VARIATION:
                ends.append(state)
        ends.append(self._states[0])
        return np.array([2.0 * state.log_sigma for state in reversed(ends)])

    def _check(self, state: CauchyState) -> None:
        """Solve with fewer nodes and rays turned otherwise, and note how far the density is off."""
        other = self._coarse.solve(self._coarse.adopted(state))
        difference = abs(other.trace.imag - state.trace.imag)
        if not difference < LARGEST_ERROR:
            raise ConvergenceError(
                f"Cauchy network at sigma={math.exp(state.log_sigma):.4g}: two resolutions differ by "
                f"{difference:.1e} in Im tau, allowed is {LARGEST_ERROR:g}"
            )
        self._errors.append((state.log_sigma, (difference + NOISE) / max(state.trace.imag, NOISE)))

    def _relative_errors(self, misfit: float) -> Floats:
        """Log lambda and the relative error there, ascending; above the end the misfit of the tail is added."""
        errors = np.array(sorted(self._errors))
        errors[:, 0] *= 2.0
        best = int(errors[:, 1].argmin())
        # two resolutions may agree by chance; errors grow towards the tail
        errors[best:, 1] = np.maximum.accumulate(errors[best:, 1])
        return np.vstack([errors, errors[-1] + [2.0 * STRIDE, misfit]])

    def _misfit(self, top: float, at_top: float) -> float:
        """Relative error of the tail: from its constant for one layer (cauchy_networks.md), else of logarithms."""
        if len(self._layers) > 1:
            return LOGARITHMS
        return abs(math.exp(at_top + top) / self._tail_constant - 1.0)

    @property
    def _tail_constant(self) -> float:
        """Of the mass above t = log lambda, per input: constant t^(L-1) e^-t (cauchy_networks.md, section 3).

        nan unless each phi behind it has 0 at 0 alone, as a monotone one has.
        """
        inputs, (_, weights, _, d) = self._fine.inputs, self._fine.gates[-1]
        small, masses = inputs.sizes[:POINTS], inputs.masses[:POINTS]
        # of |x^0| at 0: the first nodes are those of (0, a)
        constant = float(masses.sum() ** 2 / (2.0 * masses @ small) * (weights @ d**2))
        for i, layer in enumerate(self._layers):
            constant *= layer.ratio * layer.sigma_w / math.pi
            if i > 0:
                before = self._layers[i - 1].activation
                single = before.derivative_range is not None and before.derivative_range[0] >= 0.0
                constant *= float(before.derivative(np.zeros(1))[0]) / i if single else math.nan
        return constant

    def _slope(self, end: int) -> float:
        """d log density/d log lambda at an end of the march, by a parabola."""
        states = self._states[:3] if end == 0 else self._states[:-4:-1]
        t = np.array([2.0 * state.log_sigma for state in states])
        logs = np.log([max(state.trace.imag, 1e-300) for state in states])
        series = np.polynomial.Polynomial.fit(t - t[0], logs, 2)
        return float(series.deriv()(0.0))

    def _tail(self) -> tuple[float, int, float]:
        """(b, k, r): above its end the density falls like (1 + r y)^k e^(-b y), y the distance in log lambda.

        b = 1 where small inputs of each layer have a bounded density.
        """
        fall, logs = -self._slope(-1), len(self._layers) - 1
        if not all(abs(layer.activation.derivative(np.zeros(1))[0]) > 0.0 for layer in self._layers):
            return fall, 0, 0.0
        return 1.0, logs, (1.0 - fall) / logs if logs and fall < 1.0 else 0.0


def _check_activation(phi: Activation) -> None:
    h = np.geomspace(1e-3, 1e3, 61)
    bounded = phi.range is not None and all(map(math.isfinite, phi.range))
    odd = all(np.allclose(np.abs(f(h)), np.abs(f(-h)), rtol=1e-9) for f in (phi.value, phi.derivative))
    if not (bounded and odd):
        raise UnsupportedError(
            f"activation={phi.name!r} with gates='network' under Cauchy weights: the gates of a heavy-tailed network "
            "depend on its weights, and their law is known for bounded odd activations; allowed are hard_tanh, tanh, "
            "erf, Activations like these, gates='independent' (another law), and population_spectrum or "
            "sample_spectrum instead"
        )
