"""Maps without layers: the same answers as a network gives whose functions they are."""

from __future__ import annotations

import numpy as np
import pytest

import rmtjac as rj

WAYS = ("jacobian", "jvp", "vjp")


def plane(seed=4):
    return rj.Ensemble.self_map(n=2, width=20, depth=2, activation="tanh", sigma_w=2.0, sigma_b=0.3).sample(
        seed
    )


def derivatives(net):
    return {
        "jacobian": net.jacobian,
        "jvp": lambda x, v: net.jacobian(x) @ v,
        "vjp": lambda x, u: u @ net.jacobian(x),
    }


def wrapped(net, way):
    return rj.DifferentiableMap(net, (net.widths[0], net.widths[-1]), **{way: derivatives(net)[way]})


@pytest.mark.parametrize("way", WAYS)
def test_values_and_jacobians(way, rng):
    net = rj.Ensemble(widths=[3, 6, 4], activation="erf").sample(1)
    phi, x = wrapped(net, way), rng.standard_normal((2, 5, 3))
    np.testing.assert_allclose(phi(x), net(x), rtol=1e-13)
    np.testing.assert_allclose(phi.jacobian(x), net.jacobian(x), rtol=1e-13)
    np.testing.assert_allclose(phi.jacobian(x[0, 0]), net.jacobian(x[0, 0]), rtol=1e-13)
    assert phi(np.empty((0, 3))).shape == (0, 4)
    assert phi.jacobian(np.empty((0, 3))).shape == (0, 4, 3)
    phi.check(x[0, 0])


def test_batched_products(rng):
    matrix = rng.standard_normal((4, 3))
    ways = {
        "jacobian": lambda x: np.broadcast_to(matrix, (len(x), 4, 3)),
        "jvp": lambda x, v: v @ matrix.T,
        "vjp": lambda x, u: u @ matrix,
    }
    x = rng.standard_normal((5, 3))
    for name, function in ways.items():
        phi = rj.DifferentiableMap(lambda x: x @ matrix.T, (3, 4), batched=True, **{name: function})
        np.testing.assert_allclose(phi.jacobian(x), np.broadcast_to(matrix, (5, 4, 3)))


def test_what_takes_a_network_takes_it(rng):
    net = plane()
    phi = wrapped(net, "jacobian")
    x = rng.uniform(-1.0, 1.0, (30, 2))
    np.testing.assert_allclose(rj.spectral_norm(phi, x), rj.spectral_norm(net, x), rtol=1e-10)
    np.testing.assert_allclose(rj.spectral_radius(phi, x), rj.spectral_radius(net, x), rtol=1e-10)
    all_points, found = rj.find_fixed_points(net), rj.find_fixed_points(phi)
    assert all_points.complete
    assert (found.method, found.complete, found.certified.any()) == ("newton", False, False)
    np.testing.assert_allclose(found.points, all_points.points, atol=1e-9)
    assert found.stability == all_points.stability
    ours, theirs = rj.basins(phi, step=0.25), rj.basins(net, step=0.25)
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    assert not any(attractor.is_proven for attractor in ours.attractors)
    np.testing.assert_allclose(
        rj.contraction_map(phi, step=0.25).norms, rj.contraction_map(net, step=0.25).norms, rtol=1e-10
    )
    solved = rj.solve_fixed_point(phi, np.zeros(2), method="newton", jac=phi.jacobian)
    assert solved.success


def test_fixed_points_from_given_starts():
    net = plane()
    every = rj.find_fixed_points(net)
    one = rj.find_fixed_points(net, method="newton", starts=every.points[:1] + 1e-6)
    assert any(np.abs(one.points - every.points[0]).max(axis=1) < 1e-9)
    assert one.certified.all()
    with pytest.raises(ValueError, match="starts"):
        rj.find_fixed_points(net, starts=every.points)
    with pytest.raises(ValueError, match="starts of shape"):
        rj.find_fixed_points(net, method="newton", starts=np.zeros((3, 5)))


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_derivative_is_found(way):
    net = plane()
    phi = rj.DifferentiableMap(lambda x: 2.0 * net(x), (2, 2), **{way: derivatives(net)[way]})
    with pytest.raises(ValueError, match="component"):
        phi.check([0.1, 0.2])


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({}, ValueError, "none"),
        ({"jvp": np.dot, "vjp": np.dot}, ValueError, "jvp, vjp"),
        ({"jacobian": 3}, TypeError, "jacobian=3"),
        ({"jvp": np.dot, "widths": 3}, TypeError, "widths=3"),
        ({"jvp": np.dot, "widths": (3, 0)}, ValueError, "widths"),
    ],
)
def test_refusals(arguments, error, says):
    with pytest.raises(error, match=says):
        rj.DifferentiableMap(np.sin, **({"widths": (2, 2)} | arguments))


def test_results_of_another_shape_or_kind():
    phi = rj.DifferentiableMap(lambda x: x[:1], (2, 2), jacobian=lambda x: 1j * np.eye(2))
    with pytest.raises(ValueError, match=r"value returned float64 of shape \(1,\)"):
        phi([1.0, 2.0])
    with pytest.raises(ValueError, match="jacobian returned complex128"):
        phi.jacobian([1.0, 2.0])
    with pytest.raises(ValueError, match="x of shape"):
        phi([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="DifferentiableMap"):
        rj.basins(np.sin)


def test_bounds_need_layers():
    """Of another map nothing is known between points."""
    phi = rj.DifferentiableMap(np.cos, (1, 1), jvp=lambda x, v: -np.sin(x) * v)
    for call in (
        lambda: rj.certified_norm_bound(phi, -1.0, 1.0),
        lambda: rj.product_of_norms(phi),
        lambda: rj.certify_contraction(phi, -1.0, 1.0),
        lambda: rj.largest_certified_radius(phi, [0.0]),
    ):
        with pytest.raises(TypeError, match="Network"):
            call()


def test_modules_of_torch(rng):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, padding=1),
        torch.nn.BatchNorm2d(3),
        torch.nn.Tanh(),
        torch.nn.Dropout(0.5),
        torch.nn.Flatten(),
        torch.nn.Linear(48, 16),
    )
    module(torch.randn(20, 1, 4, 4))  # statistics to normalise with
    phi = rj.torch_map(module, (1, 4, 4))
    assert phi.widths == (16, 16)
    x = rng.standard_normal((3, 16))
    expected = module.double().eval()(torch.from_numpy(x).reshape(3, 1, 4, 4)).detach().numpy()
    np.testing.assert_allclose(phi(x), expected, rtol=1e-12)
    phi.check(x[0])
    norms = np.linalg.norm(phi.jacobian(x), 2, axis=(1, 2))
    np.testing.assert_allclose(rj.spectral_norm(phi, x), norms, rtol=1e-10)
    assert rj.solve_fixed_point(phi, np.zeros(16)).residual >= 0.0
    with pytest.raises(ValueError, match="input_shape"):
        rj.torch_map(module, (7,))
    with pytest.raises(TypeError, match="module"):
        rj.torch_map(np.sin, 3)
