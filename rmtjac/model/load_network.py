"""A network from a file: our own, or weights that another program wrote."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rmtjac.errors import check_choice
from rmtjac.model.activations import Activation
from rmtjac.model.checks import checked_integer
from rmtjac.model.network import KIND, Network
from rmtjac.model.weight_files.layer_names import LayerNames, ambiguity, is_kernel, layers_by_name
from rmtjac.model.weight_files.opening import open_weights
from rmtjac.model.weight_files.tensors import FLOATS, Refusal, WeightFile
from rmtjac.storage import METADATA_KEY

__all__ = ["MAX_BYTES", "load_network"]

Floats = NDArray[np.float64]
Activations = str | Activation | Sequence[str | Activation]
Layers = Sequence[str | Sequence[str | None]]

MAX_BYTES = 2**30
LARGEST_METADATA = 2**24
SHOWN = 40
ORDERS = ("out,in", "in,out")
HOW = "layers=[(WEIGHT, BIAS), WEIGHT, ...], from the input to the output, a layer without bias by its weight alone"


def load_network(
    path: str | os.PathLike[str],
    layers: Layers | None = None,
    activation: Activations | None = None,
    *,
    order: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> Network:
    """The network of a file: one written by `Network.save`, or the layers of a trained network.

    The format is known by the file's content: NumPy's .npz; safetensors; a state dict of PyTorch (torch.save of
    net.state_dict()); .h5 or .weights.h5 of Keras. The last three need the extra `nets`. Nothing in a file is run, and
    sizes are checked before anything is allocated.

    Parameters
    ----------
    path : path
    layers : sequence, optional
        Names of tensors, from the input to the output: (weight, bias) for each layer, or the weight alone for a layer
        without bias. Not needed where names that differ by numbers only say it: fc1.weight, fc1.bias, fc2.weight, ...;
        0.weight, 2.weight, ...; W1, b1, W2, ...; dense/kernel, dense_1/kernel, .... Tensors outside of it are ignored.
    activation : str, Activation, or a sequence of one for each layer
        Needed but for files of `Network.save`, where it replaces theirs. One name goes for the last layer too.
        erf is erf(sqrt(pi) h/2), and gelu the exact one.
    order : {"out,in", "in,out"}, optional
        Of the axes of the weights; "in,out" for tensors that are called kernel (Keras, Flax), else "out,in".
    max_bytes : int
        The most that weights and biases may take in memory, at 8 bytes a number; 1 GiB.

    Raises
    ------
    ValueError, TypeError
        If the file is none of these, damaged, hostile or too large, its numbers are no finite floats of 16 (bfloat16
        too), 32 or 64 bits, or the layers are not known: the message lists the tensors found, and how to name them.
    """
    if order is not None:
        check_choice("order", order, ORDERS)
    max_bytes = checked_integer("max_bytes", max_bytes, 1)
    try:
        file = open_weights(Path(path))
        if METADATA_KEY in file.tensors:
            if layers is not None:
                raise Refusal("is a file of Network.save, which knows its layers: allowed is no layers=")
            layers, saved = _own_layers(file)
            activation = saved if activation is None else activation
        if activation is None:
            raise Refusal(
                f"holds weights ({file.format}) and no activations: give activation=, one name, or one per layer as "
                "in ['relu', 'linear']"
            )
        names = _named_layers(file, layers)
        _check_tensors(file, names, max_bytes)
        weights = [_weight(file, layer.weight, order) for layer in names]
        _check_shapes(file, names, weights, order)
        biases = [
            np.zeros(len(matrix)) if layer.bias is None else _values(file, layer.bias)
            for layer, matrix in zip(names, weights, strict=True)
        ]
    except Refusal as refusal:
        raise ValueError(f"path={str(path)!r}: {refusal}") from None
    return Network(weights, biases, activation)


def _own_layers(file: WeightFile) -> tuple[Layers, list[str]]:
    """The table and the activations of a file of `Network.save`."""
    if file.tensors[METADATA_KEY].size * 4 > LARGEST_METADATA:
        raise Refusal(f"holds no network ({file.tensors[METADATA_KEY]} is too long)")
    try:
        metadata = json.loads(str(file.read(METADATA_KEY)))
        kind, activations = metadata.get("kind"), metadata.get("activations")
    except (ValueError, AttributeError, RecursionError) as error:
        raise Refusal(f"holds no network ({METADATA_KEY} is no JSON object: {error})") from None
    if kind != KIND or not isinstance(activations, list):
        raise Refusal(f"holds no network (kind {kind!r})")
    for name in (f"{part}_{i}" for i in range(len(activations)) for part in ("weights", "biases")):
        if name not in file.tensors:
            raise Refusal(f"the network is incomplete ({name!r} is missing)")
    return [(f"weights_{i}", f"biases_{i}") for i in range(len(activations))], activations


def _named_layers(file: WeightFile, layers: Layers | None) -> list[LayerNames]:
    """The layers as given, or as the names say."""
    if layers is None:
        doubt = ambiguity(file.tensors)
        if doubt is not None:
            raise Refusal(
                f"its tensors do not say which are the layers: {doubt}. Give {HOW}.\n{_listed(file)}"
            )
        return layers_by_name(file.tensors)
    if isinstance(layers, str) or not isinstance(layers, Sequence) or not len(layers):
        raise TypeError(f"layers={layers!r}: allowed is {HOW}")
    return [_given_layer(file, entry) for entry in layers]


def _given_layer(file: WeightFile, entry: str | Sequence[str | None]) -> LayerNames:
    """One entry of the table."""
    parts = (entry,) if isinstance(entry, str) else tuple(entry) if isinstance(entry, Sequence) else ()
    if not 1 <= len(parts) <= 2 or not isinstance(parts[0], str) or not isinstance(parts[-1], str | None):
        raise TypeError(f"layers has the entry {entry!r}: allowed is {HOW}")
    for name in parts:
        if name is not None and name not in file.tensors:
            raise Refusal(f"layers names {name!r}, which is not there.\n{_listed(file)}")
    return LayerNames(parts[0], parts[1] if len(parts) == 2 else None)


def _listed(file: WeightFile) -> str:
    tensors = [str(tensor) for tensor in file.tensors.values()]
    rest = [f"and {len(tensors) - SHOWN} more"] if len(tensors) > SHOWN else []
    return f"Tensors found ({file.format}):\n  " + ";\n  ".join([*tensors[:SHOWN], *rest])


def _check_tensors(file: WeightFile, names: Sequence[LayerNames], max_bytes: int) -> None:
    """Shapes, dtypes and sizes, before anything is read."""
    total = 0
    for layer in names:
        for name, axes in ((layer.weight, 2), (layer.bias, 1)):
            if name is None:
                continue
            tensor = file.tensors[name]
            if tensor.dtype not in FLOATS:
                raise Refusal(f"{tensor}: allowed are {', '.join(FLOATS)}")
            if len(tensor.shape) != axes or not tensor.size:
                role = "weight" if axes == 2 else "bias"
                raise Refusal(f"{tensor} as a {role}: allowed are non-empty tensors of {axes} axes")
            total += 8 * tensor.size
    if total > max_bytes:
        raise Refusal(
            f"its layers take {total:,} bytes: allowed are max_bytes={max_bytes:,}, which you may raise"
        )


def _weight(file: WeightFile, name: str, order: str | None) -> Floats:
    """W of shape (out, in)."""
    values = _values(file, name)
    return values.T if _is_transposed(name, order) else values


def _is_transposed(name: str, order: str | None) -> bool:
    return is_kernel(name) if order is None else order == "in,out"


def _values(file: WeightFile, name: str) -> Floats:
    values = np.asarray(file.read(name), dtype=np.float64)
    if not np.isfinite(values).all():
        raise Refusal(f"{file.tensors[name]} has entries that are not finite")
    return values


def _check_shapes(
    file: WeightFile, names: Sequence[LayerNames], weights: Sequence[Floats], order: str | None
) -> None:
    """That each layer takes what the one before it gives, and has a bias of its size."""
    for i, (layer, matrix) in enumerate(zip(names, weights, strict=True)):
        other = f"order={ORDERS[not _is_transposed(layer.weight, order)]!r}"
        if i and matrix.shape[1] != len(weights[i - 1]):
            raise Refusal(
                f"{layer.weight!r} takes {matrix.shape[1]} inputs, and {names[i - 1].weight!r} before it gives "
                f"{len(weights[i - 1])}: give the layers in their order, or {other}.\n{_listed(file)}"
            )
        if layer.bias is not None and file.tensors[layer.bias].size != len(matrix):
            raise Refusal(
                f"{file.tensors[layer.bias]} as the bias of {layer.weight!r}, which gives {len(matrix)} outputs: "
                f"allowed is a bias of that size, or {other}"
            )
