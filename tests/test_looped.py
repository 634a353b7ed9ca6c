"""Looped networks and their certified regions: boxes again by Arb, points by mpmath, THEORY.md's numbers, counts."""

import itertools
import json
import math

import flint
import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rmtjac as rj
from rmtjac import checker
from rmtjac.cli import main
from rmtjac.errors import UnsupportedError
from rmtjac.linkage.certificates.files import write_certificate
from rmtjac.model.activations import activation
from rmtjac.model.superattracting_kernels import hermite_coefficients
from rmtjac.storage import load_arrays

CUBIC_M = 100.0  # m >= CUBIC_M (1.13 d + 1) of THEORY.md section 4


def worst(d, sign=1.0):
    """All errors of one sign and as large as THEORY.md allows, at the smallest m."""
    m = CUBIC_M * (1.13 * d + 1.0)
    return np.eye(d) + sign / m, np.full(d, sign / m)


def arb_functions(name):
    """phi, phi' and phi'' on Arb balls, written down once more."""
    if name == "cubic":
        return lambda u: u * u * (3 - 2 * u), lambda u: 6 * u * (1 - u), lambda u: 6 - 12 * u
    if name == "exp_cubic":
        width = flint.arb(1).exp() - 1

        def value(u):
            t = (u - 1) / width
            return (t * t * (3 - 2 * t)).exp()

        def rate(u):
            t = (u - 1) / width
            return 6 * t * (1 - t) / width

        def bend(u):
            return value(u) * (rate(u) ** 2 + (6 - 12 * (u - 1) / width) / width**2)

        return value, lambda u: value(u) * rate(u), bend
    count = 3 if name == "quintic" else int(name[8:-1])
    terms = [
        (2 * j + 1, flint.fmpq(a.numerator, a.denominator)) for j, a in enumerate(hermite_coefficients(count))
    ]
    return (
        lambda u: sum((c * u**n for n, c in terms), flint.arb(0)),
        lambda u: sum((c * n * u ** (n - 1) for n, c in terms), flint.arb(0)),
        lambda u: sum((c * n * (n - 1) * u ** (n - 2) for n, c in terms[1:]), flint.arb(0)),
    )


def union(parts):
    return min(p.lower() for p in parts), max(p.upper() for p in parts)


def arb_range(function, slope, low, high, parts=64):
    """Ends of function over [low, high], cut into parts, on each by its value at the middle and its slope."""
    cuts = [low + (high - low) * k / parts for k in range(parts + 1)]
    balls = [a.union(b) for a, b in itertools.pairwise(cuts)]
    middles = [ball.mid() for ball in balls]
    return union([function(m) + slope(ball) * (ball - m) for ball, m in zip(balls, middles, strict=True)])


def recheck(found, name, rows):
    """Each of these boxes: image inside, constant not understated by more than the cuts of Arb allow."""
    value, slope, bend = arb_functions(name)
    weights, bias = found.network.weights[0], found.network.biases[0]
    for k in rows:
        for i in range(len(bias)):
            sums = sum((abs(flint.arb(w)) for w in weights[i]), flint.arb(0))
            ends = [
                [flint.arb(w) * flint.arb(x) for x in (low, high)]
                for w, low, high in zip(weights[i], found.lower[k], found.upper[k], strict=True)
            ]
            low = sum((min(pair) for pair in ends), flint.arb(bias[i]))
            high = sum((max(pair) for pair in ends), flint.arb(bias[i]))
            below, above = arb_range(value, slope, low, high)
            assert below >= found.lower[k, i]
            assert above <= found.upper[k, i]
            steepest = max(abs(end) for end in arb_range(slope, bend, low, high))
            assert (steepest * sums).mid() <= found.constants[k] + 0.02
            assert found.constants[k] < 1.0
            # where |phi'| is taken, the constant is not too small
            for h in np.linspace(float(low.mid()), float(high.mid()), 9):
                assert float((abs(slope(flint.arb(h))) * sums).mid()) <= found.constants[k] * (1 + 1e-9)


@given(
    st.sampled_from(["cubic", "exp_cubic", "quintic", "hermite(4)"]),
    st.integers(1, 3),
    st.floats(3.0, 6.0),
    st.integers(0, 10**6),
)
def test_every_box_holds_again_in_arb(name, d, log_m, seed):
    W, b = rj.sample_looped_layer(d, 10**log_m, seed)
    found = rj.certify_looped_regions(W, b, name)
    recheck(found, name, np.flatnonzero(found.certified)[:: max(1, found.count // 4)])
    if log_m >= 5.0:
        assert found.count == activation(name).points.size ** d


@pytest.mark.parametrize("name", ["cubic", "exp_cubic", "quintic", "hermite(5)"])
def test_points_are_those_of_40_digits_and_the_only_ones(name):
    W, b = rj.sample_looped_layer(3, 30_000.0, 4)
    found = rj.certify_looped_regions(W, b, name)
    k = activation(name).points.size
    assert found.count == k**3 == len(found.points)
    assert found.message.startswith(f"{k**3} attracting")
    value = mp_value(name)
    with mp.workdps(40):
        for row in range(0, found.count, 5):
            x = mp.matrix(found.points[row].tolist())
            for _ in range(80):
                x = mp.matrix([value(h) for h in mp.matrix(W.tolist()) * x + mp.matrix(b.tolist())])
            gap = max(abs(mp.mpf(float(p)) - c) for p, c in zip(found.points[row], x, strict=True))
            assert gap <= found.errors[row] <= 1e-11
    starts = np.random.default_rng(0).uniform(found.lower, found.upper)
    for _ in range(400):
        starts = found.network(starts)
    assert (np.abs(starts - found.points).max(axis=1) <= 1e-12 + found.errors).all()


def mp_value(name):
    if name == "cubic":
        return lambda h: 3 * h**2 - 2 * h**3
    if name == "exp_cubic":
        return lambda h: mp.exp(3 * ((h - 1) / (mp.e - 1)) ** 2 - 2 * ((h - 1) / (mp.e - 1)) ** 3)
    terms = list(enumerate(hermite_coefficients(3 if name == "quintic" else int(name[8:-1]))))
    return lambda h: sum(mp.mpf(a.numerator) / a.denominator * h ** (2 * j + 1) for j, a in terms)


@pytest.mark.parametrize("d", [1, 2, 10, 100])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_numbers_of_theory(d, sign):
    """Boxes of radius .12: K <= .8814 (1 + d/m) < .8814 (1 + 1/113) = .8892, image radius <= .0551; the worst case."""
    W, b = worst(d, sign)
    m = CUBIC_M * (1.13 * d + 1.0)
    found = rj.certify_looped_count(W, b, "cubic", radius=0.12)
    assert found.holds
    assert found.count == 2**d
    assert found.constant <= 0.8814 * (1.0 + d / m) * (1.0 + 1e-12) < 0.8893
    assert 0.12 - found.margins.min() <= 0.055095
    if sign > 0:  # the point 1 is pushed away from 1/2: its worst case is taken
        assert found.constant >= 0.99 * 0.8814 * (1.0 + d / m) * (1.0 - 0.02)
    if d <= 10:
        listed = rj.certify_looped_regions(W, b, "cubic", radius=0.12)
        assert listed.count == 2**d
        assert listed.constants.max() <= found.constant * (1.0 + 1e-12)
        assert listed.margins.min() >= found.margins.min() - 1e-12


def test_boxes_are_the_largest_of_their_shape():
    W, b = rj.sample_looped_layer(2, 300.0, 1)
    found = rj.certify_looped_regions(W, b, "cubic", constant=0.8)
    assert (found.constants <= 0.8).all()
    assert (found.constants > 0.799).all()
    scalar = rj.certify_looped_regions([[1.0]], None, "cubic", constant=0.9)
    # 6u(1 - u) = -.9 and +.9
    due = [(1.0 - math.sqrt(1.0 + 0.6)) / 2.0, (1.0 - math.sqrt(1.0 - 0.6)) / 2.0]
    np.testing.assert_allclose([scalar.lower[0, 0], scalar.upper[0, 0]], due, rtol=1e-3)
    np.testing.assert_allclose([scalar.lower[1, 0], scalar.upper[1, 0]], 1.0 - np.array(due)[::-1], rtol=1e-3)


def test_boxes_are_disjoint():
    W, b = rj.sample_looped_layer(3, 50.0, 2)
    found = rj.certify_looped_regions(W, b, "quintic")
    for one, two in itertools.combinations(range(len(found.lower)), 2):
        assert ((found.lower[one] > found.upper[two]) | (found.lower[two] > found.upper[one])).any()


def test_what_is_no_contraction_is_not_certified():
    """Boxes that reach the slope 1, a matrix far from the unit matrix, a bias that removes a point."""
    too_wide = rj.certify_looped_regions([[1.0]], None, "cubic", radius=0.15)
    assert not too_wide.certified.any()
    assert "K may be 1.0" in too_wide.message
    assert np.isnan(too_wide.points).all()
    assert rj.certify_looped_regions(np.eye(2) * 1.5, None, "cubic").count == 1  # 0 alone
    removed = rj.certify_looped_regions([[1.0]], [0.3], "cubic")
    assert not removed.certified[0]
    for found in (
        rj.certify_looped_count(np.eye(2) * 1.5, None, "cubic"),
        rj.certify_looped_count(np.eye(2), None, "cubic", radius=0.15),
    ):
        assert not found.holds
        assert found.count == 0
        assert "nothing proven" in found.message


@given(st.integers(1, 4), st.floats(1.5, 5.0), st.integers(0, 10**6), st.sampled_from(["cubic", "quintic"]))
def test_a_count_holds_only_if_every_box_of_the_list_does(d, log_m, seed, name):
    W, b = rj.sample_looped_layer(d, 10**log_m, seed)
    for radius in (None, 0.04):
        counted = rj.certify_looped_count(W, b, name, radius=radius)
        if not counted.holds:
            continue
        k = counted.lower.shape[1]
        listed = rj.certify_looped_regions(W, b, name, radius=0.04 if radius else None)
        assert listed.count == k**d == counted.count
        # the boxes of the count, one by one
        places = np.array(list(itertools.product(range(k), repeat=d)))
        lower, upper = counted.lower[np.arange(d), places], counted.upper[np.arange(d), places]
        x = np.random.default_rng(seed).uniform(lower, upper)
        image = listed.network(x)
        assert (image >= lower).all()
        assert (image <= upper).all()
        jacobians = listed.network.jacobian(x)
        assert np.abs(jacobians).sum(axis=2).max() <= counted.constant


def test_a_hundred_dimensions_are_counted():
    W, b = rj.sample_looped_layer(100, 20_000.0, 0)
    found = rj.certify_looped_count(W, b, "cubic")
    assert found.count == 2**100
    assert found.message.startswith("2^100 attracting")


def test_a_looped_network_is_its_layer_over_and_over():
    W, b = rj.sample_looped_layer(3, 100.0, 3)
    net = rj.looped(W, b, "cubic", 40)
    assert all(weights is net.layer.weights[0] for weights in net.weights)
    x = np.random.default_rng(0).uniform(-0.2, 1.2, (5, 3))
    y = x
    for _ in range(40):
        y = net.layer(y)
    np.testing.assert_array_equal(net(x), y)
    found = rj.certify_looped_regions(W, b, "cubic")
    np.testing.assert_allclose(net(found.points), found.points, atol=1e-13)
    np.testing.assert_allclose(
        net.jacobian(found.points[0]), np.linalg.matrix_power(net.layer.jacobian(found.points[0]), 40)
    )
    assert rj.looped(W, b, "cubic", 10**6).depth == 10**6
    assert "LoopedNetwork(depth=40" in repr(net)


def test_looped_networks_are_saved_as_networks(tmp_path):
    net = rj.looped([[0.9]], [0.01], "cubic", 3)
    again = rj.load_network(net.save(tmp_path / "net.npz"))
    assert again([0.7]) == net([0.7])
    assert again.widths == net.widths


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: rj.looped([[1.0, 2.0]], None, "cubic", 2), ValueError, "W of shape"),
        (lambda: rj.looped([], None, "cubic", 2), ValueError, "W of shape"),
        (lambda: rj.looped([[1.0]], [1.0, 2.0], "cubic", 2), ValueError, "b of shape"),
        (lambda: rj.looped([[1.0, 2.0], [3.0]], None, "cubic", 2), ValueError, "W: allowed"),
        (lambda: rj.looped([[math.nan]], None, "cubic", 2), ValueError, "finite"),
        (lambda: rj.looped([[1.0]], None, ["cubic", "relu"], 2), TypeError, "activation"),
        (lambda: rj.looped([[1.0]], None, "cubic", 0), ValueError, "depth=0"),
        (lambda: rj.looped([[1.0]], None, "cubic", 1.5), TypeError, "depth"),
        (lambda: rj.certify_looped_regions(np.eye(2), None, "tanh"), UnsupportedError, "superattracting"),
        (lambda: rj.certify_looped_regions(np.eye(40), None, "cubic"), ValueError, "certify_looped_count"),
        (lambda: rj.certify_looped_regions(np.eye(2), None, "cubic", radius=0.5), ValueError, "radius"),
        (lambda: rj.certify_looped_regions(np.eye(2), None, "cubic", radius=-1), ValueError, "radius"),
        (lambda: rj.certify_looped_regions(np.eye(2), None, "cubic", constant=1.0), ValueError, "constant"),
        (lambda: rj.certify_looped_count(np.eye(2), None, "relu"), UnsupportedError, "superattracting"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_huge_entries_are_no_proof():
    for found in (
        rj.certify_looped_regions([[1e200, 0.0], [0.0, 1.0]], [0.0, 1e300], "cubic"),
        rj.certify_looped_regions([[1e308, 1e308], [0.0, 1.0]], None, "exp_cubic"),
    ):
        assert found.count == 0
        assert found.message
    assert not rj.certify_looped_count([[1e308, 1e308], [0.0, 1.0]], None, "cubic").holds


def saved(found, path, **changes):
    """A certificate with some of its entries changed, and a digest that is right."""
    content = json.loads(found.save(path).read_text())
    for key in ("format", "version", "package", "digest"):
        del content[key]
    return write_certificate(path, {**content, **changes})


@pytest.mark.parametrize("name", ["cubic", "exp_cubic", "quintic", "hermite(2)", "hermite(5)"])
def test_certificates_are_proven_again(name, tmp_path):
    W, b = rj.sample_looped_layer(2, 10_000.0, rng=5)
    k = activation(name).points.size
    listed = checker.check(str(rj.certify_looped_regions(W, b, name).save(tmp_path / "list.json")))
    assert f"the regions are disjoint: {k**2} fixed points" in listed
    counted = checker.check(str(rj.certify_looped_count(W, b, name).save(tmp_path / "count.json")))
    assert f"{k}^2 in all" in counted[-1]


def test_a_count_that_claims_too_much_is_not_proven(tmp_path):
    found = rj.certify_looped_count(*rj.sample_looped_layer(3, 2_000.0, rng=5), "cubic")
    path = tmp_path / "count.json"
    low, high = found.lower.tolist(), found.upper.tolist()
    wide = [[a - 0.05 for a in row] for row in low]
    narrow = [[a, 1.0 - 1e-9] for a, _ in low], [[a, 1.0 + 1e-9] for a, _ in high]
    for changes, text in (
        ({"constant": found.constant * 0.999}, "constant is not proven"),
        ({"constant": 1.0}, "not below 1"),
        ({"low": wide}, "constant is not proven"),
        ({"low": narrow[0], "high": narrow[1]}, "may leave"),
        ({"low": [row[::-1] for row in low]}, "not in order"),
    ):
        with pytest.raises(checker.Unproven, match=text):
            checker.check(str(saved(found, path, **changes)))


def test_a_count_that_is_no_single_layer_is_refused(tmp_path):
    found = rj.certify_looped_count(np.eye(2), [0.001, 0.0], "cubic")
    path = tmp_path / "count.json"
    steps = json.loads(found.save(path).read_text())["function"]["steps"]
    dot, constant, add, apply = steps[1:]
    for wrong in (
        [["input", 2], dot, ["apply", 1, "cubic"], ["apply", 2, "cubic"]],
        [["input", 2], dot, constant, add, ["apply", 1, "cubic"]],
        [["input", 2], dot, constant, ["add", 1, 1], apply],
        [["input", 2], dot, [*constant[:2], [1.0, 1.0]], add, apply],
        [["input", 2], dot, ["apply", 1, "hermite(9)"]],
    ):
        with pytest.raises(checker.Refused):
            checker.check(str(saved(found, path, function={"name": "f", "size": 2, "steps": wrong})))
    for changes in (
        {"low": [[0.0]]},
        {"low": [[], []]},
        {"high": [[1.0], [1.0]]},
        {"low": 3},
        {"constant": None},
    ):
        with pytest.raises(checker.Refused):
            checker.check(str(saved(found, path, **changes)))


def test_what_does_not_hold_is_not_saved(tmp_path):
    for found in (
        rj.certify_looped_regions([[1.0]], None, "cubic", radius=0.15),
        rj.certify_looped_count([[1.0]], None, "cubic", radius=0.15),
    ):
        with pytest.raises(ValueError, match="cannot be saved"):
            found.save(tmp_path / "no.json")
    found = rj.certify_looped_count([[1.0]], None, "cubic")
    with pytest.raises(ValueError, match="not exist"):
        found.save(tmp_path / "nowhere" / "x.json")


@pytest.mark.parametrize("noise", ["uniform", "adversarial"])
def test_tubes_hold_and_are_nearly_reached(noise):
    found = rj.certify_looped_regions(*rj.sample_looped_layer(2, 500.0, rng=6), "cubic")
    for delta in (0.0, 0.01, 0.04):
        tubes = rj.certify_tubes(found, delta)
        assert (tubes < np.inf).all()
        assert (found.margins >= delta).all()
        starts = np.random.default_rng(1).uniform(found.lower, found.upper, (50, *found.lower.shape))
        targets = np.broadcast_to(found.points, starts.shape)
        run = rj.robust_iteration(
            found.network,
            starts.reshape(-1, 2),
            60,
            delta,
            noise=noise,
            rng=2,
            fixed_point=targets.reshape(-1, 2),
        )
        last = run.errors[20:].max(axis=0).reshape(50, -1).max(axis=0)
        assert (last <= tubes + 1e-14).all()
        if delta:
            assert (last > (0.98 if noise == "adversarial" else 0.7) * tubes).all()
        else:
            assert tubes.max() <= 1e-3
    assert np.isinf(rj.certify_tubes(found, 0.3)).all()
    # of a smaller box the tube is still found, although noise can leave the region
    small = rj.certify_looped_regions(*rj.sample_looped_layer(2, 500.0, rng=6), "cubic", radius=0.1)
    assert (rj.certify_tubes(small, 0.05) < np.inf).all()
    with pytest.raises(ValueError, match="delta"):
        rj.certify_tubes(found, -1.0)


def run(capsys, *arguments):
    code = main(["looped", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command(capsys, tmp_path):
    stem, net, proof = tmp_path / "l", tmp_path / "net.npz", tmp_path / "proof.json"
    code, out, err = run(
        capsys, "--dimension", 4, "--m", 1000, "--seed", 1, "--depth", 3, "--delta", 0.01, "--out", stem,
        "--save", net, "--certificate", proof,
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "16 attracting fixed points" in out
    arrays, metadata = load_arrays(f"{stem}.npz")
    assert arrays["certified"].all()
    assert metadata["summary"]["count"] == 16
    rows = np.genfromtxt(f"{stem}.csv", delimiter=",", names=True)
    assert rows.dtype.names == ("x1", "x2", "x3", "x4", "errors", "constants", "margins", "certified")
    assert rj.load_network(net).widths == (4, 4, 4, 4)
    assert main(["check", str(proof)]) == 0
    assert "16 fixed points" in capsys.readouterr().out
    net.unlink()
    assert main(["rerun", f"{stem}.npz"]) == 0
    assert "identical" in capsys.readouterr().out
    assert not net.exists()


def test_the_command_counts_and_reads_networks(capsys, tmp_path):
    code, out, _ = run(capsys, "--dimension", 50, "--m", 1e4, "--seed", 1, "--out", tmp_path / "c", "--json")
    assert code == 0
    assert json.loads(out)["count"] == str(2**50)
    rj.looped(*rj.sample_looped_layer(2, 1e4, rng=1), "quintic", 5).save(tmp_path / "net.npz")
    code, out, _ = run(
        capsys, "--network", tmp_path / "net.npz", "--count", "--certificate", tmp_path / "p.json"
    )
    assert code == 0
    assert "3^2 attracting" in out
    assert checker.check(str(tmp_path / "p.json"))
    assert "9 boxes" in run(capsys, "--network", tmp_path / "net.npz", "--dry-run")[1]
    code, out, _ = run(capsys, "--dimension", 1, "--m", 5, "--seed", 2, "--out", tmp_path / "far")
    assert (code, "no box was found" in out) == (3, True)


def test_bad_input_of_the_command(capsys, tmp_path):
    rj.Network([np.eye(2), 2 * np.eye(2)], None, "cubic").save(tmp_path / "net.npz")
    for arguments, text in (
        (("--activation", "tanh"), "superattracting"),
        (("--activation", "cubic,quintic"), "one for all layers"),
        (("--delta", "-1"), "delta"),
        (("--dimension", "0"), "dimension"),
        (("--m", "0"), "m=0"),
        (("--noise", "loud"), "noise"),
        (("--radius", "0.7"), "radius"),
        (("--count", "--delta", "0.1"), "--delta"),
        (("--network", tmp_path / "net.npz"), "layers differ"),
        (("--network", tmp_path / "net.npz", "--m", "3"), "one of them"),
        (("--network", tmp_path / "no.npz"), "no.npz"),
        (("--save", tmp_path / "no" / "net.npz"), "--save"),
        (("--certificate", tmp_path / "no" / "p.json"), "--certificate"),
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, ""), arguments
        assert err.count("\n") == 1
        assert text in err, err
