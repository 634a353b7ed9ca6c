"""`rmtjac merge`: the sample whose networks are in several journals."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rmtjac.cli.output import Output, add_output_flags
from rmtjac.cli.sample import output_of

if TYPE_CHECKING:
    from rmtjac.model.spec import Spec
    from rmtjac.sampling.sample import SpectrumSample

HELP = "join the journals of one run, such as those of its shards"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac merge`."""
    parser.add_argument("parts", nargs="+", metavar="JOURNAL", help="journals of one run")
    parser.add_argument(
        "--journal", metavar="FILE", help="write them all into this journal, to go on from it"
    )
    add_output_flags(parser)


def cost(args: argparse.Namespace) -> str:
    """No sampling."""
    return f"{len(args.parts)} journals to read: no sampling"


def compute(args: argparse.Namespace) -> Output:
    """The sample."""
    from rmtjac.sampling.spectrum import merge_journals

    sample = merge_journals(args.parts, args.journal)
    return output_of(spec_of(sample), sample)


def spec_of(sample: SpectrumSample) -> Spec:
    """What a sample records of how it was made."""
    from rmtjac.model.spec import Spec

    recorded = sample.metadata
    return Spec.from_description(
        recorded["ensemble"],
        gates=recorded["gates"],
        inputs=None if recorded["inputs"] == "gaussian" else recorded["inputs"],
        accuracy=recorded["accuracy"],
        side=sample.side,
        replicates=sample.ranks.size,
        seed=sample.entropy,
    )
