"""Contraction maps: grids, maps known in closed form, proofs that Phi keeps a region and that it does not, pictures."""

from __future__ import annotations

import json
import math

import matplotlib.figure
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rmtjac as rj
from rmtjac.cli import main
from rmtjac.linkage.grid import Grid
from rmtjac.plotting import render


def plane_map(seed, name="hard_tanh", depth=2, **scales):
    return rj.Ensemble.self_map(n=2, width=30, depth=depth, activation=name, **scales).sample(seed)


# grids


def test_the_grid_is_that_of_the_source():
    found = rj.contraction_map(plane_map(1), fixed_points=np.empty((0, 2)))
    assert found.norms.shape == (41, 41)
    np.testing.assert_allclose(found.x, np.linspace(-1, 1, 41), atol=1e-15)
    uneven = rj.contraction_map(plane_map(1), [0.0, -1.0], [1.0, 2.0], 0.3, fixed_points=[[0.0, 0.0]])
    np.testing.assert_allclose(uneven.x, [0.0, 0.3, 0.6, 0.9])
    np.testing.assert_allclose(uneven.y, -1.0 + 0.3 * np.arange(11))
    assert uneven.norms.shape == (11, 4)
    for i, j in ((0, 3), (10, 0), (4, 2)):
        at = rj.spectral_norm(plane_map(1), [uneven.x[j], uneven.y[i]])
        assert uneven.norms[i, j] == pytest.approx(at, rel=1e-13)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.01, 0.3))
def test_cells_are_what_is_nearest(nx, ny, step):
    upper = np.array([nx + 0.3, ny + 0.7]) * step
    grid = Grid.in_box(np.zeros(2), upper, step)
    assert grid.shape == (ny + 1, nx + 1)
    assert grid.areas.sum() == pytest.approx(upper.prod())
    points = np.random.default_rng(0).random((50, 2)) * upper
    numbers = np.arange(1, grid.x.size * grid.y.size + 1).reshape(grid.shape)
    row, column = np.divmod(grid.labels_of(numbers, points) - 1, grid.x.size)
    distance = np.abs(points - np.column_stack([grid.x[column], grid.y[row]]))
    nearest = np.column_stack(
        [np.abs(points[:, k, None] - axis).min(axis=1) for k, axis in enumerate((grid.x, grid.y))]
    )
    np.testing.assert_allclose(distance, nearest, atol=1e-12)


def test_cells_that_a_box_meets():
    grid = Grid.in_box(np.zeros(2), np.ones(2), 0.25)  # cells end at 0, 1/8, 3/8, 5/8, 7/8, 1
    boxes = np.array(
        [
            [[0.2, 0.4], [0.3, 0.9]],
            [[0.125, 0.0], [0.125, 0.0]],
            [[0.0, 0.0], [1.0, 1.0]],
            [[-0.1, 0.5], [0.1, 0.5]],
            [[0.5, 1.1], [0.5, 1.2]],
        ]
    )
    rows = [[2, 4, 1, 1], [0, 0, 0, 1], [0, 4, 0, 4], [2, 2, -1, 0], [5, 5, 2, 2]]
    np.testing.assert_array_equal(grid.met(boxes[:, 0], boxes[:, 1]), rows)


# maps that are known


def test_a_known_contraction():
    """tanh(0.5 x): ||J|| < 1 everywhere, 0 is the only fixed point, and the box is kept."""
    found = rj.contraction_map(rj.Network([0.5 * np.eye(2)], None, "tanh"))
    (region,) = found.regions
    assert (region.cells, region.maps_into_itself) == (1681, "yes")
    assert region.area == pytest.approx(4.0)
    assert region.largest_norm == pytest.approx(0.5)
    np.testing.assert_allclose(region.fixed_points, [[0.0, 0.0]], atol=1e-12)
    assert (found.complete, found.stability) == (True, ("stable",))
    assert found.contracting_share == pytest.approx(1.0)
    slope = 0.5 / np.cosh(0.5 * np.abs(found.x)) ** 2
    exact = np.maximum(slope[:, None], slope)
    np.testing.assert_allclose(found.norms, exact, rtol=1e-13)


def test_a_known_expansion():
    """Negative control: no region, where J = 2 everywhere."""
    found = rj.contraction_map(rj.Network([2.0 * np.eye(2)], None, "linear"))
    assert found.regions == ()
    assert not found.labels.any()
    assert found.contracting_share == 0.0
    assert found.stability == ("unstable",)


@pytest.mark.parametrize("name", ["tanh", "hard_tanh", "erf"])
def test_two_wells(name):
    """phi(2 x) in each coordinate: four corners where it contracts, each with a stable point; all map into themselves.

    The origin, which is a fixed point, and all between is in no region.
    """
    found = rj.contraction_map(rj.Network([2.0 * np.eye(2)], None, name))
    assert len(found.regions) == 4
    assert found.complete
    assert len(found.fixed_points) == 9
    for region in found.regions:
        assert region.maps_into_itself == "yes"
        assert len(region.fixed_points) == 1
        assert (np.abs(region.fixed_points) > 0.8).all()
    assert not found.labels[20].any()


def test_regions_that_move():
    """Turned by a right angle, each corner maps into the next one: none is kept, and no fixed point is in any."""
    turn = np.array([[0.0, -2.0], [2.0, 0.0]])
    found = rj.contraction_map(rj.Network([turn], None, "tanh"))
    assert [region.maps_into_itself for region in found.regions] == ["no"] * 4
    assert all(not region.fixed_points.size for region in found.regions)


def test_a_region_that_leaves_the_box():
    """A contraction with its fixed point outside of the box: no region is kept."""
    net = rj.Network([0.5 * np.eye(2)], [[2.0, 0.0]], "linear")
    found = rj.contraction_map(net)
    assert [region.maps_into_itself for region in found.regions] == ["no"]
    assert found.fixed_points.shape == (0, 2)


def test_activations_of_the_user_prove_nothing():
    mine = rj.Activation("half", half, half_slope, range=(-1.0, 1.0), derivative_range=(0.0, 0.5))
    (region,) = rj.contraction_map(rj.Network([np.eye(2)], None, mine)).regions
    assert region.maps_into_itself == "undecided"
    moved = rj.Network([np.eye(2)], [[9.0, 9.0]], mine)
    assert [r.maps_into_itself for r in rj.contraction_map(moved, -0.3, 0.3).regions] == ["no"]


def test_a_map_that_just_keeps_the_box():
    """Where the image ends within a rounding error of the box, an enclosure rounded outward cannot tell."""
    slow = rj.Network([0.999 * np.eye(2)], None, "linear")
    assert [r.maps_into_itself for r in rj.contraction_map(slow, step=0.5).regions] == ["yes"]
    slower = rj.Network([(1.0 - 1e-15) * np.eye(2)], None, "linear")
    assert [r.maps_into_itself for r in rj.contraction_map(slower, step=0.5).regions] == ["undecided"]


def half(h):
    return np.tanh(0.5 * h)


def half_slope(h):
    return 0.5 / np.cosh(0.5 * h) ** 2


# what holds for any map


@given(
    st.integers(0, 2**31),
    st.sampled_from(["hard_tanh", "tanh", "relu", "silu"]),
    st.integers(1, 3),
    st.booleans(),
)
def test_regions_are_what_they_say(seed, name, depth, heavy):
    scales = {"weights": "cauchy", "sigma_w": 0.3} if heavy else {"sigma_w": 1.4}
    net = plane_map(seed, name, depth, sigma_b=0.3, **scales)
    found = rj.contraction_map(net, step=0.1)
    np.testing.assert_array_equal(found.labels > 0, found.norms < 1.0)
    assert [region.label for region in found.regions] == list(range(1, found.labels.max() + 1))
    grid = Grid.in_box(np.full(2, -1.0), np.ones(2), 0.1)
    rng = np.random.default_rng(seed)
    for region in found.regions:
        mask = found.labels == region.label
        assert region.cells == mask.sum()
        assert region.area == pytest.approx(grid.areas[mask].sum())
        assert region.largest_norm == found.norms[mask].max() < 1.0
        assert (grid.labels_of(found.labels, region.fixed_points) == region.label).all()
        low, high = grid.corners(*np.nonzero(mask))
        x = (low + (high - low) * rng.random((40, *low.shape))).reshape(-1, 2)
        stays = grid.labels_of(found.labels, net(x)) == region.label
        if region.maps_into_itself == "yes":
            assert stays.all()
        if region.maps_into_itself == "no":
            assert not stays.all()
    assert sum(len(region.fixed_points) for region in found.regions) <= len(found.fixed_points)


def test_most_regions_of_shallow_maps_are_decided():
    kinds = [
        region.maps_into_itself
        for seed in range(6)
        for region in rj.contraction_map(plane_map(seed, sigma_w=1.5, sigma_b=0.3)).regions
    ]
    assert kinds.count("undecided") <= 0.1 * len(kinds)
    assert "no" in kinds


def test_given_fixed_points():
    net = rj.Network([2.0 * np.eye(2)], None, "tanh")
    found = rj.find_fixed_points(net)
    given_points = rj.contraction_map(net, fixed_points=found)
    assert given_points.complete
    np.testing.assert_array_equal(given_points.fixed_points, found.points)
    as_array = rj.contraction_map(net, fixed_points=found.points)
    assert not as_array.complete
    assert as_array.stability == found.stability


def test_results_cannot_be_changed():
    found = rj.contraction_map(rj.Network([0.5 * np.eye(2)], None, "tanh"), step=0.5)
    with pytest.raises(ValueError, match="read-only"):
        found.norms[0, 0] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        found.regions[0].fixed_points[0] = 0.0
    with pytest.raises(AttributeError):
        found.norms = found.norms


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"net": rj.Network([np.eye(3)], None, "tanh")}, "3 inputs and 3 outputs"),
        ({"net": rj.Network([np.ones((1, 2))], None, "tanh")}, "2 inputs and 1 outputs"),
        ({"step": 3.0}, "step=3: allowed are numbers up to 2"),
        ({"step": 1e-5}, "10\\^7 points"),
        ({"step": 0.0}, "step=0"),
        ({"step": math.nan}, "step=nan"),
        ({"lower": 1.0, "upper": -1.0}, "empty"),
        ({"lower": math.nan}, "not finite"),
        ({"upper": [1.0, 1.0, 1.0]}, "upper of shape"),
        ({"fixed_points": [[1.0, 2.0, 3.0]]}, "fixed_points of shape"),
        ({"fixed_points": [[1.0, math.nan]]}, "not finite"),
    ],
)
def test_bad_input(changes, message):
    with pytest.raises(ValueError, match=message):
        rj.contraction_map(**({"net": rj.Network([np.eye(2)], None, "tanh")} | changes))


# pictures and the command line


def test_the_picture_shows_the_norms_and_the_points():
    found = rj.contraction_map(rj.Network([2.0 * np.eye(2)], None, "tanh"))
    ax = matplotlib.figure.Figure().subplots()
    mesh, _, stable, others = found.plot(ax)
    np.testing.assert_allclose(mesh.get_array().reshape(found.norms.shape), np.log10(found.norms), atol=1e-12)
    low, high = mesh.get_clim()
    assert low == -high
    assert (len(stable.get_offsets()), len(others.get_offsets())) == (4, 5)
    line = ax.collections[1].get_paths()[0].vertices
    on_line = rj.spectral_norm(rj.Network([2.0 * np.eye(2)], None, "tanh"), line)
    assert np.abs(on_line - 1.0).max() < 0.1
    assert render(found.plot()) == render(found.plot())


@pytest.mark.parametrize("weight", [0.0, 1e-3, 2.0])
def test_pictures_of_maps_without_a_line(weight):
    assert rj.contraction_map(rj.Network([weight * np.eye(2)], None, "linear"), step=0.5).plot()


def test_the_command(tmp_path, capsys):
    plane_map(3, sigma_w=1.5, sigma_b=0.3).save(tmp_path / "net.npz")
    stem = str(tmp_path / "out")
    args = ["contraction-map", "--network", str(tmp_path / "net.npz"), "--step", "0.1"]
    assert main([*args, "--out", stem, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    found = rj.contraction_map(rj.load_network(tmp_path / "net.npz"), step=0.1)
    assert len(summary["regions"]) == len(found.regions)
    assert summary["contracting_share"] == found.contracting_share
    with np.load(f"{stem}.npz") as saved:
        np.testing.assert_array_equal(saved["norms"], found.norms)
    table = np.loadtxt(f"{stem}.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(table[:, 2], found.norms.ravel())
    assert (tmp_path / "out.svg").read_text().startswith("<?xml")
    assert main(args) == 0
    assert "regions" in capsys.readouterr().out
    assert main([*args, "--dry-run"]) == 0
    assert "21 x 21 points" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--widths", "3,4,3"], "3 inputs and 3 outputs"),
        (["--step", "5"], "step=5"),
        (["--lower", "1", "--upper", "0"], "empty"),
        (["--lower", "a"], "--lower a"),
        (["--widths", "3,4,3", "--dry-run"], "3 inputs"),
    ],
)
def test_bad_flags(flags, message, capsys):
    assert main(["contraction-map", *flags]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
