"""The command line: results in text, JSON and files; bad input in one line, exit 2, nothing written."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import rmtjac as rj
from rmtjac.cli import main
from rmtjac.storage import load_arrays

NETWORK = ["--activation", "relu", "--depth", "2", "--width", "30", "--sigma-w", "1.4"]
SAMPLING = [*NETWORK, "--replicates", "3", "--seed", "1"]

PHASE = ["--activation", "hard_tanh", "--depth", "4", "--sigma-w", "0.9:1.5:3", "--sigma-b", "0,0.2"]


def run(capsys, *arguments):
    code = main(list(map(str, arguments)))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_law_prints_support_and_atoms(capsys):
    code, out, _ = run(capsys, "law", *NETWORK)
    assert code == 0
    assert "0.5 at 0" in out


def test_law_says_why_numbers_are_nan(capsys):
    code, out, _ = run(capsys, "law", "--activation", "tanh", "--depth", 1, "--weights", "cauchy")
    assert code == 0
    assert "0.01: nan" in out
    assert "only the mass of the law is known, 0.1" in out


def test_compare_needs_no_law_at_given_gates(capsys):
    """Heavy-tailed networks have none."""
    network = ["--activation", "hard_tanh", "--depth", 1, "--weights", "cauchy", "--width", 50]
    code, out, _ = run(capsys, "compare", *network, "--replicates", 4, "--seed", 1)
    assert code == 0
    assert "Kolmogorov" in out
    assert "realised" not in out


def test_esd_is_law(capsys):
    assert run(capsys, "esd", *NETWORK)[1] == run(capsys, "law", *NETWORK)[1]


def test_law_files_hold_the_law(capsys, tmp_path):
    run(capsys, "law", *NETWORK, "--out", tmp_path / "x")
    arrays, metadata = load_arrays(tmp_path / "x.npz")
    law = rj.spectral_law(rj.Ensemble(depth=2, width=30, activation="relu", sigma_w=1.4))
    np.testing.assert_array_equal(arrays["density"], law.pdf(arrays["lambda"]))
    np.testing.assert_array_equal(arrays["support"], law.support)
    assert metadata["provenance"]["version"] == rj.__version__
    rows = np.genfromtxt(tmp_path / "x.csv", delimiter=",", names=True)
    np.testing.assert_array_equal(rows["density"], arrays["density"])
    assert (tmp_path / "x.svg").read_text().startswith("<?xml")


def test_json_is_json(capsys):
    for command in (["law", *NETWORK], ["sample", *SAMPLING], ["compare", *SAMPLING], ["phase", *PHASE]):
        code, out, _ = run(capsys, *command, "--json")
        assert code == 0
        assert json.loads(out)["files"] == []


def test_sample_is_that_of_the_package(capsys, tmp_path):
    run(capsys, "sample", *SAMPLING, "--out", tmp_path / "x", "--quiet")
    ens = rj.Ensemble(depth=2, width=30, activation="relu", sigma_w=1.4)
    arrays, _ = load_arrays(tmp_path / "x.npz")
    np.testing.assert_array_equal(arrays["singular_values"], rj.sample_spectrum(ens, 3, 1).singular_values)


def test_workers_change_nothing(capsys):
    one = run(capsys, "sample", *SAMPLING, "--json", "--workers", 1)[1]
    assert run(capsys, "sample", *SAMPLING, "--json", "--workers", 3)[1] == one


def test_flags_override_the_spec_file(capsys, tmp_path):
    (tmp_path / "x.toml").write_text('activation = "relu"\ndepth = 2\nwidth = 30\nsigma_w = 9.0\n')
    from_file = run(capsys, "law", "--spec", tmp_path / "x.toml", "--sigma-w", 1.4)[1]
    assert from_file == run(capsys, "law", *NETWORK)[1]


def test_a_result_tells_how_to_get_it_again(capsys, tmp_path):
    run(capsys, "compare", *SAMPLING, "--out", tmp_path / "x", "--quiet")
    arrays, metadata = load_arrays(tmp_path / "x.npz")
    (tmp_path / "again.toml").write_text(metadata["spec"])
    run(capsys, "compare", "--spec", tmp_path / "again.toml", "--out", tmp_path / "y", "--quiet")
    again, _ = load_arrays(tmp_path / "y.npz")
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)


def test_quiet_prints_nothing(capsys):
    assert run(capsys, "compare", *SAMPLING, "--quiet") == (0, "", "")


@pytest.mark.parametrize("command", ["law", "sample", "compare", "phase"])
def test_dry_run_says_what_it_would_cost(capsys, tmp_path, command):
    flags = {"law": NETWORK, "phase": PHASE}.get(command, SAMPLING)
    code, out, _ = run(capsys, command, *flags, "--dry-run", "--out", tmp_path / "x")
    assert code == 0
    assert "GB" in out
    assert list(tmp_path.iterdir()) == []


BAD = {
    "unknown activation": (
        ["law", "--depth", 2, "--activation", "swish"],
        ["activation", "swish", "hard_tanh"],
    ),
    "unknown weights": (["law", "--depth", 2, "--weights", "levy"], ["weights", "levy", "gaussian"]),
    "depth 0": (["law", "--depth", 0], ["depth", "0", "allowed"]),
    "depth not a number": (["law", "--depth", "two"], ["depth", "two", "integer"]),
    "no depth": (["law"], ["depth"]),
    "widths and depth": (["sample", "--widths", "5,5,5", "--depth", 7], ["depth", "7", "allowed"]),
    "sigma_w 0": (["law", "--depth", 2, "--sigma-w", 0], ["sigma_w", "0", "allowed"]),
    "sigma_w negative": (["law", "--depth", 2, "--sigma-w=-1"], ["sigma_w", "-1", "allowed"]),
    "sigma_w nan": (["law", "--depth", 2, "--sigma-w", "nan"], ["sigma", "nan"]),
    "q 0": (["law", "--depth", 2, "--activation", "hard_tanh", "--q", 0], ["q", "0", "> 0"]),
    "q negative": (["law", "--depth", 2, "--activation", "hard_tanh", "--q=-2"], ["q", "-2", "> 0"]),
    "q0 negative": (["law", "--depth", 2, "--q0=-2"], ["q0", "-2", "allowed"]),
    "too wide": (["sample", "--depth", 2, "--width", 10**6, "--replicates", 1], ["width", "1000000", "GB"]),
    "far too wide": (["compare", "--depth", 2, "--width", 10**12], ["width", "10"]),
    "no replicates": (["sample", "--depth", 2, "--width", 5, "--replicates", 0], ["replicates", "0", ">= 1"]),
    "no workers": (["sample", "--depth", 2, "--width", 5, "--workers", 0], ["workers", "0", ">= 1"]),
    "heavy tails": (
        ["law", "--depth", 2, "--weights", "stable:1.5", "--activation", "hard_tanh"],
        ["weights", "stable:1.5", "gates", "independent", "population_spectrum"],
    ),
    "rectangular and orthogonal": (
        ["law", "--widths", "30,40", "--weights", "orthogonal"],
        ["orthogonal", "widths", "30, 40", "equal"],
    ),
    "side": (["law", "--depth", 2, "--side", "left"], ["side", "left", "output", "input"]),
    "phase without depth": (["phase"], ["depth"]),
    "phase too deep": (["phase", "--depth", 10**5], ["depth", "100000", "10000"]),
    "phase of layers": (["phase", "--depth", 2, "--activation", "relu,tanh"], ["activation", "relu", "one"]),
    "phase of heavy tails": (
        ["phase", "--depth", 2, "--weights", "cauchy"],
        ["weights", "cauchy", "variance"],
    ),
    "grid": (["phase", "--depth", 2, "--sigma-w", "1:2"], ["--sigma-w", "1:2", "FROM:TO:COUNT"]),
    "grid of none": (["phase", "--depth", 2, "--sigma-b", "0:1:0"], ["--sigma-b", "0:1:0", "COUNT"]),
    "grid below 0": (["phase", "--depth", 2, "--sigma-w=-1:1:3"], ["sigma_w", "-1", "allowed"]),
    "grid too large": (
        ["phase", "--depth", 2, "--sigma-w", "1:2:1000", "--sigma-b", "0:1:1000"],
        ["1000 sigma_w", "allowed", "100000"],
    ),
    "bias as weights": (
        ["phase", "--depth", 2, "--sigma-b", "as_weights"],
        ["sigma_b", "as_weights", "array"],
    ),
    "points": (["law", "--depth", 2, "--points", 1], ["points", "1", "allowed"]),
    "unknown flag": (["law", "--depth", 2, "--sigma", 2], ["--sigma"]),
    "unknown command": (["spectrum"], ["spectrum", "law"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_2(capsys, tmp_path, monkeypatch, name):
    arguments, words = BAD[name]
    monkeypatch.chdir(tmp_path)
    try:
        code = main([*map(str, arguments), *(["--out", "x"] if arguments[0] != "spectrum" else [])])
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.startswith("rmtjac")
    assert captured.err.count("\n") == 1
    for word in words:
        assert word in captured.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["depth = ", "sigma = 3\ndepth = 2", "depth = 'two'", "\x00"])
def test_a_bad_spec_file_is_one_line_and_exit_2(capsys, tmp_path, text):
    (tmp_path / "x.toml").write_text(text)
    code, out, err = run(capsys, "law", "--spec", tmp_path / "x.toml")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_missing_output_folder_is_found_before_any_work(capsys, tmp_path):
    code, _, err = run(capsys, "compare", "--depth", 2, "--width", 2000, "--out", tmp_path / "no" / "x")
    assert code == 2
    assert "does not exist" in err


def test_interrupting_exits_with_130(capsys, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("rmtjac.sampling.spectrum.sample_spectrum", interrupt)
    assert run(capsys, "sample", *SAMPLING)[0] == 130


def test_help_imports_nothing_heavy():
    code = "import sys; from rmtjac.cli import build_parser; build_parser(); print([m for m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("numpy", "numba", "scipy", "matplotlib"):
        assert f"'{heavy}'" not in done.stdout


def test_every_public_name_can_be_imported():
    for name in rj.__all__:
        assert getattr(rj, name) is not None


def test_a_picture_without_eigenvalues(capsys, tmp_path):
    arguments = [
        "sample",
        "--depth",
        20,
        "--width",
        2,
        "--activation",
        "relu",
        "--replicates",
        3,
        "--seed",
        1,
    ]
    assert run(capsys, *arguments, "--out", tmp_path / "x")[0] == 0


@pytest.mark.parametrize("flags", [["--depth", 3], ["--depth", 1, "--activation", "leaky_relu(0.2)"]])
def test_laws_of_atoms_only(capsys, tmp_path, flags):
    assert run(capsys, "law", *flags, "--weights", "orthogonal", "--out", tmp_path / "x")[0] == 0
    assert len(list(tmp_path.iterdir())) == 3


def test_equal_eigenvalues_have_a_histogram(capsys, tmp_path):
    flags = [
        "--depth",
        1,
        "--weights",
        "orthogonal",
        "--width",
        20,
        "--replicates",
        2,
        "--out",
        tmp_path / "x",
    ]
    assert run(capsys, "sample", *flags)[0] == 0


@pytest.mark.parametrize("command", ["sample", "compare"])
@pytest.mark.parametrize("sigma_w", [0.01, 10])
def test_eigenvalues_out_of_range_are_refused(capsys, tmp_path, command, sigma_w):
    flags = ["--depth", 400, "--width", 20, "--replicates", 2, "--sigma-w", sigma_w, "--out", tmp_path / "x"]
    code, _, err = run(capsys, command, *flags)
    assert (code, err.count("\n")) == (2, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_law_beyond_the_doubles_is_told_in_logarithms(capsys, tmp_path):
    code, out, err = run(capsys, "law", "--depth", 1000, "--sigma-w", 3, "--out", tmp_path / "x")
    assert (code, err) == (0, "")
    assert "2205.13" in out


def test_a_point_that_did_not_converge_is_exit_3_with_the_result_written(capsys, tmp_path, monkeypatch):
    import rmtjac.cli.law

    def table_with_a_lost_point(law, points):
        table = law_table(law, points)
        table["code"] = np.ones_like(table["code"])
        return table

    law_table = rmtjac.cli.law.law_table
    monkeypatch.setattr(rmtjac.cli.law, "law_table", table_with_a_lost_point)
    assert run(capsys, "law", *NETWORK, "--out", tmp_path / "x")[0] == 3
    assert len(list(tmp_path.iterdir())) == 3


def test_a_rectangular_network_has_a_law_on_both_sides(capsys):
    flags = ["law", "--widths", "30,60,40", "--activation", "relu", "--json"]
    output, input_ = (json.loads(run(capsys, *flags, "--side", side)[1]) for side in ("output", "input"))
    # 20 of the 40 last units are open; J^T J has 30 eigenvalues and the same positive ones
    assert output["atoms"] == [[0.0, 0.5]]
    assert input_["atoms"] == [[0.0, pytest.approx(1 / 3)]]
    assert input_["support"] == output["support"]


def test_sides_of_a_sample_differ_in_zeros_only(capsys, tmp_path):
    flags = ["sample", "--widths", "20,30,25", "--replicates", 2, "--seed", 3]
    for side in ("output", "input"):
        run(capsys, *flags, "--side", side, "--out", tmp_path / side, "--quiet")
    output, input_ = (
        load_arrays(tmp_path / f"{side}.npz")[0]["singular_values"] for side in ("output", "input")
    )
    assert (output.shape, input_.shape) == ((2, 25), (2, 20))
    np.testing.assert_allclose(output[:, 5:], input_, rtol=1e-10)
    assert not output[:, :5].any()


def test_compare_on_the_side_of_the_input(capsys):
    code, out, _ = run(
        capsys,
        "compare",
        "--widths",
        "60,80,100",
        "--replicates",
        3,
        "--seed",
        1,
        "--side",
        "input",
        "--json",
    )
    assert code == 0
    assert json.loads(out)["distances"]["zero_mass_gap"] == pytest.approx(0.0, abs=1e-12)


def test_compare_prints_its_tests_and_their_band(capsys):
    flags = ["compare", "--depth", 2, "--width", 60, "--replicates", 10, "--seed", 1]
    distances = json.loads(run(capsys, *flags, "--json")[1])["distances"]
    assert distances["band"] == {
        "distribution": pytest.approx(1 / 180), "mean": 0.0, "log_top": pytest.approx(1 / 30), "zero_mass": 0.0
    }  # fmt: skip
    assert all(0.0 < distances[f"{name}p_value"] <= 1.0 for name in ("", "mean_", "edge_", "zero_mass_"))
    printed = run(capsys, *flags)[1]
    assert "(finite-N band 0.005556)" in printed
    assert "Tracy-Widom scale       -1.20653" in printed


def test_compare_without_a_soft_edge_or_a_second_network(capsys):
    flags = ["compare", "--depth", 2, "--width", 30, "--weights", "orthogonal", "--replicates", 1]
    code, out, _ = run(capsys, *flags)
    assert code == 0
    assert "Tracy-Widom" not in out
    assert "nan" not in out
    assert json.loads(run(capsys, *flags, "--json")[1])["distances"]["p_value"] is None


def test_phase_names_the_critical_and_the_tuned_scale(capsys):
    code, out, err = run(capsys, "phase", "--activation", "relu", "--depth", 5)
    assert (code, err) == (0, "")
    assert "critical" in out
    assert "sigma_w = 1.41421 with sigma_b = 0" in out
    assert "no finite q*" in out


def test_phase_is_that_of_the_package(capsys, tmp_path):
    code, out, _ = run(capsys, "phase", *PHASE, "--json", "--out", tmp_path / "x")
    printed = json.loads(out)
    diagram = rj.phase_diagram("hard_tanh", [0.9, 1.2, 1.5], [0.0, 0.2], depths=[1, 4])
    arrays, metadata = load_arrays(tmp_path / "x.npz")
    assert code == 0
    for name in ("q_star", "chi", "log_lam_max", "critical_sigma_w", "tuned_sigma_w", "tuned_range"):
        np.testing.assert_array_equal(arrays[name], getattr(diagram, name))
        np.testing.assert_array_equal(np.array(printed[name], dtype=float), arrays[name])
    rows = np.genfromtxt(tmp_path / "x.csv", delimiter=",", names=True)
    np.testing.assert_array_equal(rows["chi"], diagram.chi.ravel())
    np.testing.assert_array_equal(rows["log_lam_max_4"], diagram.log_lam_max[..., 1].ravel())
    assert printed["best"]["sigma_w"] == diagram.tuned_sigma_w[0, -1]
    assert (tmp_path / "x.svg").read_text().startswith("<?xml")
    (tmp_path / "again.toml").write_text(metadata["spec"])
    assert (
        json.loads(run(capsys, "phase", "--spec", tmp_path / "again.toml", "--json")[1])["chi"]
        == printed["chi"]
    )


def test_phase_takes_its_settings_from_a_file(capsys, tmp_path):
    (tmp_path / "x.toml").write_text(
        'activation = "hard_tanh"\ndepth = 4\nsigma_w = [0.9, 1.2]\nsigma_b = 0.3\n'
    )
    flags = ["phase", "--spec", tmp_path / "x.toml", "--json", "--sigma-b", "0:0.2:2"]
    printed = json.loads(run(capsys, *flags)[1])
    assert (printed["sigma_w"], printed["sigma_b"]) == ([0.9, 1.2], [0.0, 0.2])


def test_phase_without_a_scale_to_recommend(capsys, monkeypatch):
    monkeypatch.setattr("rmtjac.theory.conditioning.LARGEST_LOG", 0.0)
    code, out, _ = run(capsys, "phase", *PHASE)
    assert code == 0
    assert "best       none" in out
