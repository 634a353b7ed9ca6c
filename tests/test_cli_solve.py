"""`rmtjac solve`: problems and networks from files, several methods, exit codes, bad input in one line."""

from __future__ import annotations

import json
from contextlib import nullcontext

import numpy as np
import pytest

import rmtjac as rj
from rmtjac.cli import main
from rmtjac.storage import load_arrays


@pytest.fixture
def problem(tmp_path):
    rng = np.random.default_rng(1)
    weights, x = 0.9 * rng.standard_normal((30, 30)) / np.sqrt(30), rng.standard_normal(30)
    np.savez(tmp_path / "problem.npz", W=weights, x=x)
    return tmp_path / "problem.npz"


def run(capsys, *arguments):
    code = main(["solve", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_problem_by_every_method(capsys, problem, tmp_path):
    methods = ["picard", "newton", "broyden", "anderson"]
    code, out, err = run(capsys, "--problem", problem, "--method", ",".join(methods), "--out", tmp_path / "s")
    assert (code, err) == (0, "")
    for method in methods:
        assert f"{method:<9} converged: residual" in out
    assert "picard attracts" in out
    arrays, metadata = load_arrays(tmp_path / "s.npz")
    assert arrays["x"].shape == (4, 30)
    np.testing.assert_allclose(arrays["x"], arrays["x"][:1].repeat(4, axis=0), atol=1e-8)
    rows = np.genfromtxt(tmp_path / "s.csv", delimiter=",", names=True)
    assert rows.dtype.names == ("iteration", *methods)
    nfev = [metadata["summary"]["methods"][method]["nfev"] for method in methods]
    assert arrays["nfev"].tolist() == nfev
    assert "anderson" in (tmp_path / "s.svg").read_text()


def test_a_network_file(capsys, tmp_path):
    net = rj.Ensemble.self_map(3, 20, 4, activation="tanh", sigma_w=0.8).sample(0)
    net.save(tmp_path / "net.npz")
    np.save(tmp_path / "start.npy", np.ones(3))
    code, out, _ = run(capsys, "--network", tmp_path / "net.npz", "--start", tmp_path / "start.npy", "--json")
    assert code == 0
    assert json.loads(out)["methods"]["anderson"]["success"]
    assert "one evaluation costs" in run(capsys, "--network", tmp_path / "net.npz", "--dry-run")[1]


def test_exit_3_says_why(capsys, tmp_path):
    np.savez(tmp_path / "wild.npz", W=-5.0 * np.eye(2), x=np.zeros(2) + 0.1)
    code, out, _ = run(capsys, "--problem", tmp_path / "wild.npz", "--method", "picard,anderson")
    assert code == 3
    assert "picard    oscillation: the iterates return after 2 steps" in out
    assert "picard does not attract" in out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--problem", "nothing.npz"], "--problem nothing.npz: cannot be read"),
        (["--problem", "P", "--method", "secant"], "--method secant: allowed are picard, newton"),
        (["--problem", "P", "--method", "picard,picard"], "each once"),
        (["--problem", "P", "--tol", "-1"], "tol=-1.0: allowed are 0 and numbers"),
        (["--problem", "P", "--max-iter", "0"], "max_iter=0: allowed are integers >= 1"),
        (["--problem", "P", "--start", "P2"], "--start"),
        (["--problem", "P", "--network", "N"], "not allowed with"),
        ([], "one of the arguments --network --problem is required"),
    ],
)
def test_bad_input_is_one_line(capsys, problem, tmp_path, flags, message):
    np.save(tmp_path / "start.npy", np.ones(3))
    names = {"P": problem, "P2": tmp_path / "start.npy"}
    with pytest.raises(SystemExit) if "allowed with" in message or not flags else nullcontext() as ended:
        code, out, err = run(capsys, *(names.get(flag, flag) for flag in flags))
    if ended is not None:
        code, (out, err) = ended.value.code, capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err


def test_a_result_runs_again(capsys, problem, tmp_path):
    run(capsys, "--problem", problem, "--out", tmp_path / "s", "--quiet")
    assert main(["rerun", str(tmp_path / "s.npz")]) == 0


def test_a_file_without_x(capsys, tmp_path):
    np.savez(tmp_path / "w.npz", W=np.eye(2))
    code, _, err = run(capsys, "--problem", tmp_path / "w.npz")
    assert code == 2
    assert "has no array x: allowed are files of W and x" in err
    np.savez(tmp_path / "w.npz", W=np.ones((3, 2)), x=np.ones(3))
    assert "allowed is as many" in run(capsys, "--problem", tmp_path / "w.npz")[2]
