"""Inspection of one network: its parts are those of other functions, in the library and on the command line."""

from __future__ import annotations

import base64
import json
import math
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import h5py
import numpy as np
import pytest

import rmtjac as rj
from rmtjac.cli import main
from rmtjac.report import Section, html_page


def wide(seed=1):
    ens = rj.Ensemble(widths=[90, 120, 60], activation=["tanh", "relu"], sigma_w=1.4, sigma_b=0.2)
    return ens.sample(seed)


def contraction():
    """A map with one fixed point, which attracts."""
    return rj.Ensemble.self_map(n=3, width=30, depth=2, activation="tanh", sigma_w=0.4, sigma_b=0.3).sample(2)


@pytest.fixture
def inputs(rng):
    return rng.standard_normal((6, 90))


def test_jacobians_and_norms(inputs):
    net = wide()
    found = rj.inspect_network(net, inputs)
    for k, x in enumerate(inputs):
        values = np.linalg.eigvalsh(net.jacobian(x) @ net.jacobian(x).T)[::-1]
        np.testing.assert_allclose(found.eigenvalues[k], np.maximum(values, 0.0), atol=1e-12 * values[0])
    np.testing.assert_allclose(found.norms, rj.spectral_norm(net, inputs), rtol=1e-10)
    assert found.basins is None
    assert found.fixed_points is None


def test_a_random_network_is_like_its_law_and_another_is_not(rng):
    """Widths of 200: gates and scales move the law by some N^(-1/2); doubled weights of one layer stand out."""
    ens = rj.Ensemble(widths=[200, 200, 200], activation="hard_tanh", sigma_w=1.2, sigma_b=0.1)
    net, x = ens.sample(3), rng.standard_normal((5, 200))
    found = rj.inspect_network(net, x)
    assert found.ks < 0.08
    np.testing.assert_allclose(found.norms / found.predicted_norm, 1.0, atol=0.15)
    assert found.law.mean() == pytest.approx(found.eigenvalues.mean(), rel=0.1)
    np.testing.assert_allclose(found.ensemble.sigma_w, 1.2, rtol=0.03)
    low_rank = rj.Network(
        [net.weights[0], net.weights[1] * (np.arange(200) < 100)[:, None]], net.biases, net.activations
    )
    assert rj.inspect_network(low_rank, x).ks > 0.15


def test_kolmogorov_distance_is_that_of_a_sample(inputs):
    net = wide()
    found = rj.inspect_network(net, inputs)
    values = found.eigenvalues.ravel()
    # relu: zeros are an atom, and only above it is the law continuous
    naive = 0.0
    for x in values[values > 1e-20]:
        low, high = np.mean(values < x), np.mean(values <= x)
        naive = max(naive, abs(low - found.law.cdf(x)), abs(high - found.law.cdf(x)))
    naive = max(naive, abs(np.mean(values <= 1e-20) - found.law.cdf(0.0)))
    assert found.ks == pytest.approx(naive, abs=1e-12)


def test_more_outputs_than_inputs_have_zeros(rng):
    net = rj.Ensemble(widths=[30, 50, 70], activation="erf").sample(1)
    found = rj.inspect_network(net, rng.standard_normal((2, 30)))
    assert found.eigenvalues.shape == (2, 70)
    assert (found.eigenvalues[:, 30:] == 0.0).all()
    assert found.law.cdf(0.0) == pytest.approx(40 / 70)
    assert found.ks < 0.2


def test_attractors_and_fixed_points_near_the_inputs(rng):
    net = contraction()
    found = rj.inspect_network(net, rng.standard_normal((4, 3)))
    expected = rj.solve_fixed_point(net, np.zeros(3)).x
    assert found.basins.labels.tolist() == [1] * 4
    assert found.fixed_points.certified.tolist() == [True]
    assert found.fixed_points.complete
    assert (np.abs(found.fixed_points.points[0] - expected) <= found.fixed_points.errors[0] + 1e-9).all()


def test_fixed_points_of_wide_maps_are_certified(rng):
    net = rj.Ensemble.self_map(n=12, width=30, depth=2, activation="tanh", sigma_w=0.5, sigma_b=0.3).sample(2)
    found = rj.inspect_network(net, rng.standard_normal(12))
    assert found.inputs.shape == (1, 12)
    assert found.fixed_points.certified.tolist() == [True]
    assert found.fixed_points.stability == ("stable",)
    np.testing.assert_allclose(
        found.fixed_points.points[0], rj.solve_fixed_point(net, np.zeros(12)).x, atol=1e-8
    )


def test_what_has_no_law_says_so(rng):
    zero = rj.Network([np.zeros((30, 30))], None, "tanh")
    found = rj.inspect_network(zero, rng.standard_normal((2, 30)))
    assert found.layers == (None,)
    assert found.law is None
    assert "sigma_w" in found.note
    assert math.isnan(found.ks)
    assert found.norms.tolist() == [0.0, 0.0]
    assert found.plot()
    narrow = rj.Ensemble(widths=[5, 4], activation="relu").sample(1)
    assert "width 4" in rj.inspect_network(narrow, np.ones((1, 5))).note


def test_refusals(inputs):
    with pytest.raises(TypeError, match="net="):
        rj.inspect_network(np.sin, inputs)
    for bad in (np.ones((2, 91)), np.full((2, 90), np.inf), np.empty((0, 90))):
        with pytest.raises(ValueError, match="starts"):
            rj.inspect_network(wide(), bad)
    huge = rj.Network([1e200 * np.eye(2), 1e200 * np.eye(2)], None, "linear")
    with pytest.raises(ValueError, match=r"inputs\[0\]"):
        rj.inspect_network(huge, np.ones((1, 2)))


def run(capsys, *arguments):
    code = main(["inspect", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_command_and_its_files(capsys, tmp_path, rng):
    net = contraction()
    path = net.save(tmp_path / "net.npz")
    np.save(tmp_path / "inputs.npy", rng.standard_normal((4, 3)))
    stem = tmp_path / "x"
    code, out, _ = run(capsys, path, "--inputs", tmp_path / "inputs.npy", "--out", stem)
    assert code == 0
    assert "reached by 4 of 4" in out
    assert "certified" in out
    with np.load(f"{stem}.npz") as file:
        np.testing.assert_array_equal(file["inputs"], np.load(tmp_path / "inputs.npy"))
        assert file["labels"].tolist() == [1] * 4
    table = np.genfromtxt(f"{stem}.csv", delimiter=",", names=True)
    np.testing.assert_array_equal(table["n_in"], [3, 30])
    assert main(["rerun", f"{stem}.npz"]) == 0
    assert "identical" in capsys.readouterr().out


def test_gaussian_inputs_and_json(capsys, tmp_path):
    path = wide().save(tmp_path / "net.npz")
    code, out, _ = run(capsys, path, "--json")
    summary = json.loads(out)
    assert code == 0
    assert len(summary["norms"]) == 10
    assert summary["labels"] is None
    code, out, _ = run(capsys, path)
    assert "10 Gaussian inputs" in out
    assert "do not apply to 90 inputs and 60 outputs" in out
    assert run(capsys, path, "--dry-run")[0] == 0


def test_weights_of_another_program_are_saved_for_other_commands(capsys, tmp_path):
    net = contraction()
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file["a/kernel"], file["a/bias"] = net.weights[0].T, net.biases[0]
        file["b/kernel"] = net.weights[1].T
    flags = [
        "--layers",
        "a/kernel+a/bias,b/kernel",
        "--activation",
        "tanh,linear",
        "--save",
        tmp_path / "o.npz",
    ]
    code, _, err = run(capsys, tmp_path / "net.h5", *flags, "--quiet")
    assert (code, err) == (0, "")
    again = rj.load_network(tmp_path / "o.npz")
    np.testing.assert_array_equal(again.weights[1], net.weights[1])
    assert not again.biases[1].any()
    code, _, err = run(capsys, tmp_path / "net.h5", "--activation", "tanh")
    assert code == 2
    assert "'a/bias' float64 (30,)" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--inputs", "none.npy"], "--inputs none.npy"),
        (["--inputs", "text"], "--inputs"),
        (["--inputs", "wrong.npy"], "(5, 4)"),
        (["--inputs", "objects.npy"], "--inputs"),
        (["--inputs", "words.npz"], "numbers"),
        (["--report", "missing/x.html"], "--report"),
        (["--save", "missing/x.npz"], "--save"),
        (["--activation", "swish"], "swish"),
        (["--layers", "a+b+c"], "layers"),
        (["--order", "row"], "order"),
        (["--max-bytes", "10"], "max_bytes=10"),
    ],
)
def test_bad_input_is_one_line(capsys, tmp_path, monkeypatch, flags, says):
    monkeypatch.chdir(tmp_path)
    contraction().save("net.npz")
    (tmp_path / "text").write_text("no numbers")
    np.save("wrong.npy", np.ones((5, 4)))
    np.save("objects.npy", np.array([{}, {}]), allow_pickle=True)
    np.savez("words.npz", np.array(["a", "b", "c"]))
    code, out, err = run(capsys, "net.npz", *flags)
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


def test_several_arrays_of_images_are_inputs(capsys, tmp_path):
    path = rj.Ensemble(widths=[24, 30], activation="relu").sample(1).save(tmp_path / "net.npz")
    np.savez(tmp_path / "images.npz", a=np.ones((2, 4, 6), dtype=np.uint8), b=np.zeros(24))
    code, out, _ = run(capsys, path, "--inputs", tmp_path / "images.npz", "--json")
    assert code == 0
    assert len(json.loads(out)["norms"]) == 3


class _Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_the_page_needs_nothing_else(capsys, tmp_path):
    hostile = "net <script>alert(1)<script>.npz"
    contraction().save(tmp_path / hostile)
    code, _, _ = run(capsys, tmp_path / hostile, "--report", tmp_path / "x.html")
    content = (tmp_path / "x.html").read_bytes()
    assert code == 0
    assert len(content) < 10**6
    page = _Page(content.decode())
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object"}
    assert "<script>" in page.text  # as text
    sources = [attrs["src"] for tag, attrs in page.tags if tag == "img"]
    assert len(sources) == 1
    kind, picture = sources[0].split(",")
    assert kind == "data:image/svg+xml;base64"
    assert ElementTree.fromstring(base64.b64decode(picture)).tag.endswith("svg")
    assert not re.search(rb"(src|href)=.?(https?:|//|file:)", content)
    assert "certified" in page.text


def test_a_deep_network_has_a_page_below_1_mb(capsys, tmp_path):
    path = (
        rj.Ensemble(widths=[4] * 40 + [3], activation="relu", sigma_w=1.4)
        .sample(1)
        .save(tmp_path / "net.npz")
    )
    np.save(tmp_path / "x.npy", np.random.default_rng(1).standard_normal((300, 4)))
    flags = ["--inputs", tmp_path / "x.npy", "--report", tmp_path / "x.html", "--quiet"]
    assert run(capsys, path, *flags)[0] == 0
    content = (tmp_path / "x.html").read_text()
    assert len(content) < 10**6
    assert "and 100 more" in content


def test_pages_show_text_as_it_is():
    text = "<b>&\"'"
    section = Section(
        heading=text, sentences=[text], header=[text], rows=[[text]], picture=b"<svg/>", alt=text
    )
    page = _Page(html_page(text, [section], text).decode())
    assert "b" not in {tag for tag, _ in page.tags}
    assert page.text.count(text) == 7
    assert dict(page.tags)["img"]["alt"] == text
