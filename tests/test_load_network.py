"""Weights of other programs: what comes in is what was written, and what is no network is refused."""

from __future__ import annotations

import os

import h5py
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from safetensors.numpy import save_file

import rmtjac as rj
from rmtjac.model.weight_files.layer_names import ambiguity, layers_by_name
from rmtjac.model.weight_files.tensors import Tensor
from validation.hostile_files import ALARM, FILES

SHAPES = [(5, 3), (4, 5), (2, 4)]


def layers_of(dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    return weights, [rng.standard_normal(len(w)).astype(dtype) for w in weights]


def named(weights, biases, weight="fc{}.weight", bias="fc{}.bias"):
    found = {weight.format(i + 1): w for i, w in enumerate(weights)}
    return found | {bias.format(i + 1): b for i, b in enumerate(biases)}


def check(net, weights, biases, activation="tanh"):
    assert net.widths == (3, 5, 4, 2)
    assert all(phi.name == activation for phi in net.activations)
    for mine, given in zip((*net.weights, *net.biases), (*weights, *biases), strict=True):
        np.testing.assert_array_equal(mine, given.astype(np.float64))


def write_npz(path, tensors):
    with open(path, "wb") as stream:
        np.savez_compressed(stream, **tensors)


def write_h5(path, tensors):
    with h5py.File(path, "w") as file:
        for name, values in tensors.items():
            file[name.replace(".", "/")] = values


WRITERS = {"npz": write_npz, "safetensors": lambda path, tensors: save_file(tensors, path), "h5": write_h5}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("kind", WRITERS)
def test_names_in_no_order_and_a_file_without_suffix(tmp_path, kind, dtype):
    weights, biases = layers_of(dtype)
    tensors = named(weights, biases)
    WRITERS[kind](tmp_path / "net", {name: tensors[name] for name in sorted(tensors, reverse=True)})
    check(rj.load_network(tmp_path / "net", activation="tanh"), weights, biases)


def test_layers_in_the_order_of_numbers_and_not_of_letters(tmp_path):
    rng = np.random.default_rng(3)
    matrices = [rng.standard_normal((4, 4)) for _ in range(12)]
    save_file({f"net.{2 * i}.weight": w for i, w in enumerate(matrices)}, tmp_path / "net")
    net = rj.load_network(tmp_path / "net", activation="relu")
    for mine, given in zip(net.weights, matrices, strict=True):
        np.testing.assert_array_equal(mine, given)
    assert not any(bias.any() for bias in net.biases)


def test_bfloat16_is_the_upper_half_of_float32(tmp_path):
    import json
    import struct

    exact = np.array([[1.0, -2.5, 0.0078125], [3.0e38, -1.1754944e-38, 0.15625]], dtype=np.float32)
    halves = (exact.view(np.uint32) >> 16).astype("<u2")
    before = np.ones(3, dtype=np.float32)
    header = {
        "fc1.bias": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "fc1.weight": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [8, 20]},
    }
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + before[:2].tobytes() + halves.tobytes()
    (tmp_path / "net").write_bytes(content)
    net = rj.load_network(tmp_path / "net", activation="linear")
    np.testing.assert_array_equal(net.weights[0], (halves.astype(np.uint32) << 16).view(np.float32))
    np.testing.assert_allclose(net.weights[0], exact, rtol=2**-7)


@pytest.mark.parametrize(
    ("kernel", "bias"),
    [
        ("layers/dense{}/vars/0", "layers/dense{}/vars/1"),
        (
            "model_weights/dense{0}/sequential/dense{0}/kernel:0",
            "model_weights/dense{0}/sequential/dense{0}/bias:0",
        ),
    ],
)
def test_keras_kernels_are_transposed_and_the_optimizer_is_left_out(tmp_path, kernel, bias):
    weights, biases = layers_of("float32")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
            suffix = f"_{i}" if i else ""
            file[kernel.format(suffix)], file[bias.format(suffix)] = w.T, b
        file["optimizer/vars/0"] = np.zeros((7, 7))
    check(rj.load_network(tmp_path / "net.h5", activation="tanh"), weights, biases)


def test_a_table_takes_layers_in_its_order_and_leaves_the_rest(tmp_path):
    weights, biases = layers_of()
    tensors = {"last.w": weights[2], "first.w": weights[0], "middle": weights[1], "last.b": biases[2]}
    save_file(tensors | {"steps": np.arange(3), "conv.weight": np.zeros((2, 2, 2, 2))}, tmp_path / "net")
    table = ["first.w", ("middle", None), ("last.w", "last.b")]
    net = rj.load_network(tmp_path / "net", table, "tanh")
    check(net, weights, [np.zeros(5), np.zeros(4), biases[2]])


def test_order_turns_the_matrices(tmp_path):
    weights, biases = layers_of()
    write_npz(tmp_path / "net", named([w.T for w in weights], biases))
    check(rj.load_network(tmp_path / "net", None, "tanh", order="in,out"), weights, biases)
    with pytest.raises(ValueError, match="order='in,out'"):
        rj.load_network(tmp_path / "net", None, "tanh")


def test_our_own_file_and_another_activation(tmp_path):
    net = rj.Ensemble(widths=[3, 5, 2], activation=["relu", "linear"]).sample(0)
    path = net.save(tmp_path / "net.npz")
    again = rj.load_network(path, activation="tanh")
    assert [phi.name for phi in again.activations] == ["tanh", "tanh"]
    np.testing.assert_array_equal(again.weights[0], net.weights[0])


@hypothesis.given(st.lists(st.integers(0, 10**6), min_size=1, max_size=6, unique=True), st.randoms())
def test_names_that_differ_by_a_number_are_read_in_its_order(numbers, random):
    names = [f"net.{n}.{part}" for n in numbers for part in ("weight", "bias")]
    random.shuffle(names)
    tensors = {
        name: Tensor(name=name, shape=(2, 2) if "weight" in name else (2,), dtype="float32") for name in names
    }
    assert ambiguity(tensors) is None
    found = layers_by_name(tensors)
    assert found == [(f"net.{n}.weight", f"net.{n}.bias") for n in sorted(numbers)]


@pytest.mark.parametrize(
    "names",
    [
        ["hidden.weight", "output.weight"],
        ["fc1.weight", "fc1.bias", "norm1.weight"],
        ["fc1.weight", "fc2.bias"],
        ["fc1.weight", "fc01.weight"],
        ["fc1.weight", "running_mean"],
    ],
)
def test_names_that_leave_a_doubt_list_the_tensors(tmp_path, names):
    save_file({name: np.ones((2, 2) if "weight" in name else 2) for name in names}, tmp_path / "net")
    with pytest.raises(ValueError, match="layers=") as caught:
        rj.load_network(tmp_path / "net", activation="relu")
    for name in names:
        assert f"{name!r} float64" in str(caught.value)


@pytest.mark.parametrize(
    "table", [[], "fc1.weight", 3, [3], [("fc1.weight", "fc1.bias", "fc2.weight")], [()]]
)
def test_what_is_no_table(tmp_path, table):
    write_npz(tmp_path / "net", named(*layers_of()))
    with pytest.raises(TypeError, match="layers"):
        rj.load_network(tmp_path / "net", table, "relu")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (["fc9.weight"], "'fc9.weight'.*not there"),
        (["fc1.bias"], "2 axes"),
        ([("fc1.weight", "fc2.weight")], "1 axes"),
        ([("fc1.weight", "fc2.bias")], "gives 5 outputs"),
        (["fc2.weight", "fc1.weight"], "inputs"),
    ],
)
def test_wrong_tables_are_refused(tmp_path, table, says):
    write_npz(tmp_path / "net", named(*layers_of()))
    with pytest.raises(ValueError, match=f"(?s){says}"):
        rj.load_network(tmp_path / "net", table, "relu")


def test_activations_and_limits(tmp_path):
    write_npz(tmp_path / "net", named(*layers_of()))
    with pytest.raises(ValueError, match="activation="):
        rj.load_network(tmp_path / "net")
    with pytest.raises(ValueError, match="max_bytes=383"):
        rj.load_network(tmp_path / "net", activation="relu", max_bytes=383)
    with pytest.raises(ValueError, match="order"):
        rj.load_network(tmp_path / "net", activation="relu", order="row")
    # 15 + 20 + 8 weights and 11 biases, of 8 bytes
    assert rj.load_network(tmp_path / "net", activation="relu", max_bytes=432).widths == (3, 5, 4, 2)


@pytest.mark.parametrize("name", FILES)
def test_hostile_files_are_refused(tmp_path, name):
    path = tmp_path / "net"
    FILES[name].write(path, False)
    with pytest.raises(ValueError, match=FILES[name].says) as caught:
        rj.load_network(path, activation="relu")
    assert str(caught.value).startswith(f"path={str(path)!r}: ")
    assert not (tmp_path / ALARM).exists()


def test_what_is_no_file(tmp_path):
    for path in (tmp_path, "/dev/zero", "a\0b"):
        with pytest.raises(ValueError, match=r"plain file|cannot be opened"):
            rj.load_network(path, activation="relu")
    (tmp_path / "text").write_text("weights: none")
    with pytest.raises(ValueError, match="no known format"):
        rj.load_network(tmp_path / "text")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="plain file"):
        rj.load_network(tmp_path / "pipe")


def test_state_dicts_of_torch(tmp_path):
    torch = pytest.importorskip("torch")
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        module = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2)).to(dtype)
        torch.save({"model": module.state_dict(), "epoch": 3}, tmp_path / "net.pt")
        net = rj.load_network(tmp_path / "net.pt", activation=["relu", "linear"])
        x = torch.randn(7, 3, dtype=torch.float64)
        np.testing.assert_allclose(
            net(x.numpy()), module.double()(x).detach().numpy(), rtol=1e-12, atol=1e-12
        )
    torch.save(module, tmp_path / "whole.pt")
    with pytest.raises(ValueError, match="state_dict"):
        rj.load_network(tmp_path / "whole.pt", activation="relu")
    torch.save({"0.weight": torch.eye(3).expand(3, 3).to_sparse()}, tmp_path / "sparse.pt")
    with pytest.raises(ValueError, match=r"sparse\.pt"):
        rj.load_network(tmp_path / "sparse.pt", activation="relu")
    huge = torch.zeros(1, 1).expand(10**5, 10**5)
    torch.save({"0.weight": huge}, tmp_path / "huge.pt")
    with pytest.raises(ValueError, match="max_bytes"):
        rj.load_network(tmp_path / "huge.pt", activation="relu")
