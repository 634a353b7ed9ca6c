"""The spec: TOML and flags there and back, kinds, the digest, and a fast import."""

import argparse
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmtjac.model.ensemble import Ensemble
from rmtjac.model.spec import KINDS, Spec, add_flags

numbers = st.one_of(st.integers(1, 10), st.floats(1e-3, 1e3))
specs = st.builds(
    Spec,
    depth=st.just(2),
    width=st.none() | st.integers(1, 50),
    activation=st.sampled_from(["relu", ("relu", "leaky_relu(0.1)")]),
    weights=st.sampled_from(["gaussian", "stable:1.5"]),
    sigma_w=numbers | st.tuples(numbers, numbers),
    sigma_b=numbers | st.just("as_weights"),
    q0=numbers,
    q=st.none() | st.just("stationary") | numbers | st.tuples(numbers, numbers),
    gates=st.sampled_from(["network", "independent"]),
    inputs=st.none() | st.just("stationary"),
    replicates=st.integers(1, 100),
    seed=st.none() | st.integers(0, 2**128),
)


def parse(*argv):
    parser = argparse.ArgumentParser()
    add_flags(parser, KINDS)
    return Spec.from_args(parser.parse_args(argv))


def written(folder, text):
    path = folder / "spec.toml"
    path.write_text(text)
    return path


def as_flags(spec):
    for name in KINDS:
        value = getattr(spec, name)
        if value is not None:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            yield f"--{name.replace('_', '-')}={text}"


@given(spec=specs)
@settings(deadline=None, max_examples=50)
def test_toml_and_flags_round_trip(spec, tmp_path_factory):
    path = written(tmp_path_factory.mktemp("spec"), spec.to_toml())
    again = Spec.from_toml(path)
    assert again == spec
    assert again.digest() == spec.digest()
    assert parse(*as_flags(spec)) == spec


def test_toml(tmp_path):
    text = 'widths = [2, 5, 3]\nactivation = ["relu", "linear"]\nsigma_w = [1, 1.5]\nq = "stationary"\n'
    spec = Spec.from_toml(written(tmp_path, text))
    assert spec.widths == (2, 5, 3)
    assert spec.q == "stationary"
    assert spec.ensemble() == Ensemble(widths=[2, 5, 3], activation=["relu", "linear"], sigma_w=[1, 1.5])


def test_flags_override_the_file(tmp_path):
    path = str(written(tmp_path, 'depth = 3\nwidth = 7\nactivation = "relu"\nq = 2.0\n'))
    spec = parse("--spec", path, "--activation", "linear", "--sigma-w", "2")
    assert (spec.depth, spec.width, spec.activation, spec.sigma_w, spec.q) == (3, 7, "linear", 2, 2.0)
    spec = parse("--spec", path, "--widths", "4,5,6")
    assert (spec.depth, spec.width, spec.widths) == (None, None, (4, 5, 6))
    path = str(written(tmp_path, "widths = [4, 5]\n"))
    assert parse("--spec", path, "--depth", "2").widths is None
    assert parse("--spec", path, "--seed", "2").widths == (4, 5)


def test_no_flags_are_the_defaults():
    assert parse() == Spec()
    assert Spec.from_args(argparse.Namespace()) == Spec()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("depth = ", "not a TOML file"),
        ("dept = 3", "'dept'"),
        ("[network]\ndepth = 3", "'network'"),
        ("depth = 2.5", "depth=2.5"),
        ("depth = true", "depth=True"),
        ('depth = "2"', "depth='2'"),
        ("widths = 3", "widths=3"),
        ("widths = []", "widths=()"),
        ("widths = [[3], 3]", "widths="),
        ("activation = 3", "activation=3"),
        ("sigma_w = '1'", "sigma_w='1'"),
        ("sigma_b = 'weights'", "sigma_b='weights'"),
        ("q = 'stationar'", "q='stationar'"),
        ("gates = 'own'", "gates='own'"),
        ("inputs = 3", "inputs=3"),
        ("seed = 1979-05-27", "seed="),
    ],
)
def test_bad_files_are_one_line(tmp_path, text, named):
    with pytest.raises(ValueError, match=r"allowed|TOML") as caught:
        Spec.from_toml(written(tmp_path, text))
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ValueError, match="cannot be read"):
            Spec.from_toml(path)
    (tmp_path / "binary.toml").write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match="not a TOML file"):
        Spec.from_toml(tmp_path / "binary.toml")


@pytest.mark.parametrize(
    "argv",
    [
        ("--depth", "two"),
        ("--depth", "2.5"),
        ("--widths", "3,x"),
        ("--widths", ""),
        ("--sigma-w", "1,,2"),
        ("--q", "yes"),
        ("--gates", "both"),
        ("--seed", "0x1"),
    ],
)
def test_bad_flags_name_the_flag_and_its_text(argv):
    with pytest.raises(ValueError, match="allowed") as caught:
        parse(*argv)
    assert str(caught.value).startswith(f"{argv[0]} {argv[1]}")


def test_numbers_are_checked_by_the_ensemble():
    with pytest.raises(ValueError, match="sigma_w=nan"):
        parse("--depth", "2", "--sigma-w", "nan").ensemble()
    with pytest.raises(ValueError, match="depth"):
        Spec().ensemble()


def test_digest_knows_what_changes_numbers():
    base = Spec(depth=2, activation="leaky_relu:0.1", q=1)
    same = Spec(widths=[1000] * 3, activation=["leaky_relu(0.1)"] * 2, sigma_w=1, q=1.0)
    assert base.digest() == same.digest()
    others = [
        Spec(depth=3, activation="leaky_relu:0.1", q=1),
        Spec(depth=2, activation="leaky_relu:0.2", q=1),
        Spec(depth=2, activation="leaky_relu:0.1", q=2),
        Spec(depth=2, activation="leaky_relu:0.1", q=1, seed=0),
        Spec(depth=2, activation="leaky_relu:0.1", q=1, replicates=21),
        Spec(depth=2, activation="leaky_relu:0.1", q=1, gates="independent"),
    ]
    assert len({spec.digest() for spec in (base, *others)}) == 1 + len(others)


def test_fields_and_kinds_are_the_same():
    assert list(KINDS) == list(Spec.__dataclass_fields__)


def test_import_is_light():
    code = "import sys, rmtjac.model.spec; sys.exit(bool({'numpy', 'numba', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "ens",
    [
        Ensemble(depth=2, width=30, activation="relu", sigma_w=[1.0, 2.0]),
        Ensemble(widths=[30, 20, 25], activation=["tanh", "leaky_relu(0.2)"], sigma_b="as_weights", q0=0.5),
        Ensemble(depth=2, width=30, weights="stable:1.5", sigma_b=0.3),
    ],
)
def test_an_ensemble_is_known_by_its_description(ens):
    spec = Spec.from_description(ens.describe(), seed=3, replicates=7)
    assert spec.ensemble().describe() == ens.describe()
    assert (spec.seed, spec.replicates) == (3, 7)


def test_self_maps_of_n_inputs():
    spec = Spec(n=2, depth=3, activation="hard_tanh", weights="cauchy", sigma_b="as_weights")
    assert spec.ensemble() == Ensemble.self_map(
        2, 100, 3, activation="hard_tanh", weights="cauchy", sigma_b="as_weights"
    )
    with pytest.raises(ValueError, match="n=2 with widths"):
        Spec(n=2, widths=(2, 3, 2)).ensemble()
