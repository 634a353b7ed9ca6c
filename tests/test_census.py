"""The census: counts against basins of single networks, independence of how it runs, the command line."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import stats

import rmtjac as rj
from rmtjac.cli import main
from rmtjac.linkage.census_task import FIRST_TASK
from rmtjac.model.streams import Streams
from tests.naive.basins import paper_basins, paper_grid

CAUCHY = rj.Ensemble.self_map(
    n=2, width=20, depth=2, activation="hard_tanh", weights="cauchy", sigma_b="as_weights"
)


def small(depths=(1, 3), replicates=4, rng=5, **arguments):
    return rj.fixed_point_census(CAUCHY, depths, replicates, rng, step=0.25, **arguments)


@pytest.fixture(scope="module")
def census():
    return small()


def same(first, second):
    for name in ("depths", "counts", "points", "cycles", "longest", "unresolved", "complete"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_counts_are_those_of_the_networks(census):
    for d, depth in enumerate((1, 3)):
        for k in range(4):
            net = CAUCHY.with_depth(depth).network(Streams(5, FIRST_TASK + depth, k))
            found = rj.basins(net, step=0.25)
            assert census.counts[d, k] == len(found.attractors)
            assert census.points[d, k] == (found.periods == 1).sum()
            assert census.cycles[d, k] == (found.periods > 1).sum()
            assert census.longest[d, k] == found.periods.max(initial=0)
            assert census.unresolved[d, k] == found.unresolved
            assert census.complete[d, k] == (found.unresolved == 0.0)


def test_the_paper_rule_counts_as_the_literal_loop():
    census = small((2, 5), 6, rule="paper")
    for d, depth in enumerate((2, 5)):
        for k in range(6):
            net = CAUCHY.with_depth(depth).network(Streams(5, FIRST_TASK + depth, k))
            assert census.counts[d, k] == len(paper_basins(net, paper_grid(0.25))[1])


def test_networks_do_not_depend_on_what_else_is_asked_for(census):
    """More depths, more networks, another order: the same numbers for what both have."""
    other = small((3, 2, 1), 6)
    np.testing.assert_array_equal(other.counts[[2, 0], :4], census.counts)
    first, second = small((5,), 8, rng=5), small((5,), 8, rng=6)
    assert not np.array_equal(first.longest, second.longest)


def test_depths_are_independent():
    """No block of a network of one depth is drawn from the stream of another depth."""
    first, second = (CAUCHY.with_depth(d).network(Streams(5, FIRST_TASK + d, 0)) for d in (2, 3))
    assert not np.isin(first.weights[0], second.weights[0]).any()


def test_workers_and_executors_change_nothing(census):
    same(census, small(workers=1))
    same(census, small(workers=3))
    with ThreadPoolExecutor(2) as pool:
        same(census, small(executor=pool))


def test_a_journal_goes_on(tmp_path, census):
    path = tmp_path / "census.journal"
    done = []
    small(replicates=2, journal=path)
    again = small(rng=None, journal=path, progress=lambda k, n: done.append((k, n)))
    same(census, again)
    assert again.entropy == 5
    assert done == [(4, 8), (5, 8), (6, 8), (7, 8), (8, 8)]
    with pytest.raises(ValueError, match="holds another run, of census"):
        small(journal=path, rule="paper")
    with pytest.raises(ValueError, match="holds another run, of census ensembles"):
        small((1, 2), journal=path)


def test_means_intervals_histograms(census):
    np.testing.assert_allclose(census.mean, census.counts.mean(axis=1))
    expected = [
        stats.t.interval(0.95, 3, row.mean(), stats.sem(row)) if np.ptp(row) else (row[0], row[0])
        for row in census.counts
    ]
    np.testing.assert_allclose(census.interval, expected)
    assert census.histogram.sum(axis=1).tolist() == [4, 4]
    np.testing.assert_allclose(census.histogram @ np.arange(census.histogram.shape[1]) / 4, census.mean)
    assert np.isnan(small((1,), 1).interval).all()
    wider = small(level=0.99).interval
    assert (np.diff(wider) >= np.diff(census.interval)).all()


def test_an_interval_covers_as_often_as_it_says():
    """Student's interval of 20 normal numbers misses 5 % of 2,000 times: 100 +- 9.7; 45 is six of these away."""
    values = np.random.default_rng(1).standard_normal((2000, 20))
    interval = small((1,), 2).interval_of(values)
    misses = ((interval[:, 0] > 0.0) | (interval[:, 1] < 0.0)).sum()
    assert abs(misses - 100) < 60
    assert (
        not abs((np.abs(interval.mean(axis=1)) > 0.0).sum() - 100) < 60
    )  # negative control: intervals of no length


def test_fixed_points_are_counted_too():
    everything, stable = (small((2,), 3, count=count) for count in ("all", "stable"))
    for k in range(3):
        net = CAUCHY.with_depth(2).network(Streams(5, FIRST_TASK + 2, k))
        found = rj.find_fixed_points(net)
        assert everything.counts[0, k] == len(found.points)
        assert stable.counts[0, k] == found.stable.sum()
        assert everything.complete[0, k] == found.complete
    assert everything.name == "fixed points"
    assert not everything.cycles.any()


def test_linear_networks_have_their_one_point():
    ens = rj.Ensemble.self_map(n=2, width=30, depth=2, sigma_w=0.2, sigma_b=0.2)
    census = rj.fixed_point_census(ens, [1, 2], 3, rng=1, step=0.5)
    assert (census.counts == 1).all()
    np.testing.assert_array_equal(census.interval, [[1.0, 1.0], [1.0, 1.0]])


def test_the_picture(census):
    from rmtjac.plotting import render

    assert render(census.plot()).startswith(b"<?xml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depths": []}, "depths=.*at least one"),
        ({"depths": [2, 2]}, "all different"),
        ({"depths": [0]}, "depths=0: allowed are integers >= 1"),
        ({"replicates": 0}, "replicates=0"),
        ({"count": "some"}, "count='some': allowed are attractors, stable, all"),
        ({"rule": "some"}, "rule='some'"),
        ({"level": 1.5}, "level=1.5: allowed are numbers between 0 and 1"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        small(**arguments)


def test_a_step_larger_than_the_box():
    with pytest.raises(ValueError, match="step=3"):
        rj.fixed_point_census(CAUCHY, [1], 1, step=3.0)


# the command line

FLAGS = ["--activation", "hard_tanh", "--weights", "cauchy", "--sigma-b", "as_weights", "--width", "20"]


def run_json(capsys, *arguments):
    assert main([*arguments, "--json", "--quiet"]) == 0
    return json.loads(capsys.readouterr().out)


def test_census_command(capsys, tmp_path):
    arguments = ["census", *FLAGS, "--step", "0.25", "--depths", "1:3:2", "--replicates", "4", "--seed", "5"]
    result = run_json(capsys, *arguments, "--out", str(tmp_path / "c"))
    expected = small()
    np.testing.assert_allclose(result["table"]["mean"], expected.mean)
    assert result["table"]["depth"] == [1, 3]
    assert {p.suffix for p in tmp_path.iterdir()} == {".npz", ".csv", ".svg"}
    with np.load(tmp_path / "c.npz") as file:
        np.testing.assert_array_equal(file["counts"], expected.counts)
    assert run_json(capsys, *arguments[:-4], "--replicates", "2", "--seed", "1")["replicates"] == 2
    assert main(["rerun", str(tmp_path / "c.npz")]) == 0
    assert "identical" in capsys.readouterr().out


def test_census_keeps_a_journal(capsys, tmp_path):
    arguments = ["census", *FLAGS, "--step", "0.5", "--depths", "1,2", "--journal", str(tmp_path / "j")]
    first = run_json(capsys, *arguments, "--replicates", "2")
    second = run_json(capsys, *arguments, "--replicates", "3")
    assert first["seed"] == second["seed"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--depths", "3:2"], "--depths 3:2: allowed is FROM:TO"),
        (["--depths", "a"], "--depths a: allowed is"),
        (["--count", "x"], "count='x'"),
        (["--lower", "a"], "--lower a: allowed is a number"),
        (["--lower", "2"], "the box is empty"),
    ],
)
def test_census_refuses(capsys, flags, message):
    assert main(["census", *FLAGS, *flags]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_basins_command(capsys, tmp_path):
    arguments = ["basins", *FLAGS, "--depth", "3", "--seed", "21", "--step", "0.25"]
    result = run_json(capsys, *arguments, "--out", str(tmp_path / "b"))
    ens = rj.Ensemble.self_map(
        n=2, width=20, depth=3, activation="hard_tanh", weights="cauchy", sigma_b="as_weights"
    )
    found = rj.basins(ens.sample(21), step=0.25)
    np.testing.assert_allclose(result["fractions"], found.fractions)
    with np.load(tmp_path / "b.npz") as file:
        np.testing.assert_array_equal(file["labels"], found.labels)
    assert main(arguments) == 0
    assert found.message in capsys.readouterr().out
    assert run_json(capsys, *arguments, "--rule", "paper")["rule"] == "paper"
    assert main([*arguments, "--dry-run"]) == 0
    assert "81 starts, at most 500 steps" in capsys.readouterr().out


def test_basins_of_a_saved_network_from_starts_of_a_file(capsys, tmp_path):
    net = rj.Network([2.0 * np.eye(3)], None, "hard_tanh")
    path = net.save(tmp_path / "net.npz")
    np.save(tmp_path / "starts.npy", np.array([[0.5, 0.5, 0.5], [-0.5, 0.5, 0.5], [0.1, 0.2, 0.3]]))
    arguments = ["basins", "--network", str(path), "--starts", str(tmp_path / "starts.npy")]
    result = run_json(capsys, *arguments, "--out", str(tmp_path / "b"))
    np.testing.assert_allclose(result["fractions"], [2.0 / 3.0, 1.0 / 3.0])
    assert main(["basins", "--network", str(path)]) == 2
    assert "give `starts`" in capsys.readouterr().err
    assert main([*arguments[:-1], str(tmp_path / "none.npy")]) == 2
