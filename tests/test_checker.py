"""The checker: it confirms what is certified, and nothing that was made false; hostile files; without the package."""

from __future__ import annotations

import ast
import hashlib
import json
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from flint import arb, ctx

import rmtjac as rj
from rmtjac import checker
from rmtjac.linkage.certificates.elementary import FUNCTIONS, slopes, values
from tests.conftest import ACTIVATIONS

SOURCE = Path(checker.__file__)


@pytest.fixture
def flint_precision():
    before, ctx.prec = ctx.prec, checker.PRECISION
    yield
    ctx.prec = before


def network(d, activation, seed=0, depth=2):
    rng = np.random.default_rng(seed)
    weights = [0.3 * rng.standard_normal((d, d)) / np.sqrt(d) for _ in range(depth)]
    return rj.Network(weights, [0.1 * rng.standard_normal(d) for _ in range(depth)], activation)


def rewritten(path, change, digest=True):
    """The file with a changed content and, if wanted, a digest that fits it."""
    content = json.loads(path.read_text())
    content.pop("digest")
    change(content)
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    if digest:
        content["digest"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", ["inf", "1", "2", "diagonal"])
def test_certificates_of_networks_are_confirmed(tmp_path, activation, norm):
    for d in (1, 2, 10):
        net = network(d, activation, seed=d)
        center = rj.solve_fixed_point(net, np.zeros(d), method="picard").x
        found = rj.certify_contraction(net, center=center, radius=0.7, norm=norm, parts=8)
        assert found.holds
        lines = checker.check(found.save(tmp_path / "c.json"))
        assert f"constant {found.constant:.9g} < 1 in the norm {norm}" in lines[1]


def functions(a):
    return [
        lambda x: (x**2 - 1) / 3 + 0.1 * (a @ x),
        lambda x: 0.2 * 3.0**-x + 0.1 * a @ np.tanh(x - x.sum() / 10),
        lambda x: 0.1 / (3 + a @ x) ** 2 - (abs(x) + 1) ** 1.5 / 9,
        lambda x: np.sqrt(2 + x) / 5 + np.log(3 + x) / 7,
        lambda x: 0.1 * np.exp(-(x**3)) * x[::-1],
        lambda x: [x[0] * x[1] / 3, np.maximum(x[0], x[2]) / 4, rj.Interval(0.1, 0.2) * x[1]],
        lambda x: np.stack([x, x]).sum(axis=0) / 5,
        lambda x: 0.1 * (x.reshape(3, 1) @ x.reshape(1, 3)) @ x,
    ]


@pytest.mark.parametrize("k", range(8))
@pytest.mark.parametrize("norm", ["inf", "2"])
def test_certificates_of_functions_are_confirmed(tmp_path, k, norm):
    f = functions(np.random.default_rng(1).uniform(-1, 1, (3, 3)))[k]
    found = rj.certify_contraction(f, -0.9, [0.9] * 3, norm=norm, parts=64)
    assert found.holds, found.reason
    assert "exactly one fixed point" in checker.check(found.save(tmp_path / "c.json"))[1]


def test_matrices_and_many_regions(tmp_path):
    a = np.array([[0.1, 0.2], [0.3, 0.1]])
    found = rj.certify_contraction(
        lambda X: 0.3 * a @ X @ X.T + a / 5, -np.ones((2, 2)), np.ones((2, 2)), norm=2
    )
    checker.check(found.save(tmp_path / "c.json"))
    net = rj.Network([np.eye(2)], None, rj.Activation("cubic3", lambda u: u, lambda u: np.ones_like(u)))
    assert not rj.certify_contraction(net, -1, 1).holds
    found = rj.contraction_regions(
        lambda x: 3 * x**2 - 2 * x**3, points=np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    )
    lines = checker.check(found.save(tmp_path / "c.json"))
    assert "proven: 3 regions" in lines[1]
    assert lines[2] == "the regions are disjoint: 3 fixed points"


def test_what_is_taken_on_trust_is_said(tmp_path):
    phi = rj.Activation("sine", np.sin, np.cos, range=(-1, 1), derivative_range=(-1, 1))
    found = rj.certify_contraction(rj.Network([[[0.5]]], None, phi), -1, 1)
    assert "taken on trust: 'sine'" in checker.check(found.save(tmp_path / "c.json"))[-1]


FALSE = {
    "constant below the norm": lambda c: c["regions"][0].update(constant=0.99 * c["regions"][0]["constant"]),
    "constant of 1": lambda c: c["regions"][0].update(constant=1.0),
    "larger region": lambda c: c["regions"][0].update(low=[-3.0, -3.0], high=[3.0, 3.0]),
    "region elsewhere": lambda c: c["regions"][0].update(low=[0.5, 0.5]),
    "another norm": lambda c: c["regions"][0].update(norm="diagonal", weights=[1.0, 0.001]),
    "steeper map": lambda c: next(s for s in c["function"]["steps"] if s[0] == "dot")[2][0].__setitem__(
        0, 2.0
    ),
    "one part alone": lambda c: c["regions"][0].update(tree=[-1]),
}


@pytest.fixture
def certificate(tmp_path):
    def g(x):
        return np.tanh(np.array([[0.9, -0.1], [0.1, 0.5]]) @ x) * np.tanh(x) * 1.1 / 2

    found = rj.certify_contraction(g, [-1.0, -1.0], [1.0, 1.0])
    assert found.holds
    assert found.parts > 8
    return found.save(tmp_path / "certificate.json")


@pytest.mark.parametrize("name", FALSE)
def test_false_claims_are_not_proven(certificate, capsys, name):
    assert checker.main([str(certificate)]) == 0
    rewritten(certificate, FALSE[name])
    assert checker.main([str(certificate)]) == 3
    captured = capsys.readouterr()
    assert "NOT proven: region 1 of 1" in captured.err


def test_an_edited_file_is_refused(certificate, capsys):
    rewritten(certificate, FALSE["larger region"], digest=False)
    assert checker.main([str(certificate)]) == 2
    assert "digest does not match" in capsys.readouterr().err


MALFORMED = {
    "no steps": lambda c: c["function"].update(steps=[]),
    "unknown step": lambda c: c["function"]["steps"].append(["sin", 0]),
    "later step": lambda c: c["function"]["steps"].append(["add", 0, 99]),
    "second input": lambda c: c["function"]["steps"].append(["input", 2]),
    "unknown function": lambda c: c["function"]["steps"].append(["apply", 0, "leaky_relu(nan)"]),
    "no matrix": lambda c: c["function"]["steps"].append(["dot", 0, [[1.0, 2.0], [3.0]]]),
    "entry outside": lambda c: c["function"]["steps"].append(["take", 0, [0, 2]]),
    "power": lambda c: c["function"]["steps"].append(["power", 0, 10**9]),
    "sizes": lambda c: c["function"]["steps"].append(["constant", [1.0], [1.0]]),
    "reversed": lambda c: c["function"]["steps"].insert(1, ["constant", [1.0], [0.0]]),
    "huge step": lambda c: c["function"]["steps"].extend(["join", [k] * 1000] for k in range(1, 9)),
    "size": lambda c: c["function"].update(size=10**12),
    "no region": lambda c: c.update(regions=[]),
    "empty region": lambda c: c["regions"][0].update(low=[1.0, 1.0], high=[-1.0, -1.0]),
    "short region": lambda c: c["regions"][0].update(low=[-1.0]),
    "text": lambda c: c["regions"][0].update(low=["-1", "-1"]),
    "axis": lambda c: c["regions"][0].update(tree=[7, -1, -1]),
    "tree without end": lambda c: c["regions"][0].update(tree=[0, -1]),
    "tree too long": lambda c: c["regions"][0].update(tree=[-1, -1]),
    "norm": lambda c: c["regions"][0].update(norm="best"),
    "weights": lambda c: c["regions"][0].update(norm="diagonal", weights=[1.0, -1.0]),
    "no weights": lambda c: c["regions"][0].update(norm="diagonal"),
    "ball": lambda c: c["regions"][0].update(radius=1.0, center=[0.0, 0.0]),
    "kind": lambda c: c.update(kind="wish"),
    "version": lambda c: c.update(version=2),
    "format": lambda c: c.update(format="other"),
    "boolean": lambda c: c["regions"][0].update(constant=True),
    "huge integer": lambda c: c["regions"][0].update(constant=10**400),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_files_are_refused_in_a_line(certificate, capsys, name):
    rewritten(certificate, MALFORMED[name])
    assert checker.main([str(certificate)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"{certificate}: refused: ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "truncated"),
        (b'{"format": "rmtjac certificate", "ver', "truncated"),
        (b"[" * 10**5, "nested|truncated"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"format": "rmtjac certificate", "version": 1, "a": 1e999}', "not finite"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"null", "format"),
        (b'{"a": ' + b"9" * 10**5 + b"}", "not JSON|format"),
    ],
)
def test_hostile_texts(tmp_path, capsys, text, words):
    path = tmp_path / "x.json"
    path.write_bytes(text)
    assert checker.main([str(path)]) == 2
    assert re.search(words, capsys.readouterr().err)


def test_the_box_of_a_ball_must_hold_it(tmp_path, capsys):
    found = rj.certify_contraction(lambda x: x / 2, center=[0.0, 0.0], radius=1.0, norm=2, parts=4)
    path = found.save(tmp_path / "c.json")
    checker.check(path)
    rewritten(path, lambda c: c["regions"][0].update(low=[-0.5, -0.5]))
    assert checker.main([str(path)]) == 3
    assert "does not hold its ball" in capsys.readouterr().err


def test_a_map_that_is_not_defined_and_a_name_that_is_a_text(certificate, capsys):
    def hidden(content):
        steps = content["function"]["steps"]
        last = len(steps) - 1
        steps += [["constant", [-1.0] * 2, [-1.0] * 2], ["apply", last + 1, "log"]]
        steps += [
            ["constant", [0.0] * 2, [0.0] * 2],
            ["multiply", last + 2, last + 3],
            ["add", last, last + 4],
        ]

    rewritten(certificate, lambda c: c["function"].update(name="f\nproven: \x1b[2J anything"))
    assert checker.main([str(certificate)]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 2
    assert "\x1b" not in out
    rewritten(certificate, hidden)
    assert checker.main([str(certificate)]) == 3
    assert "not proven to be defined" in capsys.readouterr().err


def test_arguments_and_files(tmp_path, capsys):
    assert checker.main(["/dev/zero"]) == 2
    assert "not a file" in capsys.readouterr().err
    assert checker.main([]) == 2
    assert "usage" in capsys.readouterr().err
    assert checker.main([str(tmp_path / "none.json")]) == 2
    assert "No such file" in capsys.readouterr().err
    assert checker.main([str(tmp_path)]) == 2


def test_it_imports_the_standard_library_and_flint_only(certificate, tmp_path):
    tree = ast.parse(SOURCE.read_text())
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(node.module.split(".")[0])
    assert names - {"flint"} <= set(sys.stdlib_module_names)
    alone = shutil.copy(SOURCE, tmp_path / "alone.py")
    run = subprocess.run(
        [sys.executable, "-I", alone, certificate], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "exactly one fixed point" in run.stdout


def test_without_flint_the_extra_is_named(certificate, capsys, monkeypatch):
    monkeypatch.setattr(checker, "arb", None)
    assert checker.main([str(certificate)]) == 2
    assert "rmtjac[certify]" in capsys.readouterr().err


def test_its_functions_lie_within_those_of_the_package_and_about_their_own_points(flint_precision):
    known = checker._smooth_functions() | checker._other_functions()
    rng = np.random.default_rng(2)
    low = np.concatenate([rng.uniform(-4, 4, 60), [-1.0, 0.0, 1.0]])
    high = low + np.concatenate([10.0 ** rng.uniform(-6, 0.8, 60), [1.0, 1.0, 0.0]])
    names = [*FUNCTIONS, *ACTIVATIONS, "cubic", "exp_cubic", "quintic", "hermite(2)", "hermite(7)"]
    for name in names:
        function = checker._function(name, known)
        ends = values(name, (low, high)), slopes(name, (low, high))
        for k in range(low.size):
            try:
                found = [f(arb(low[k]), arb(high[k])) for f in (function.values, function.slopes)]
            except checker.Unproven:
                assert name in ("log", "sqrt", "reciprocal")
                assert np.isinf(ends[1][1][k])
                continue
            for j, (below, above) in enumerate(found):
                if below.is_finite():
                    assert arb(ends[j][0][k]) <= below + arb(2) ** -100
                    assert arb(ends[j][1][k]) >= above - arb(2) ** -100
            if not hasattr(function, "value") or not found[1][0].is_finite():
                continue
            for x in rng.uniform(low[k], high[k], 5):
                step = arb(2) ** -40
                here, there = function.value(arb(x)), function.value(arb(x) + step)
                assert found[0][0] <= here.upper()
                assert found[0][1] >= here.lower()
                if arb(x) + step <= high[k]:
                    slope = (there - here) / step
                    assert found[1][0] <= slope.upper()
                    assert found[1][1] >= slope.lower()


def test_disjoint_boxes():
    grid = [([float(i), float(j)], [i + 0.5, j + 0.5]) for i in range(20) for j in range(20)]
    assert checker._are_disjoint(grid)
    assert not checker._are_disjoint([*grid, ([3.2, 3.2], [3.3, 3.3])])
    pinwheel = [
        ([0, 0], [2, 0.9]),
        ([2.1, 0], [3, 2]),
        ([1, 2.1], [3, 3]),
        ([0, 1], [0.9, 3]),
        ([1, 1], [2, 2]),
    ]
    assert checker._are_disjoint(pinwheel)
    assert not checker._are_disjoint([*pinwheel, ([1.5, 1.5], [1.6, 1.6])])


def test_a_spectral_norm_is_proven_and_a_smaller_one_is_not(flint_precision):
    rng = np.random.default_rng(4)
    for n in (1, 2, 7):
        a = rng.standard_normal((n, n))
        norm = np.linalg.norm(a, 2)
        matrix = checker.arb_mat(n, n, a.ravel().tolist())
        sizes = checker._sizes(matrix, None)
        assert checker._spectral_norm_is_below(matrix, None, sizes, arb(norm * (1 + 1e-12)))
        assert not checker._spectral_norm_is_below(matrix, None, sizes, arb(norm * (1 - 1e-12)))
        assert not checker._spectral_norm_is_below(matrix, sizes * math.nan, sizes * math.nan, arb(norm))
