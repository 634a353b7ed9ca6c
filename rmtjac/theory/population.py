"""Spectra of networks of stable weights with their own gates, by population dynamics: any 0.3 < alpha < 2.

At zeta = s e^(i psi) a population gives the density and, by the Bethe functional, the mass above s, both smeared over
the angle psi. They are smooth in psi, and extrapolated to psi = 0 (HEAVY_TAILS.md section 3).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from rmtjac.errors import HeavyTailError, UnsupportedError, check_choice
from rmtjac.model.activations import Activation
from rmtjac.model.checks import checked_array, checked_integer
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.stable import draw_stable
from rmtjac.model.stable_field import stable_mean_field
from rmtjac.model.streams import RandomSource, entropy_of, stream
from rmtjac.theory.cavity import CavityLayer, DrawInput, Population, tail_constant

__all__ = ["PopulationSpectrum", "population_spectrum"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Progress = Callable[[int, int], None]

SMALLEST_ALPHA = 0.3
SIDES = ("output", "input")
POPULATION_TASK = 3  # 0, 1 and 2 are streams of sampling
ANGLES = np.array([0.4, 0.2, 0.1, 0.05])
FEWEST_POINTS, MOST_POINTS, SMALL_WEIGHT = 12, 500, 0.3
SMALLEST_S, LARGEST_S = 1e-20, 1e20
FEWEST_MEMBERS = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class PopulationSpectrum:
    """Density and distribution of the singular values of J at infinite width, with standard errors.

    Attributes
    ----------
    s : ndarray
        The singular values asked for.
    pdf, pdf_error : ndarray, shape of s
        Density of the singular values > 0, whose integral is 1 - zero_mass.
    sf, sf_error : ndarray, shape of s
        Mass above s.
    zero_mass : float
        Mass of the singular values 0, from the mean field: no estimate.
    traces, trace_errors : ndarray of complex and of float, shape of s + (L + 1,)
        1 - x E g at x = -i s e^(0.05 i), as each of the layers 0..L has it: in a stationary state they agree.
    entropy : int
        The seed: `rng=entropy` gives the same numbers again.
    """

    s: Floats
    pdf: Floats
    pdf_error: Floats
    sf: Floats
    sf_error: Floats
    zero_mass: float
    traces: Complexes
    trace_errors: Floats
    entropy: int

    def __post_init__(self) -> None:
        for name in ("s", "pdf", "pdf_error", "sf", "sf_error", "traces", "trace_errors"):
            getattr(self, name).flags.writeable = False

    @property
    def trace_gap(self) -> Floats:
        """Largest distance of a layer's trace from the mean of all, in standard errors; shape of s.

        Far above 5, the populations have not forgotten their start, and need more sweeps.
        """
        distance = np.abs(self.traces - self.traces.mean(axis=-1, keepdims=True))
        return np.asarray((distance / self.trace_errors).max(axis=-1))


def population_spectrum(
    ens: Ensemble,
    s: npt.ArrayLike,
    inputs: npt.ArrayLike | str | None = None,
    side: str = "output",
    members: int = 4000,
    sweeps: int = 40,
    populations: int = 16,
    rng: RandomSource = None,
    progress: Progress | None = None,
) -> PopulationSpectrum:
    """Density and distribution of the singular values of J whose gates depend on its stable weights.

    Parameters
    ----------
    ens : Ensemble
        Of stable weights, 0.3 < alpha < 2; activations before the last layer are bounded. Widths count as ratios.
    s : float or array
        Singular values, 1e-20 to 1e20.
    inputs : None, "stationary" or array (n_0,)
        x^0, as in `sample_spectrum`: Gaussian of mean square q0; phi(s* Z); or this one, whose entries stand for
        their law.
    side : {"output", "input"}
        Masses are those of J J^T (1/n_L each), or of J^T J (1/n_0 each).
    members : int
        Members of every law of a population, >= 100; the bias is of the order 1/members.
    sweeps : int
        Measured ones, >= 2; half as many go before.
    populations : int
        Independent ones, >= 2; they give the standard errors, which fall like
        (members * sweeps * populations)^(-1/2).
    rng : None, int, SeedSequence or Generator
        Every population at every s has its own stream: results do not depend on which other s are asked for.
    progress : callable, optional
        progress(done, total) at the start and after each of the s.size * populations populations.

    Raises
    ------
    HeavyTailError
        If an activation before the last layer is not known to be bounded, or for inputs="stationary" without a
        fixed point.
    UnsupportedError
        For other weights, and where no gate of a layer is open.
    ValueError, TypeError
        For other arguments outside their range.

    Notes
    -----
    Infinite width; the equations are those of a local tree, not proved. The defaults take about 10 s per layer and s,
    and for s near 1 the errors are below 1 %. Where the law is not smooth within 0.4 s of s, as near an edge, its
    extrapolation is uncertain: the difference of two of them is a part of `pdf_error` and `sf_error`.
    Source: HEAVY_TAILS.md sections 1 and 3.
    """
    check_choice("side", side, SIDES)
    places = checked_array("s", s)
    if not ((places >= SMALLEST_S) & (places <= LARGEST_S)).all():
        raise ValueError(f"s={s!r}: allowed are numbers from {SMALLEST_S:g} to {LARGEST_S:g}")
    members, sweeps = (
        checked_integer("members", members, FEWEST_MEMBERS),
        checked_integer("sweeps", sweeps, 2),
    )
    populations, entropy = checked_integer("populations", populations, 2), entropy_of(rng)
    layers, open_mass = _cavity_layers(ens, inputs)
    make = partial(Population, layers, ens.weights.alpha, _input_law(ens, inputs), members, _points(ens))
    traces = np.empty((places.size, populations, ens.depth + 1, ANGLES.size), np.complex128)
    phases = np.empty((places.size, populations, ANGLES.size))
    report = progress or (lambda done, total: None)
    report(0, places.size * populations)
    for i, value in enumerate(places.ravel()):
        for k in range(populations):
            population = make(-1j * value * np.exp(1j * ANGLES), _stream(entropy, k, float(value)))
            traces[i, k], phases[i, k] = _measured(population, sweeps)
            report(i * populations + k + 1, places.size * populations)
    outputs = layers[-1].share
    density, above = _smeared(places.ravel(), traces, phases, open_mass, outputs)
    unit = outputs if side == "output" else 1.0
    (pdf, pdf_error), (sf, sf_error) = (
        [part.reshape(places.shape) for part in _extrapolated(values / unit)] for values in (density, above)
    )
    return PopulationSpectrum(
        s=places,
        pdf=pdf,
        pdf_error=pdf_error,
        sf=sf,
        sf_error=sf_error,
        zero_mass=1.0 - open_mass / unit,
        traces=traces[..., -1].mean(axis=1).reshape((*places.shape, -1)),
        trace_errors=_standard_error(traces[..., -1]).reshape((*places.shape, -1)),
        entropy=entropy,
    )


def _cavity_layers(ens: Ensemble, inputs: npt.ArrayLike | str | None) -> tuple[list[CavityLayer], float]:
    """The layers, and the number of singular values > 0 over n_0: min(n_0, min_l n_l P(phi' != 0))/n_0."""
    if not SMALLEST_ALPHA < ens.weights.alpha < 2.0:
        raise UnsupportedError(
            f"weights={ens.weights.name!r}: allowed are cauchy and stable:ALPHA with {SMALLEST_ALPHA} < ALPHA < 2; "
            "spectral_law has the laws of weights of finite variance"
        )
    for phi in ens.activations[:-1]:
        if not math.isfinite(_largest(phi)):
            raise HeavyTailError(
                f"activation={phi.name!r} before the last layer: E|phi|^alpha is not known to be finite; allowed are "
                "bounded activations"
            )
    field = stable_mean_field(ens, inputs)
    shares = [n / ens.widths[0] for n in ens.widths]
    biases = (
        ens.sigma_b if isinstance(ens.sigma_b, tuple) else (0.0,) * ens.depth
    )  # one column of W is no weight
    open_mass = min(1.0, *(share * float(p) for share, p in zip(shares[1:], field.gate_open, strict=True)))
    if not open_mass > 0.0:
        raise UnsupportedError(
            f"gates of {ens!r}: no gate of a layer is open; allowed are laws with open gates"
        )
    layers = [
        CavityLayer(
            value=phi.value,
            derivative=phi.derivative,
            largest=_largest(phi),
            scale=float(field.scale[i]),
            sigma_w=ens.sigma_w[i],
            sigma_b=biases[i],
            growth=shares[i + 1] / shares[i],
            share=shares[i + 1],
        )
        for i, phi in enumerate(ens.activations)
    ]
    return layers, open_mass


def _points(ens: Ensemble) -> int:
    """So many weights of a neuron are drawn that the others, through which gates count as they are, are below 0.3."""
    alpha = ens.weights.alpha
    number = tail_constant(alpha) * (max(ens.sigma_w) / SMALL_WEIGHT) ** alpha
    return int(np.clip(math.ceil(number), FEWEST_POINTS, MOST_POINTS))


def _largest(phi: Activation) -> float:
    """Bound on |phi|; inf where none is known."""
    return math.inf if phi.range is None else max(map(abs, phi.range))


def _input_law(ens: Ensemble, inputs: npt.ArrayLike | str | None) -> DrawInput:
    """How |x^0_j| is drawn; `inputs` has been checked with the mean field."""
    if inputs is None:
        return lambda rng, n: np.abs(math.sqrt(ens.q0) * rng.standard_normal(n))
    if isinstance(inputs, str):
        phi, alpha = ens.activations[0], ens.weights.alpha
        scale = stable_mean_field(ens).scale_star
        return lambda rng, n: np.abs(phi.value(scale * draw_stable(rng, (n,), alpha)))
    sizes = np.abs(checked_array("inputs", inputs))
    return lambda rng, n: rng.choice(sizes, n)


def _stream(entropy: int, population: int, s: float) -> np.random.Generator:
    """The stream of one population at one s: neighbours that shared theirs would share their outliers."""
    low, high = (int(word) for word in np.array([s]).view(np.uint32))
    return stream(entropy, POPULATION_TASK, population, high, low)


def _measured(population: Population, sweeps: int) -> tuple[Complexes, Floats]:
    """Mean traces and phases of `sweeps` sweeps, after half as many that go before."""
    for _ in range(sweeps // 2):
        population.sweep()
    readings = [population.sweep() for _ in range(sweeps)]
    return np.mean([one.traces for one in readings], axis=0), np.mean(
        [one.phases for one in readings], axis=0
    )


def _smeared(
    s: Floats, traces: Complexes, phases: Floats, open_mass: float, outputs: float
) -> tuple[Floats, Floats]:
    """Density of the singular values > 0 and mass above s at every angle, per input; shape (s, populations, angles).

    The mass at 0 is taken out of the trace 1 - x E g. Singular values below s turn the phase by pi - 2 psi each,
    zeros too, those above it by nothing.
    """
    x = -1j * s[:, None, None] * np.exp(1j * ANGLES)
    density = (2.0 / math.pi) * ((open_mass - traces.mean(axis=2)) / x).real
    above = 0.5 * (1.0 + outputs) + phases / (math.pi - 2.0 * ANGLES)
    return density, above


def _extrapolated(values: Floats) -> tuple[Floats, Floats]:
    """Values at psi = 0 by a parabola through those at `ANGLES`, the last axis, and their errors.

    An error is the standard error over the populations, axis 1, and the distance to the cubic extrapolation.
    """
    parabola, cubic = (np.linalg.pinv(np.vander(ANGLES, degree + 1, increasing=True))[0] for degree in (2, 3))
    at_zero = values @ parabola
    distance = (at_zero - values @ cubic).mean(axis=1)
    return at_zero.mean(axis=1), np.hypot(_standard_error(at_zero), distance)


def _standard_error(values: npt.NDArray[np.inexact]) -> Floats:
    """Of means over axis 1; of complex numbers, that of their distance."""
    return np.asarray(values.std(axis=1, ddof=1) / math.sqrt(values.shape[1]), dtype=np.float64)
