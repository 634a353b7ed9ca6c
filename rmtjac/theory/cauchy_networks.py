"""The law of networks with Cauchy weights whose gates depend on these: its equations and their solution at one sigma.

The derivation is in cauchy_networks.md. Unknown are functions of one variable, two for each matrix W_l: `forward`
f_l(v), from the joint law of h^l and of what the rows of W_l collect from the input side, and `backward` g_{l-1}(u),
from the law of what a unit of layer l - 1 collects from the output side, u its size in units of |x^{l-1}|. With |x| the
sizes of the units that feed layer l, d = |phi'(h)|, and x_in x_out = -sigma^2,

    f_l(v)     = 2 s_l v + (4 sigma_w/pi) int_v^inf (1 - v^2/u^2)^(1/2) G_{l-1}(u) du
    g_{l-1}(u) = (8 sigma_w/pi^2) (n_l/n_{l-1}) int_0^u (1 - v^2/u^2)^(1/2) K_l(v) dv
    G_0(u)     = E |x| exp(-x_in x^2 u^2 - |x| u g_0(u))
    G_l(u)     = int dh |x| exp(-|x| u g_l(u)) R_l(|x| u/d; h)
    R_l(r; h)  = density(h) - (4 r^2/pi) int_0^inf dv sum_+- ((f_l +- 2ivh)^2 + 4 r^2)^(-3/2)
    K_l(v)     = 12 int_0^inf dh sum_+- a int_0^inf m (1 - exp(-d m g_l(d m/|x|))) (a^2 + 4 m^2)^(-5/2) dm
    K_L(v)     = int_0^inf dh sum_+- int_0^inf r exp(-a r - x_out r^2/d^2) dr,            a = f_l(v) +- 2ivh.

The trace tau = 1 - x_in E int 2 r exp(-x_in r^2 - r g_0(r/|x|)) dr is the same at every layer, up to n_l, and
Im tau/pi is the density of log lambda. At the output it is computed once more: the gap between both is a measure of
all errors of quadrature.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rmtjac.errors import ConvergenceError
from rmtjac.model.activations import Activation
from rmtjac.theory.cauchy_kernels import backward_sums, gate_sums, input_sums, lagrange_matrix
from rmtjac.theory.cauchy_quadrature import (
    first_moment,
    lagrange_weights,
    lower_integral,
    mean_exponential,
    second_moment,
    unit_nodes,
    upper_integral,
)

__all__ = ["CauchyEquations", "CauchyLayer", "CauchyState", "InputSizes", "Resolution", "extrapolated"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

SMALLEST_GATE = 2e-5  # gates with smaller |phi'| count as closed
LARGEST_H = 2.0**20
GRADE = 4  # nodes h = h_max y^4: what large u see are small h
LARGEST_TURN, SMALLEST_TURN = 0.3, 0.03
TURN = 0.55  # of the angle at which exp(-a r) stops decaying
TOLERANCE = 1e-8
MOST_MAPS = 80
MEMORY = 5
COLD_ROUNDS, COLD_MAPS = 8, 3


@dataclass(frozen=True)
class Resolution:
    """Numbers of nodes: of the unknown functions, of the first integral, of gates and of messages to inner layers."""

    functions: int = 64
    inputs: int = 96
    gates: int = 36
    messages: int = 100
    turn: float = TURN


@dataclass(frozen=True, eq=False)
class InputSizes:
    """The law of |x^0| > 0: nodes `sizes` and their `masses`; what is missing to 1 are inputs that are 0."""

    sizes: Floats
    masses: Floats


@dataclass(frozen=True, eq=False)
class CauchyLayer:
    """One layer: its activation, odd and bounded; sigma_w; n_l/n_{l-1}; the scale s_l of its pre-activations."""

    activation: Activation
    sigma_w: float
    ratio: float
    scale: float

    @property
    def reach(self) -> float:
        """The largest h > 0 with an open gate, to rounding; 0 without any."""
        h = np.concatenate([[0.0], np.geomspace(1e-6, LARGEST_H, 2000)])
        opened = np.flatnonzero(np.abs(self.activation.derivative(h)) >= SMALLEST_GATE)
        if not opened.size:
            return 0.0
        low, high = h[opened[-1]], h[min(opened[-1] + 1, h.size - 1)]
        while high - low > 4e-16 * high:
            middle = 0.5 * (low + high)
            if abs(self.activation.derivative(np.array([middle]))[0]) >= SMALLEST_GATE:
                low = middle
            else:
                high = middle
        return float(low)

    def density(self, h: Floats) -> Floats:
        return self.scale / (math.pi * (self.scale**2 + h * h))


@dataclass(frozen=True, eq=False)
class CauchyState:
    """A solution at sigma = e^log_sigma.

    Attributes
    ----------
    log_scales : array (2L - 1,)
        Logs of the units of v and u of each W_l, and of m of each inner layer.
    messages : array (L, functions)
        backward g_l(u) (1 + 1/u) in these units, at the nodes u = z/(1 - z).
    trace, gap : complex
        tau, and how much its value at the output is off.
    """

    log_sigma: float
    log_scales: Floats
    messages: Complexes
    trace: complex
    gap: complex


def extrapolated(states: Sequence[CauchyState], log_sigma: float) -> CauchyState:
    """The polynomial through `states`, at log_sigma."""
    places = [state.log_sigma for state in states]
    weights = [
        math.prod((log_sigma - other) / (place - other) for other in places if other != place)
        for place in places
    ]
    pairs = list(zip(weights, states, strict=True))
    return CauchyState(
        log_sigma,
        np.asarray(sum(weight * state.log_scales for weight, state in pairs)),
        np.asarray(sum(weight * state.messages for weight, state in pairs)),
        sum(weight * state.trace for weight, state in pairs),
        0j,
    )


class CauchyEquations:
    """The equations of one network.

    Parameters
    ----------
    inputs : InputSizes
    layers : sequence of CauchyLayer
        From the input to the output; every `reach` > 0.
    resolution : Resolution

    Raises
    ------
    ConvergenceError
        If gates are open far beyond the scale of their h.
    """

    def __init__(self, inputs: InputSizes, layers: Sequence[CauchyLayer], resolution: Resolution) -> None:
        self.inputs = inputs
        self.layers = list(layers)
        self.outputs = math.prod(layer.ratio for layer in layers)
        self.gates = [_gate_nodes(layer, resolution.gates) for layer in layers]
        angle = min(math.atan(layer.scale / layer.reach) for layer in layers)
        self.chi = min(LARGEST_TURN, resolution.turn * angle)
        if not self.chi > SMALLEST_TURN:
            raise ConvergenceError(
                f"Cauchy network with pre-activations of scale {min(layer.scale for layer in layers):.3g} and gates "
                f"open up to {max(layer.reach for layer in layers):.3g}: their ratio is too large for the method"
            )
        count = resolution.functions
        self.z, self.weights = unit_nodes(count)
        self.lagrange = lagrange_weights(count)
        # exp(-x_in r^2) turns the more often before it decays, the less it is rotated
        first = round(resolution.inputs * max(1.0, LARGEST_TURN / self.chi))
        self.u_nodes = [unit_nodes(n) for n in [first] + [count] * (len(layers) - 1)]
        self.m_nodes = unit_nodes(resolution.messages)

    def cold_start(self, log_sigma: float) -> CauchyState:
        """Messages to start from at a large sigma, and their units."""
        depth, root = len(self.layers), math.exp(0.5 * log_sigma)
        messages = np.full((depth, self.z.size), 0.5 / root, dtype=np.complex128)
        messages *= np.exp(1j * (0.25 * math.pi - self.chi))
        log_scales = np.concatenate([np.zeros(depth), np.full(depth - 1, math.log(root))])
        state = CauchyState(log_sigma, log_scales, messages, 0j, 0j)
        for _ in range(COLD_ROUNDS):
            point = _Point(self, log_sigma, state.log_scales)
            values = state.messages
            for _ in range(COLD_MAPS):
                values = point.mapped(values)
            moved = point.at_own_scales(values)
            change = np.abs(moved.log_scales - state.log_scales).max()
            state = moved
            if not change > 0.1:
                break
        return state

    def adopted(self, state: CauchyState) -> CauchyState:
        """A state of the same network at another resolution, at the nodes of this one."""
        count = state.messages.shape[1]
        matrix = lagrange_matrix(unit_nodes(count)[0], lagrange_weights(count), self.z)
        return replace(state, messages=np.array([_times(matrix, message) for message in state.messages]))

    def solve(self, guess: CauchyState) -> CauchyState:
        """The solution at the sigma of a `guess`.

        Raises
        ------
        ConvergenceError
            If the iteration does not converge, or leaves the half-planes where the equations hold.
        """
        with np.errstate(all="ignore"):
            point = _Point(self, guess.log_sigma, guess.log_scales)
            messages = _fixed_point(point.mapped, guess.messages)
            where = f"sigma={math.exp(guess.log_sigma):.4g}"
            if messages is None:
                raise ConvergenceError(
                    f"Cauchy network at {where}: the fixed-point iteration did not converge"
                )
            if not (messages[:, -1].real.min() > 0.0 and min(f.real.min() for f in point.forward) > 0.0):
                raise ConvergenceError(f"Cauchy network at {where}: a message left the right half-plane")
            return point.at_own_scales(messages)


class _Point:
    """The equations at one sigma in given units; `mapped` goes once up and once down the layers."""

    def __init__(self, equations: CauchyEquations, log_sigma: float, log_scales: Floats) -> None:
        self.equations, self.log_sigma, self.log_scales = equations, log_sigma, log_scales
        depth = len(equations.layers)
        scales = np.exp(log_scales)
        self.units, m_units = scales[:depth], scales[depth:]
        turn = np.exp(2j * equations.chi)
        self.x_in, self.x_out = -1j * math.exp(log_sigma) * turn, -1j * math.exp(log_sigma) / turn
        z, weights = equations.z, equations.weights
        self.v = [unit * z / (1.0 - z) for unit in self.units]
        self.v_weights = [unit * weights / (1.0 - z) ** 2 for unit in self.units]
        self.u = [unit * n / (1.0 - n) for unit, (n, _) in zip(self.units, equations.u_nodes, strict=True)]
        self.inner = [_InnerLayer(self, i, m_units[i]) for i in range(depth - 1)]
        self.forward: list[Complexes] = []
        self.trace = 0j
        self.forward_at_zero = np.ones(depth)

    def mapped(self, messages: Complexes) -> Complexes:
        """The messages after one sweep up and one down."""
        equations, depth = self.equations, len(self.equations.layers)
        self.forward = []
        for i in range(depth):
            self.forward.append(self._forward(i, messages[i]))
        result = np.empty_like(messages)
        for i in range(depth - 1, -1, -1):
            kernel = self._last_kernel() if i == depth - 1 else self.inner[i].kernel(messages[i + 1])
            layer, z = equations.layers[i], equations.z
            down = lower_integral(z.size)
            factor = 8.0 / math.pi**2 * layer.sigma_w * layer.ratio * self.units[i]
            result[i] = factor * _times(down, kernel / (1.0 - z) ** 2) / z
        return result

    def _forward(self, i: int, message: Complexes) -> Complexes:
        """f_{i+1} at the nodes v."""
        equations, u = self.equations, self.u[i]
        layer, (n, n_weights) = equations.layers[i], equations.u_nodes[i]
        backward = n * _times(lagrange_matrix(equations.z, equations.lagrange, n), message)
        integrate = self.units[i] * n_weights / (1.0 - n) ** 2
        constant = 0j
        if i == 0:
            source, kept = input_sums(equations.inputs.sizes, equations.inputs.masses, u, backward, self.x_in)
            self.trace = 1.0 - self.x_in * complex(kept @ integrate)
            # inputs 0 move no h, but they are part of S, with g_0(inf)
            idle = max(0.0, 1.0 - float(equations.inputs.masses.sum()))
            at_zero = backward[-1:]
            self.trace -= idle * self.x_in * 2.0 * complex(first_moment(at_zero, self.x_in)[0])
            constant = idle * complex(mean_exponential(at_zero, self.x_in)[0])
        else:
            source = self.inner[i - 1].source(u, backward)
        self.forward_at_zero[i] = 4.0 / math.pi * layer.sigma_w * np.abs(source @ integrate + constant)
        up = upper_integral(equations.z.size, n.size)
        factor = 4.0 / math.pi * layer.sigma_w * self.units[i]
        tail = factor * _times(up, source / (1.0 - n) ** 2) + 4.0 / math.pi * layer.sigma_w * constant
        return np.asarray(2.0 * layer.scale * self.v[i] + tail)

    def _last_kernel(self) -> Complexes:
        h, weights, _, d = self.equations.gates[-1]
        a = self.forward[-1][:, None] + 2j * self.v[-1][:, None] * h
        b = self.forward[-1][:, None] - 2j * self.v[-1][:, None] * h
        c = self.x_out / d**2
        return np.asarray((first_moment(a, c) + first_moment(b, c)) @ weights, dtype=np.complex128)

    def output_trace(self) -> complex:
        """tau from the last layer: E d^2 S/(x + d^2 S), as the difference to S = 0."""
        layer, (h, weights, _, d) = self.equations.layers[-1], self.equations.gates[-1]
        c, v = self.x_out / d**2, self.v[-1][:, None]
        kept = np.zeros(h.size, dtype=np.complex128)
        for sign in (2j, -2j):
            alone = second_moment((2.0 * layer.scale + sign * h) * v, c)
            kept += self.v_weights[-1] @ (alone - second_moment(self.forward[-1][:, None] + sign * v * h, c))
        return self.equations.outputs * 4.0 / math.pi * complex(weights @ (c * kept))

    def at_own_scales(self, messages: Complexes) -> CauchyState:
        """The state of these messages, in the units they suggest: the mean of the scales of f and of 1/g."""
        equations = self.equations
        backward_scale = 1.0 / np.abs(messages[:, -1])
        units = np.sqrt(self.forward_at_zero * backward_scale)
        m_units = self.forward_at_zero[:-1] + backward_scale[1:]
        moved = np.empty_like(messages)
        for i, message in enumerate(messages):
            u = units[i] / self.units[i] * equations.z / (1.0 - equations.z)
            places = u / (1.0 + u)
            matrix = lagrange_matrix(equations.z, equations.lagrange, places)
            moved[i] = _times(matrix, message) * places / equations.z
        gap = self.trace - self.output_trace()
        return CauchyState(self.log_sigma, np.log(np.concatenate([units, m_units])), moved, self.trace, gap)


class _InnerLayer:
    """What an inner layer does with messages from both sides, its tables for one sigma."""

    def __init__(self, point: _Point, i: int, m_unit: float) -> None:
        self.point, self.i = point, i
        equations = point.equations
        self.layer, (self.h, self.h_weights, self.x, self.d) = equations.layers[i], equations.gates[i]
        nodes, weights = equations.m_nodes
        m = m_unit * nodes / (1.0 - nodes)
        self.m_weights = m * m_unit * weights / (1.0 - nodes) ** 2
        self.m_squares = 4.0 * m * m
        self.reach = self.d[:, None] * m
        u = (self.d / self.x)[:, None] * m / point.units[i + 1]
        places = (u / (1.0 + u)).ravel()
        self.to_m = places[:, None] * lagrange_matrix(equations.z, equations.lagrange, places)
        self.r = (self.x / self.d)[:, None] * point.u[i + 1]
        # of the message of h alone: the integral in R_l is then the density, and its error is known
        alone = (2.0 * self.layer.scale * point.v[i]).astype(np.complex128)
        self.alone = gate_sums(alone, point.v[i], point.v_weights[i], self.h, 4.0 * self.r**2)

    def source(self, u: Floats, backward: Complexes) -> Complexes:
        """G_l(u)."""
        forward, point = self.point.forward[self.i], self.point
        sums = gate_sums(forward, point.v[self.i], point.v_weights[self.i], self.h, 4.0 * self.r**2)
        factor = 4.0 / math.pi * self.r**2
        far = self.r > point.forward_at_zero[self.i]
        weight = np.where(
            far, factor * (self.alone - sums), self.layer.density(self.h)[:, None] - factor * sums
        )
        decay = np.exp(-self.x[:, None] * (u * backward))
        return np.asarray((2.0 * self.h_weights * self.x) @ (decay * weight))

    def kernel(self, message: Complexes) -> Complexes:
        """K_l(v)."""
        backward = _times(self.to_m, message).reshape(self.reach.shape)
        strengths = np.multiply.outer(-12.0 * self.h_weights, self.m_weights) * np.expm1(
            -self.reach * backward
        )
        return backward_sums(
            self.point.forward[self.i], self.point.v[self.i], self.h, strengths, self.m_squares
        )


def _fixed_point(mapped: Callable[[Complexes], Complexes], start: Complexes) -> Complexes | None:
    """Anderson's iteration until no layer's message moves; None unless it converges."""
    x, shape = start.ravel(), start.shape
    places: list[Complexes] = []
    steps: list[Complexes] = []
    for _ in range(MOST_MAPS):
        image = mapped(x.reshape(shape)).ravel()
        step = image - x
        sizes = np.abs(np.stack([step, image])).reshape(2, *shape).max(axis=2)
        size = float((sizes[0] / sizes[1]).max())
        if size < TOLERANCE:
            return image.reshape(shape)
        if not size < 1e6:
            return None
        places, steps = [*places, x][-MEMORY - 1 :], [*steps, step][-MEMORY - 1 :]
        x = image
        if len(steps) > 1:
            step_changes = np.array([step - other for other in steps[:-1]]).T
            changes = np.array([places[-1] - other for other in places[:-1]]).T + step_changes
            mixture = np.linalg.lstsq(step_changes, step, rcond=1e-10)[0]
            x = image - changes @ mixture
    return None


def _gate_nodes(layer: CauchyLayer, count: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Nodes h > 0 and weights over the open gates, |phi(h)| and |phi'(h)| there."""
    y, weights = unit_nodes(count)
    h = layer.reach * y**GRADE
    x, d = np.abs(layer.activation.value(h)), np.abs(layer.activation.derivative(h))
    return h, layer.reach * GRADE * y ** (GRADE - 1) * weights, x, d


def _times(matrix: Floats, values: Complexes) -> Complexes:
    """matrix @ values without a complex copy of the matrix."""
    pairs = np.ascontiguousarray(values).view(np.float64).reshape(-1, 2)
    product: Complexes = np.ascontiguousarray(matrix @ pairs).ravel().view(np.complex128)
    return product
