"""Solvers of x = f(x): known solutions, known rates, and everything that can go wrong, with its evidence."""

import itertools

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rmtjac as rj
from rmtjac.linkage.solvers.differences import Differences
from rmtjac.linkage.solvers.solve import METHODS
from rmtjac.linkage.solvers.status import Status
from tests.naive.anderson import anderson

EVERY = sorted(METHODS)
COS = 0.7390851332151607  # cos x = x


def tanh_problem(gain, seed, n=100):
    """z -> tanh(W z + x), W = gain Gauss/sqrt(n)."""
    rng = np.random.default_rng(seed)
    weights, x = gain * rng.standard_normal((n, n)) / np.sqrt(n), rng.standard_normal(n)
    return lambda z: np.tanh(z @ weights.T + x)


def linear_problem(seed, n, size=0.7):
    """x -> A x + b with spectral norm `size`, and its fixed point."""
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((n, n)), rng.standard_normal(n)
    a *= size / np.linalg.norm(a, 2)
    return (lambda x: x @ a.T + b), np.linalg.solve(np.eye(n) - a, b), a


class Counted:
    def __init__(self, f):
        self.f, self.calls = f, 0

    def __call__(self, x, *args):
        self.calls += 1
        return self.f(x, *args)


@pytest.mark.parametrize("method", EVERY)
def test_a_number(method):
    found = rj.solve_fixed_point(np.cos, 1.0, method=method, tol=1e-13)
    assert found.success
    assert found.x.shape == ()
    assert found.x == pytest.approx(COS, abs=1e-13)


@pytest.mark.parametrize("method", EVERY)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 30))
@settings(deadline=None, max_examples=25)
def test_linear_problems(method, seed, n):
    f, exact, _ = linear_problem(seed, n)
    counted = Counted(f)
    found = rj.solve_fixed_point(counted, np.zeros(n), method=method)
    assert found.status == "converged"
    assert found.nfev == counted.calls
    assert np.linalg.norm(f(found.x) - found.x) <= 1e-10
    np.testing.assert_allclose(found.x, exact, atol=1e-9)
    assert found.trace.size == found.nit + 1
    assert found.trace[-1] == found.residual <= 1e-10


@pytest.mark.parametrize("method", EVERY)
def test_matrices_and_arguments(method):
    """X = A X B + C."""
    rng = np.random.default_rng(3)
    a, b, c = 0.2 * rng.standard_normal((3, 2, 2))
    found = rj.solve_fixed_point(lambda x, s: s * (a @ x @ b + c), np.zeros((2, 2)), 1.0, method=method)
    exact = np.linalg.solve(np.eye(4) - np.kron(a, b.T), c.ravel()).reshape(2, 2)
    np.testing.assert_allclose(found.x, exact, atol=1e-9)


def test_picard_converges_at_the_spectral_radius():
    f, _, a = linear_problem(1, 20, size=0.9)
    found = rj.solve_fixed_point(f, np.zeros(20), method="picard", tol=1e-13)
    assert found.rate == pytest.approx(np.abs(np.linalg.eigvals(a)).max(), rel=0.02)


@pytest.mark.parametrize("damping", [0.3, 0.5, 0.9])
def test_damped_picard_has_the_damped_rate(damping):
    found = rj.solve_fixed_point(lambda x: 1.0 - 0.8 * x, 0.0, method="picard", damping=damping)
    assert found.success
    assert found.rate == pytest.approx(abs(1.0 - damping * 1.8), rel=1e-6)


def test_damping_cures_an_oscillation():
    assert rj.solve_fixed_point(lambda x: 1.0 - x, 0.1, method="picard").status == "oscillation"
    assert rj.solve_fixed_point(lambda x: 1.0 - x, 0.1, method="picard", damping=0.7).success


def test_newton_is_quadratic():
    found = rj.solve_fixed_point(np.cos, 1.0, method="newton", jac=lambda x: -np.sin(x), tol=1e-15)
    logs = np.log(found.trace[found.trace > 0])
    assert (logs[2:4] / logs[1:3] > 1.8).all()
    assert found.njev == found.nit
    assert found.nit <= 5


def test_newton_counts_its_differences():
    f, _, a = linear_problem(4, 6)
    found = rj.solve_fixed_point(f, np.zeros(6), method="newton")
    assert found.njev == 0
    assert found.nfev == 1 + found.nit * (6 + 1)
    exact = rj.solve_fixed_point(f, np.zeros(6), method="newton", jac=lambda x: a)
    assert (exact.nit, exact.njev, exact.nfev) == (1, 1, 2)


def test_a_line_search_saves_newton():
    """arctan overshoots: full steps from 2 diverge."""

    def f(x):
        return x - np.arctan(x)

    assert rj.solve_fixed_point(f, 2.0, method="newton").success
    assert not rj.solve_fixed_point(f, 2.0, method="newton", halvings=0).success


@pytest.mark.parametrize("n", [1, 2, 5, 20, 50])
def test_anderson_on_linear_problems_is_gmres(n):
    for seed in range(5):
        f, _, _ = linear_problem(seed, n, size=2.0)
        assert rj.solve_fixed_point(f, np.zeros(n), tol=1e-9).nfev <= n + 2


def test_anderson_takes_fewer_evaluations_than_with_memory_10():
    for gain, expected in ((0.9, 36), (1.3, 50), (1.6, 60)):
        counts = []
        for seed in range(8):
            f = tanh_problem(gain, seed)
            found = rj.solve_fixed_point(f, np.zeros(100))
            assert found.success
            plain, point = anderson(f, np.zeros(100), memory=50, tol=1e-10)
            assert abs(found.nfev - plain) <= 2
            if gain < 1:
                np.testing.assert_allclose(found.x, point, atol=1e-9)
            counts.append((found.nfev, anderson(f, np.zeros(100), memory=10, tol=1e-10)[0]))
        ours, short = np.median(counts, axis=0)
        assert ours <= expected
        assert ours < short


def test_anderson_steps_back_where_f_is_not_finite():
    """log is nan where a long step goes."""
    values = []

    def f(x):
        values.append(3.0 + np.log(x))
        return values[-1]

    found = rj.solve_fixed_point(f, [30.0, 0.06])
    assert found.success
    assert not np.isfinite(values).all()
    assert found.nfev == len(values) > found.trace.size
    np.testing.assert_allclose(found.x, 3.0 + np.log(found.x))


@given(
    seed=st.integers(0, 2**31),
    n=st.integers(2, 12),
    memory=st.integers(1, 12),
    scale=st.floats(1e-12, 1.0),
)
@settings(deadline=None, max_examples=40)
def test_differences_are_least_squares(seed, n, memory, scale):
    """However many columns came and went, and whatever their sizes."""
    rng = np.random.default_rng(seed)
    memory = min(n - 1, memory)
    kept, columns, moves = Differences(n, memory), [], []
    for k in range(2 * memory + 3):
        columns.append(rng.standard_normal(n) * scale ** (k / (2 * memory + 3)))
        moves.append(rng.standard_normal(n))
        kept.append(columns[-1], moves[-1])
        assert kept.count >= min(k + 1, 0.9 * memory)
        a, b = np.array(columns[-kept.count :]), np.array(moves[-kept.count :])
        sizes = np.linalg.norm(a, axis=1)
        g = rng.standard_normal(n)
        weights = np.linalg.lstsq((a / sizes[:, None]).T, g, rcond=None)[0] / sizes
        size = np.abs(weights[:, None] * b).sum()
        np.testing.assert_allclose(kept.combined(g, 0.0), weights @ b, atol=1e-7 * size)
        basis, triangle = np.linalg.qr(a.T)
        turned = b.T @ np.linalg.inv(triangle)
        heights = (g @ basis) / (1.0 + 4.0 * np.sum(turned**2, axis=0))
        if k < memory:
            # the basis starts from the oldest column, and is another one where columns have gone
            np.testing.assert_allclose(kept.combined(g, 2.0), turned @ heights, atol=1e-6 * size)


def test_errors_do_not_build_up_in_the_basis():
    """A gradient descent of condition 10^4: columns are nearly dependent, and many go through the memory."""
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.standard_normal((100, 100)))[0]
    hessian, b = turned @ np.diag(np.geomspace(1e-4, 1.0, 100)) @ turned.T, rng.standard_normal(100)
    kept, x, last = Differences(100, 50), np.zeros(100), None
    for _ in range(300):
        g = b - hessian @ x
        if last is not None:
            kept.append(g - last[0], x + g - last[1])
        last = g, x + g
        x = x + g - (kept.combined(g, 0.0) if kept.count else 0.0)
    basis = kept._pairs[:100, : kept.count]
    np.testing.assert_allclose(basis.T @ basis, np.eye(kept.count), atol=1e-13)
    assert np.linalg.norm(g) < 0.02 * np.linalg.norm(b)


def test_dependent_columns_drive_out_the_oldest():
    kept = Differences(3, 3)
    kept.append(np.array([1.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    kept.append(np.array([2.0, 0.0, 1e-12]), np.array([0.0, 1.0, 0.0]))
    assert kept.count == 1
    np.testing.assert_allclose(kept.combined(np.array([4.0, 0.0, 0.0]), 0.0), [0.0, 2.0, 0.0])
    kept.append(np.zeros(3), np.ones(3))
    assert kept.count == 1


def test_oscillation_of_period_two():
    found = rj.solve_fixed_point(lambda x: -x, np.array([1.0, 2.0]), method="picard")
    assert found.status == "oscillation"
    assert found.period == 2
    assert not found.success
    assert found.message.startswith("oscillation: the iterates return after 2 steps")


@pytest.mark.parametrize(("r", "period"), [(3.2, 2), (3.5, 4), (3.55, 8), (3.83, 3), (3.74, 5)])
def test_cycles_of_the_logistic_map(r, period):
    found = rj.solve_fixed_point(lambda x: r * x * (1.0 - x), 0.3, method="picard")
    assert (found.status, found.period) == ("oscillation", period)


@given(period=st.integers(2, 60), seed=st.integers(0, 2**31))
@settings(deadline=None, max_examples=25)
def test_period_of_a_rotation(period, seed):
    turn = 2 * np.pi / period
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    x0 = np.random.default_rng(seed).standard_normal(2)
    found = rj.solve_fixed_point(lambda x: rotation @ x, x0, method="picard")
    assert (found.status, found.period) == ("oscillation", period)


@pytest.mark.parametrize("factor", [-0.99, -0.999])
def test_slow_alternation_is_no_oscillation(factor):
    found = rj.solve_fixed_point(lambda x: factor * x, 1.0, method="picard", max_iter=30_000)
    assert found.status == "converged"


def test_chaos_is_no_oscillation():
    found = rj.solve_fixed_point(lambda x: 4.0 * x * (1.0 - x), 0.3, method="picard", max_iter=3000)
    assert found.status == "iteration limit reached"
    assert found.rate == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("n", [None, 3])
def test_divergence(n):
    found = rj.solve_fixed_point(lambda x: 2.0 * x + 1.0, np.zeros(n or ()), method="picard")
    assert found.status == "divergence"
    assert found.rate == pytest.approx(2.0)
    assert "by a factor 2 an iteration" in found.message


@pytest.mark.parametrize("method", ["newton", "broyden", "anderson"])
def test_an_unstable_fixed_point_is_found_all_the_same(method):
    assert rj.solve_fixed_point(lambda x: 2.0 * x + 1.0, 0.0, method=method).x == pytest.approx(-1.0)


def test_slow_convergence_says_how_slow():
    found = rj.solve_fixed_point(lambda x: 0.9999 * x + 1.0, 0.0, method="picard", max_iter=500)
    assert found.status == "iteration limit reached"
    assert found.rate == pytest.approx(0.9999)
    due = np.log(1e-10 / 0.9999**500) / np.log(0.9999)
    assert found.remaining == pytest.approx(due, rel=1e-4)
    assert "0.9999 an iteration: some 2.3e+05 more would reach 1e-10" in found.message


@pytest.mark.parametrize("method", EVERY)
def test_a_value_that_is_not_finite(method):
    found = rj.solve_fixed_point(lambda x: np.where(x < 3.0, x + 1.0, np.nan), 0.0, method=method)
    assert not found.success
    if method != "newton":
        assert found.status == "f is not finite"
        assert found.message.startswith("f is not finite: f(x) has nan at |x| = ")
    start = rj.solve_fixed_point(lambda x: x * np.inf, 1.0, method=method)
    assert (start.status, start.nfev) == ("f is not finite", 1)
    assert "has inf at |x| = 1 after 0 iterations" in start.message


def test_singular_jacobian():
    found = rj.solve_fixed_point(lambda x: x + 1.0, np.zeros(2), method="newton", jac=lambda x: np.eye(2))
    assert found.status == "I - J is singular"
    assert found.rcond == 0.0
    turned = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))[0]
    a = turned @ np.diag([1.0, 0.5, 0.2, -0.3, 2.0]) @ turned.T
    found = rj.solve_fixed_point(lambda x: a @ x + 1.0, np.zeros(5), method="newton", jac=lambda x: a)
    assert found.status == "I - J is singular"
    assert found.rcond < 1e-14
    by_differences = rj.solve_fixed_point(lambda x: a @ x + 1.0, np.zeros(5), method="newton")
    assert by_differences.status == "I - J is singular"
    assert by_differences.rcond < 1e-7
    assert "1/|(I - J)^-1|" in found.message


def test_no_fixed_point():
    """x^2 + 1 has none: the residual has a smallest value, 3/4 at 1/2."""
    found = rj.solve_fixed_point(lambda x: x * x + 1.0, 3.0, method="newton")
    assert found.status in ("no step reduces the residual", "I - J is singular", "iteration limit reached")
    assert found.x == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("method", EVERY)
def test_a_batch_is_its_items(method):
    f, k = tanh_problem(0.8, 5, n=6), 7
    x0 = np.random.default_rng(6).standard_normal((k, 6)) * np.geomspace(0.01, 3.0, k)[:, None]
    counted = Counted(f)
    batch = rj.solve_fixed_point(counted, x0, method=method, batched=True)
    alone = [rj.solve_fixed_point(f, x, method=method) for x in x0]
    assert len(batch) == k
    assert batch.success.all()
    assert batch.x.shape == (k, 6)
    for item, single in zip(batch, alone, strict=True):
        np.testing.assert_allclose(item.x, single.x, atol=1e-9)
        assert abs(item.nfev - single.nfev) <= 1 + 6 * (method == "newton")
    np.testing.assert_array_equal(batch.nfev, [item.nfev for item in batch])
    assert counted.calls == batch.nfev.max()
    assert batch.trace.shape == (k, batch.nit.max() + 1)
    np.testing.assert_array_equal(np.isnan(batch.trace).sum(axis=1), batch.nit.max() - batch.nit)


def test_every_item_has_its_own_end():
    def f(x):
        slopes = np.array([0.5, -1.0, 2.0, 0.99999, np.nan, 1.0])
        return slopes * x + 1.0

    found = rj.solve_fixed_point(f, np.zeros(6), method="picard", batched=True, max_iter=100)
    assert found.status == (
        "converged",
        "oscillation",
        "divergence",
        "iteration limit reached",
        "f is not finite",
        "iteration limit reached",
    )
    assert found.period.tolist() == [0, 2, 0, 0, 0, 0]
    assert found.success.tolist() == [True] + 5 * [False]
    assert found.message[1].startswith("oscillation: ")


def test_a_batch_of_newton_with_a_jacobian():
    slopes = np.array([0.5, -3.0, 1.0])
    found = rj.solve_fixed_point(
        lambda x: slopes[:, None] * x + 1.0,
        np.zeros((3, 1)),
        method="newton",
        jac=lambda x: slopes[:, None, None],
        batched=True,
    )
    assert found.status == ("converged", "converged", "I - J is singular")
    np.testing.assert_allclose(found.x[:2, 0], 1 / (1 - slopes[:2]))


def test_a_wrong_jacobian_is_named():
    f, _, a = linear_problem(2, 5)
    wrong = a.copy()
    wrong[3, 1] *= -1.0

    def solve(jac):
        return rj.solve_fixed_point(f, np.ones(5), method="newton", jac=lambda x: jac, check_jac=True)

    with pytest.raises(ValueError, match=r"jac: its product with .* in component 3, but"):
        solve(wrong)
    with pytest.raises(ValueError, match=r"^jac: "):
        solve(a.T)
    right = solve(a)
    assert right.success
    assert (right.nfev, right.njev) == (2 + 4, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "secant"}, r"method='secant': allowed are picard, newton, broyden, anderson"),
        ({"x0": []}, r"x0 of shape \(0,\)"),
        ({"x0": [np.nan]}, "x0 has an entry that is not finite"),
        ({"x0": 1.0, "batched": True}, r"x0 of shape \(\): allowed"),
        ({"tol": -1.0}, r"tol=-1.0: allowed are 0 and numbers"),
        ({"max_iter": 0}, r"max_iter=0: allowed are integers >= 1"),
        ({"jac": np.eye}, r"jac with method='anderson': allowed is jac with method='newton'"),
        ({"check_jac": True}, "check_jac=True without jac"),
        ({"memory": 0}, "memory=0: allowed are integers >= 1"),
        ({"damping": 3.0}, "damping=3.0: allowed are numbers > 0, at most 2"),
        ({"f": lambda x: x[:1]}, r"f returned shape \(1,\) for x of shape \(2,\): allowed is \(2,\)"),
        ({"f": lambda x: x + 1j}, "f returned complex128 numbers: allowed are real ones"),
        ({"method": "newton", "jac": lambda x: x}, r"jac returned shape \(2,\) .* allowed is \(2, 2\)"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        rj.solve_fixed_point(**{"f": np.cos, "x0": [1.0, 2.0], **change})


def test_unknown_options_are_named():
    with pytest.raises(TypeError, match="memory=3: allowed with method='picard' are damping"):
        rj.solve_fixed_point(np.cos, 1.0, method="picard", memory=3)
    with pytest.raises(TypeError, match="n=3: allowed with method='anderson' are memory, ridge, damping"):
        rj.solve_fixed_point(np.cos, 1.0, n=3)


def test_results_cannot_be_changed():
    found = rj.solve_fixed_point(np.cos, [1.0])
    for array in (found.x, found.trace):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0
    with pytest.raises(AttributeError):
        found.status = Status.DIVERGENCE


def test_a_function_may_reuse_its_memory():
    memory = np.empty(3)
    weights = 0.3 * np.random.default_rng(0).standard_normal((3, 3))

    def f(x):
        np.tanh(weights @ x + 1.0, out=memory)
        x[:] = 7.0
        return memory

    for method in EVERY:
        assert rj.solve_fixed_point(f, np.zeros(3), method=method).success


def test_methods_find_the_same_point():
    f = tanh_problem(0.9, 11, n=30)
    points = [rj.solve_fixed_point(f, np.zeros(30), method=method, tol=1e-12).x for method in EVERY]
    for a, b in itertools.pairwise(points):
        np.testing.assert_allclose(a, b, atol=1e-10)


def test_forty_digits():
    with mp.workdps(40):
        exact = float(mp.findroot(lambda x: mp.tanh(3 * x) - x, 0.99))
    for method in EVERY:
        assert rj.solve_fixed_point(
            lambda x: np.tanh(3 * x), 0.9, method=method, tol=1e-15
        ).x == pytest.approx(exact, abs=1e-15)


def test_pictures():
    one = rj.solve_fixed_point(np.cos, 1.0).plot()
    assert one[0].axes.get_yscale() == "log"
    many = rj.solve_fixed_point(np.cos, np.linspace(0, 1, 20), batched=True).plot()
    assert len(many) == 20
