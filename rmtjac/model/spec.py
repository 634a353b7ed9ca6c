"""The statement of one run: a dataclass that is read from TOML and command-line flags, and hashed.

Nothing heavy is imported here before it is needed, so that the command line starts fast. Kinds of values are
checked here; their ranges where the ensemble is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from rmtjac.model.kinds import Kind, is_integer, is_number, is_string

if TYPE_CHECKING:
    import argparse
    import os

    from rmtjac.model.ensemble import Ensemble

__all__ = ["Spec", "add_flags"]

Number = int | float

KINDS = {
    "depth": Kind("an integer", "number of layers", is_integer),
    "width": Kind("an integer", "width of every layer (default 1000)", is_integer),
    "n": Kind("an integer", "dimension of input and output: widths n, width, ..., width, n", is_integer),
    "widths": Kind(
        "a list of integers",
        "n_0,...,n_L, instead of depth and width",
        is_integer,
        single=False,
        many=True,
    ),
    "activation": Kind(
        "a string or a list of strings",
        "linear, relu, leaky_relu(SLOPE), hard_tanh, erf, tanh, sigmoid, gelu, silu, softplus, cubic, quintic, "
        "hermite(POINTS), exp_cubic; one, or one per layer",
        is_string,
        many=True,
    ),
    "weights": Kind(
        "a string",
        "gaussian, orthogonal, uniform, rademacher, student_t:DF, cauchy, stable:ALPHA",
        is_string,
    ),
    "sigma_w": Kind(
        "a number or a list of numbers",
        "scale of the weights; one, or one per layer",
        is_number,
        many=True,
    ),
    "sigma_b": Kind(
        "a number, a list of numbers or 'as_weights'",
        "scale of the biases; one, one per layer, or as_weights",
        is_number,
        many=True,
        words=("as_weights",),
    ),
    "q0": Kind("a number", "mean square of the input", is_number),
    "q": Kind(
        "a number, a list of numbers or 'stationary'",
        "pre-activation variance; one, one per layer, or stationary (default: layer by layer from q0)",
        is_number,
        many=True,
        words=("stationary",),
    ),
    "gates": Kind(
        "'network' or 'independent'", "network (default) or independent", words=("network", "independent")
    ),
    "side": Kind(
        "'output' or 'input'", "output (default) for J J^T, input for J^T J", words=("output", "input")
    ),
    "inputs": Kind("'stationary'", "stationary (default: Gaussian, rescaled to q0)", words=("stationary",)),
    "accuracy": Kind(
        "'auto', 'absolute', 'eigenvalues' or 'relative'",
        "of singular values: absolute, eigenvalues (faster), relative (of the smallest ones too), or auto",
        words=("auto", "absolute", "eigenvalues", "relative"),
    ),
    "replicates": Kind("an integer", "number of sampled networks (default 20)", is_integer),
    "seed": Kind("an integer", "seed of the random numbers (default: a fresh one)", is_integer),
}


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Everything that one run states; the fields are the TOML keys and, with dashes, the flags.

    None leaves the choice to the run: width 1000, q layer by layer from q0, Gaussian inputs, the accuracy that a
    command needs, a fresh seed.

    Raises
    ------
    ValueError
        If a value is not of the kind of its field; the message names field, value and what is allowed.
    """

    depth: int | None = None
    width: int | None = None
    n: int | None = None
    widths: tuple[int, ...] | None = None
    activation: str | tuple[str, ...] = "linear"
    weights: str = "gaussian"
    sigma_w: Number | tuple[Number, ...] = 1.0
    sigma_b: Number | tuple[Number, ...] | str = 0.0
    q0: Number = 1.0
    q: Number | tuple[Number, ...] | str | None = None
    gates: str = "network"
    side: str = "output"
    inputs: str | None = None
    accuracy: str | None = None
    replicates: int = 20
    seed: int | None = None

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, list):
                value = tuple(value)
                object.__setattr__(self, entry.name, value)
            left_open = value is None and entry.default is None
            if not left_open and not KINDS[entry.name].allows(value):
                raise ValueError(f"{entry.name}={value!r}: allowed is {KINDS[entry.name].allowed}")

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Spec:
        """The spec in a TOML file of `key = value` lines.

        Raises
        ------
        ValueError
            If there is no such file, it is not TOML, or it has an unknown key or a value of a wrong kind.
        """
        import tomllib

        try:
            with open(path, "rb") as file:
                table = tomllib.load(file)
        except OSError as error:
            raise ValueError(f"spec={str(path)!r}: cannot be read ({error.strerror})") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"spec={str(path)!r}: not a TOML file ({error})") from None
        unknown = [key for key in table if key not in KINDS]
        if unknown:
            raise ValueError(
                f"spec={str(path)!r}: unknown key {unknown[0]!r}; allowed are {', '.join(KINDS)}"
            )
        return cls(**table)

    @classmethod
    def from_args(cls, namespace: argparse.Namespace) -> Spec:
        """The spec of parsed flags (see `add_flags`): those given override the file of --spec, if any.

        A flag --widths puts aside depth, width and n of the file, and --depth or --width its widths.

        Raises
        ------
        ValueError
            As `from_toml`, and for a flag whose text is not of its kind.
        """
        path = getattr(namespace, "spec", None)
        base = cls() if path is None else cls.from_toml(path)
        given: dict[str, Any] = {
            name: _flag_value(name, text)
            for name in KINDS
            if (text := getattr(namespace, name, None)) is not None
        }
        if "widths" in given:
            base = replace(base, depth=None, width=None, n=None)
        elif "depth" in given or "width" in given:
            base = replace(base, widths=None)
        return replace(base, **given)

    @classmethod
    def from_description(cls, ensemble: Mapping[str, Any], **others: Any) -> Spec:
        """The spec of an ensemble that is known by `Ensemble.describe`, and of the other fields.

        Raises
        ------
        ValueError
            If a field cannot be stated in a spec, as inputs that are an array.
        """
        names = set(ensemble["activations"])
        return cls(
            widths=tuple(ensemble["widths"]),
            activation=names.pop() if len(names) == 1 else tuple(ensemble["activations"]),
            weights=ensemble["weights"],
            sigma_w=tuple(ensemble["sigma_w"]),
            sigma_b=ensemble["sigma_b"],
            q0=ensemble["q0"],
            **others,
        )

    def to_toml(self) -> str:
        """The spec as TOML text that `from_toml` reads back."""
        values = {name: getattr(self, name) for name in KINDS}
        return "".join(f"{name} = {_as_toml(value)}\n" for name, value in values.items() if value is not None)

    def ensemble(self) -> Ensemble:
        """The ensemble that the spec states.

        Raises
        ------
        ValueError, TypeError
            If a value is outside its range.
        """
        from rmtjac.model.ensemble import Ensemble

        parameters: dict[str, Any] = {
            name: getattr(self, name) for name in ("activation", "weights", "sigma_w", "sigma_b", "q0")
        }
        if self.n is None:
            return Ensemble(self.depth, self.width, widths=self.widths, **parameters)
        if self.widths is not None:
            raise ValueError(f"n={self.n} with widths: allowed is n with depth and width")
        shape = {"width": self.width, "depth": self.depth}
        parameters |= {name: value for name, value in shape.items() if value is not None}
        return Ensemble.self_map(self.n, **parameters)

    def digest(self) -> str:
        """SHA-256 (64 hexadecimal digits) of all that changes numbers; one for all ways to say the same.

        Raises
        ------
        ValueError, TypeError
            If a value is outside its range.
        """
        import hashlib
        import json

        content = {
            "ensemble": self.ensemble().describe(),
            "q": _with_floats(self.q),
            "gates": self.gates,
            "side": self.side,
            "inputs": self.inputs,
            "replicates": self.replicates,
            "seed": self.seed,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def add_flags(parser: argparse.ArgumentParser, names: Iterable[str]) -> None:
    """Add --spec FILE and the flags of the fields `names` to a parser; `Spec.from_args` reads them.

    Flags keep their text and are None where not given: what they may be is said once, in `KINDS`.
    """
    parser.add_argument("--spec", metavar="FILE", help="TOML file of these settings; flags override it")
    for name in names:
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, dest=name, metavar=name.upper(), help=KINDS[name].help)


def _flag_value(name: str, text: str) -> Any:
    value = KINDS[name].parse(text)
    if not KINDS[name].allows(value):
        raise ValueError(f"--{name.replace('_', '-')} {text}: allowed is {KINDS[name].allowed}")
    return value


def _as_toml(value: Any) -> str:
    import json

    if isinstance(value, tuple):
        return f"[{', '.join(map(_as_toml, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _with_floats(q: Any) -> Any:
    """q with 1 and 1.0 the same."""
    if isinstance(q, tuple):
        return [float(entry) for entry in q]
    return float(q) if is_number(q) else q
