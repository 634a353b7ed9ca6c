"""`rmtjac certify`: a proof that a map contracts a region into itself, as a file that `rmtjac check` re-checks."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rmtjac.cli.network import add_network_flags, box_of, network_of
from rmtjac.cli.output import Output, add_output_flags

if TYPE_CHECKING:
    from rmtjac.linkage.certificates.contraction import Contraction
    from rmtjac.linkage.certificates.fixed_point_regions import ContractionRegions
    from rmtjac.model.spec import Spec

HELP = "prove that a network or a function maps a region into itself and contracts it, or say why not"
SHOWN = 8  # regions and numbers that are printed
NOT_PROVEN = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac certify`."""
    add_network_flags(parser)
    parser.add_argument(
        "--function", metavar="TEXT", help='instead of a network, as "(x**2 - 1)/3" or "[x[0]/2, tanh(x[1])]"'
    )
    parser.add_argument("--center", metavar="X", help="a ball instead of a box: a number, or one per input")
    parser.add_argument(
        "--radius", type=float, metavar="R", help="of the ball; the largest that is certified if not given"
    )
    parser.add_argument(
        "--norm", default=None, metavar="NORM", help="inf (default), 1, 2, diagonal (the best weights)"
    )
    parser.add_argument(
        "--around-fixed-points",
        action="store_true",
        help="disjoint regions about the stable fixed points in the box (norm diagonal by default)",
    )
    parser.add_argument(
        "--parts",
        type=int,
        metavar="N",
        help="into how many parts a region may be cut (4096 up to four inputs, 64 up to 16, else 1)",
    )
    parser.add_argument("--save", metavar="FILE", help="write the certificate, for rmtjac check")
    add_output_flags(parser)


def cost(args: argparse.Namespace) -> str:
    """What a part costs, and how many there may be."""
    from rmtjac.linkage.certificates.program import network_program

    if args.function is not None:
        return f"f = {args.function}: some 1e-5 s a part"
    _, net, name = network_of(args)
    work = network_program(net).widest * net.widths[0]
    return f"{name}: some {2e-7 * work * len(net.weights):.1g} s a part, at most {args.parts or 4096} parts a region"


def compute(args: argparse.Namespace) -> Output:
    """The proof; exit code 3 if there is none."""
    from rmtjac.storage import check_folder

    if args.save is not None:
        check_folder(args.save, "--save")
    spec, f, name = _map(args)
    if args.around_fixed_points:
        return _regions(args, spec, f, name)
    found = _certified(args, f)
    lines = [name, *_lines(found)]
    if args.save is not None and found.holds:
        lines.append(f"certificate {found.save(args.save)}")
    return _output(spec, name, [found], lines, {"holds": found.holds}, found.holds)


def _map(args: argparse.Namespace) -> tuple[Spec, Any, str]:
    """The map, what of it a spec can state, and its name in words."""
    if args.function is None:
        return network_of(args)
    from rmtjac.cli.network import SELF_MAP_FLAGS
    from rmtjac.linkage.certificates.expressions import parsed_function
    from rmtjac.model.spec import Spec

    given = [flag for flag in (*SELF_MAP_FLAGS, "spec", "network") if getattr(args, flag, None) is not None]
    if given:
        raise ValueError(f"--function with --{given[0].replace('_', '-')}: allowed is one of them")
    if args.around_fixed_points:
        raise ValueError("--around-fixed-points with --function: allowed with a network")
    inputs = max(len(args.center.split(",")) if args.center else 1, *map(len, box_of(args)))
    return Spec(widths=(inputs, inputs)), parsed_function(args.function), f"f = {args.function}"


def _certified(args: argparse.Namespace, f: Any) -> Contraction:
    """The contraction on the box, the ball, or the largest ball."""
    from rmtjac.linkage.certificates.certify import certify_contraction
    from rmtjac.linkage.certificates.largest import largest_certified_radius

    norm = args.norm or "inf"
    if args.center is None:
        if args.radius is not None:
            raise ValueError("--radius without --center: give both, or --lower and --upper")
        lower, upper = (_point(corner) for corner in box_of(args))
        return certify_contraction(f, lower, upper, norm=norm, parts=args.parts)
    center = _point(_numbers("--center", args.center))
    if args.radius is None:
        return largest_certified_radius(f, center, norm=norm, parts=args.parts)
    return certify_contraction(f, center=center, radius=args.radius, norm=norm, parts=args.parts)


def _numbers(flag: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"{flag} {text}: allowed is a number, or numbers with commas") from None


def _point(numbers: list[float]) -> Any:
    """One number as a number: x of a function is a vector if there are commas."""
    return numbers[0] if len(numbers) == 1 else numbers


def _regions(args: argparse.Namespace, spec: Spec, f: Any, name: str) -> Output:
    from rmtjac.linkage.certificates.fixed_point_regions import contraction_regions

    found = contraction_regions(f, *box_of(args), norm=args.norm or "diagonal", parts=args.parts)
    lines = [name, *_region_lines(found)]
    if args.save is not None and found.regions:
        lines.append(f"certificate {found.save(args.save)}")
    summary = {"points": found.points, "left_out": found.left_out, "reasons": list(found.reasons)}
    proven = bool(found.regions) and not len(found.left_out)
    return _output(spec, name, list(found.regions), lines, summary, proven)


def _output(
    spec: Spec, name: str, found: list[Contraction], lines: list[str], more: dict[str, Any], proven: bool
) -> Output:
    import numpy as np

    corners = {
        key: np.array([np.ravel(getattr(region, key)) for region in found]).reshape(len(found), -1)
        for key in ("lower", "upper", "center", "image_lower", "image_upper")
    }
    numbers = {
        key: np.array([getattr(region, key) for region in found])
        for key in ("constant", "self_map", "radius", "parts")
    }
    centers = {f"x{j + 1}": column for j, column in enumerate(corners["center"].T[:SHOWN])}
    return Output(
        spec=spec,
        summary={
            "map": name,
            **more,
            "regions": [
                {
                    "holds": region.holds,
                    "constant": region.constant,
                    "self_map": region.self_map,
                    "reason": region.reason,
                    "refuted": region.refuted,
                    "norm": region.norm,
                    "parts": region.parts,
                    "lower": region.lower,
                    "upper": region.upper,
                    "radius": region.radius,
                }
                for region in found
            ],
        },
        lines=lines,
        arrays={**corners, **numbers},
        columns={**numbers, **centers},
        draw=lambda: _drawn(found),
        code=0 if proven else NOT_PROVEN,
    )


def _drawn(found: list[Contraction]) -> list[Any]:
    from rmtjac.certificate_plots import plot_regions

    return plot_regions(found)


def _lines(found: Contraction) -> list[str]:
    if not found.holds:
        kind = "refuted" if found.refuted else "not proven"
        return [f"{kind}: {found.reason}"]
    point, error = found.fixed_point()
    return [
        f"proven: {_set(found)} is mapped into itself with constant {found.constant:.9g} in the norm {found.norm}"
        f" ({found.parts} part{'s' if found.parts > 1 else ''})",
        f"its only fixed point is {_shown(point, 10)}, within {error:.1e}",
        f"{found.iterations(1e-10)} iterations reach 1e-10 from everywhere in it",
    ]


def _set(found: Contraction) -> str:
    if found.region.radius is not None:
        return f"the ball of radius {found.radius:g} about {_shown(found.center)}"
    return f"the box from {_shown(found.lower)} to {_shown(found.upper)}"


def _shown(x: Any, digits: int = 6) -> str:
    numbers = x.ravel()
    text = ", ".join(f"{value:.{digits}g}" for value in numbers[:SHOWN])
    return text if numbers.size == 1 else f"({text}{', ...' if numbers.size > SHOWN else ''})"


def _region_lines(found: ContractionRegions) -> list[str]:
    count = len(found.regions)
    lines = [
        f"{count} disjoint region{'s' if count != 1 else ''} proven, each with exactly one fixed point"
        if count
        else "no region is proven"
    ]
    for region in found.regions[:SHOWN]:
        lines.append(
            f"  about {_shown(region.center)}: half sides from {region.radius:.4g}, constant {region.constant:.6g}"
        )
    if count > SHOWN:
        lines.append(f"  and {count - SHOWN} more")
    for point, reason in list(zip(found.left_out, found.reasons, strict=True))[:SHOWN]:
        lines.append(f"  none about {_shown(point)}: {reason}")
    return lines
