"""`rmtjac certify` and `rmtjac check`: functions and networks, exit codes, files, bad input in one line."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import rmtjac as rj
from rmtjac.cli import main
from rmtjac.linkage.certificates.expressions import parsed_function
from rmtjac.storage import load_arrays


def run(capsys, *arguments):
    code = main([*map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_cases_of_the_source(capsys, tmp_path):
    path = tmp_path / "c.json"
    code, out, err = run(capsys, "certify", "--function", "(x**2-1)/3", "--save", path)
    assert (code, err) == (0, "")
    assert "proven: the box from -1 to 1 is mapped into itself with constant 0.666666667" in out
    assert "its only fixed point is -0.3027756377" in out
    code, out, err = run(capsys, "check", path)
    assert (code, err) == (0, "")
    assert "exactly one fixed point" in out
    code, out, _ = run(capsys, "certify", "--function", "(x**2-1)/3", "--lower", 3, "--upper", 4)
    assert code == 3
    assert out.splitlines()[1].startswith("refuted: not a self-map")
    code, out, _ = run(capsys, "certify", "--function", "3**-x", "--lower", 0)
    assert code == 3
    assert "refuted: constant 1.09861 >= 1" in out


def test_vectors_balls_and_files(capsys, tmp_path):
    text = "[x[0]**2/4 + x[1]/4, tanh(x[0]*x[1])/2]"
    code, out, _ = run(capsys, "certify", "--function", text, "--center", "0,0", "--radius", 0.5, "--norm", 2)
    assert code == 0
    assert "the ball of radius 0.5 about (0, 0)" in out
    stem = tmp_path / "o"
    code, out, _ = run(capsys, "certify", "--function", text, "--lower=-1,-1", "--out", stem, "--json")
    summary = json.loads(out)
    assert code == 0
    assert summary["regions"][0]["holds"]
    arrays, _ = load_arrays(f"{stem}.npz")
    assert arrays["lower"].shape == (1, 2)
    assert "its image lies in" in stem.with_suffix(".svg").read_text()
    code, out, _ = run(capsys, "rerun", f"{stem}.npz")
    assert (code, out.splitlines()[0]) == (0, "identical: every number is the same to the last bit")
    code, out, _ = run(capsys, "certify", "--function", "(x**2-1)/3", "--center=-0.3", "--out", stem)
    assert code == 0
    assert "part" in run(capsys, "certify", "--function", text, "--dry-run")[1]


def test_networks_and_their_fixed_points(capsys, tmp_path):
    ens = rj.Ensemble.self_map(
        n=2, width=10, depth=2, activation="hard_tanh", weights="cauchy", sigma_b="as_weights"
    )
    ens.sample(14).save(tmp_path / "net.npz")
    path = tmp_path / "regions.json"
    code, out, _ = run(
        capsys, "certify", "--network", tmp_path / "net.npz", "--around-fixed-points", "--save", path
    )
    assert "disjoint regions proven" in out
    assert code in (0, 3)
    assert "fixed points" in run(capsys, "check", path)[1]
    assert "parts" in run(capsys, "certify", "--network", tmp_path / "net.npz", "--dry-run")[1]
    code, out, _ = run(
        capsys, "certify", "--depth", 2, "--width", 50, "--activation", "tanh", "--sigma-w", 0.3
    )
    assert code == 0
    assert "widths 2-50-2" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--function", "sin(x)"], "is not allowed: allowed are numbers"),
        (["--function", "__import__('os').getcwd()"], "is not allowed"),
        (["--function", "x.real"], "is not allowed"),
        (["--function", "(lambda: x)()"], "is not allowed"),
        (["--function", "9**9**9*x"], "has no value"),
        (["--function", "1/0*x"], "has no value"),
        (["--function", "x["], "is no expression"),
        (["--function", "[x[0], x[7]]", "--lower=-1,-1"], "x has only 2 numbers"),
        (["--function", "x[0]"], "x is one number"),
        (["--function", "(" * 500 + "x" + ")" * 500], "is no expression"),
        (["--function", "x" + "-x" * 4000], "expression|has no value"),
        (["--function", "x", "--depth", "2"], "--function with --depth"),
        (["--function", "x", "--around-fixed-points"], "--around-fixed-points with --function"),
        (["--function", "x", "--radius", "1"], "--radius without --center"),
        (["--function", "x", "--center", "a"], "--center a"),
        (["--function", "x", "--norm", "3"], "norm='3'"),
        (["--function", "x", "--parts", "0"], "parts=0"),
        (["--function", "x/2", "--save", "/nowhere/x.json"], "--save"),
    ],
)
def test_bad_input_in_one_line(capsys, arguments, words):
    code, out, err = run(capsys, "certify", *arguments)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert re.search(words, err)


def test_a_text_is_the_function_that_it_says():
    x = np.linspace(0.1, 2.0, 7)
    for text, due in (
        ("(x**2 - 1)/3", (x**2 - 1) / 3),
        ("-exp(-x) + log(x)*pi - e", -np.exp(-x) + np.log(x) * np.pi - np.e),
        ("sqrt(abs(+x))", np.sqrt(x)),
    ):
        np.testing.assert_allclose(parsed_function(text)(x), due, rtol=1e-15)
