"""`rmtjac census`: numbers of attractors or fixed points of random networks by depth."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rmtjac.cli.basins import add_basin_flags
from rmtjac.cli.network import SELF_MAP_FLAGS, add_box_flags, box_of, self_map_spec
from rmtjac.cli.output import Output, add_output_flags
from rmtjac.cli.progress import progress
from rmtjac.cli.sample import add_run_flags, executor_of
from rmtjac.model.spec import Spec, add_flags

if TYPE_CHECKING:
    from rmtjac.linkage.census import Census

HELP = "numbers of attractors or fixed points of random networks, by depth"
REPLICATES = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac census`."""
    names = [name for name in SELF_MAP_FLAGS if name not in ("depth", "widths")]
    add_flags(parser, (*names, "replicates"))
    parser.add_argument(
        "--depths", default="2:30", metavar="DEPTHS", help="FROM:TO, FROM:TO:STEP or 2,3,5 (default 2:30)"
    )
    parser.add_argument(
        "--count",
        default="attractors",
        metavar="COUNT",
        help="attractors (default), stable (fixed points), all (fixed points)",
    )
    add_box_flags(parser)
    add_basin_flags(parser)
    parser.add_argument(
        "--level", type=float, default=0.95, help="confidence of the intervals (default 0.95)"
    )
    add_run_flags(parser)
    add_output_flags(parser)


def cost(args: argparse.Namespace) -> str:
    """Time, from one network at each depth."""
    import time

    spec, depths = _spec(args), _depths(args.depths)
    begin = time.perf_counter()
    _census(args, replace(spec, seed=0), depths[:1], 1)  # compiles
    begin = time.perf_counter()
    _census(args, replace(spec, seed=1), depths, 1)
    seconds = (time.perf_counter() - begin) * spec.replicates
    return f"{spec.replicates} networks at each of {len(depths)} depths: about {seconds:.2g} s"


def compute(args: argparse.Namespace) -> Output:
    """The census."""
    spec, depths = _spec(args), _depths(args.depths)
    with progress(args, len(depths) * spec.replicates, "networks") as report:
        census = _census(args, spec, depths, spec.replicates, journal=args.journal, progress=report)
    return Output(
        spec=replace(spec, seed=census.entropy),
        summary=_summary(census),
        lines=_lines(census, spec),
        arrays={
            name: getattr(census, name)
            for name in ("depths", "counts", "points", "cycles", "longest", "unresolved", "complete")
        },
        columns=_table(census),
        draw=census.plot,
        metadata={"census": census.metadata},
    )


def _census(args: argparse.Namespace, spec: Spec, depths: list[int], replicates: int, **run: Any) -> Census:
    from rmtjac.linkage.census import fixed_point_census

    lower, upper = box_of(args)
    with executor_of(args) as executor:
        return fixed_point_census(
            replace(spec, depth=depths[0]).ensemble(),
            depths,
            replicates,
            spec.seed,
            args.count,
            rule=args.rule,
            lower=lower,
            upper=upper,
            step=args.step,
            max_steps=args.max_steps,
            max_period=args.max_period,
            level=args.level,
            workers=args.workers,
            executor=executor,
            **run,
        )


def _spec(args: argparse.Namespace) -> Spec:
    """The spec of the ensemble, 200 replicates unless it says another number; its depth is that of --depths."""
    spec = self_map_spec(args)
    if spec.widths is not None or spec.depth is not None:
        given = "widths" if spec.widths is not None else "depth"
        raise ValueError(f"{given} in --spec: allowed are --depths, and n and width")
    is_default = args.replicates is None and spec.replicates == Spec.replicates
    return replace(spec, replicates=REPLICATES) if is_default else spec


def _depths(text: str) -> list[int]:
    """The depths of FROM:TO, FROM:TO:STEP (both ends included) or a list with commas."""
    try:
        if ":" not in text:
            return [int(part) for part in text.split(",")]
        first, last, *step = (int(part) for part in text.split(":"))
        depths = list(range(first, last + 1, *step[:1]))
        if len(step) > 1 or not depths:
            raise ValueError(text)
    except ValueError:
        raise ValueError(f"--depths {text}: allowed is FROM:TO, FROM:TO:STEP, or 2,3,5") from None
    return depths


def _table(census: Census) -> dict[str, Any]:
    low, high = census.interval.T
    return {
        "depth": census.depths,
        "mean": census.mean,
        "low": low,
        "high": high,
        "points": census.points.mean(axis=1),
        "cycles": census.cycles.mean(axis=1),
        "unresolved": census.unresolved.mean(axis=1),
        "complete": census.complete.mean(axis=1),
    }


def _summary(census: Census) -> dict[str, Any]:
    return {
        "count": census.count,
        "rule": census.rule,
        "replicates": census.counts.shape[1],
        "seed": str(census.entropy),
        "level": census.level,
        "histogram": census.histogram,
        "longest_cycle": census.longest.max(axis=1),
        "table": _table(census),
    }


def _lines(census: Census, spec: Spec) -> list[str]:
    replicates = census.counts.shape[1]
    lines = [
        f"{census.name} of {replicates} networks at each depth, seed {census.entropy}",
        f"{spec.activation}, {spec.weights} weights, n = {spec.n}",
        f"depth  mean    {100 * census.level:g} % interval    points  cycles  unresolved  complete",
    ]
    table = _table(census)
    for depth, mean, low, high, points, cycles, unresolved, complete in zip(*table.values(), strict=True):
        interval = f"{low:.3f} to {high:.3f}"
        lines.append(
            f"{depth:<7}{mean:<8.3f}{interval:<18}{points:<8.3f}{cycles:<8.3f}{unresolved:<12.3f}{complete:.3f}"
        )
    return lines
