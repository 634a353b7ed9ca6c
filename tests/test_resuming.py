"""Runs that are broken off, resumed, sharded and repeated give the same bits as undisturbed ones."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import rmtjac as rj
from rmtjac.cli import main
from rmtjac.runs.journal import read_identity, read_results
from rmtjac.storage import load_arrays, save_arrays

ENS = rj.Ensemble(widths=[9, 12, 7], activation="hard_tanh", sigma_w=1.3, sigma_b=0.1)
FLAGS = ["--widths", "9,12,7", "--activation", "hard_tanh", "--sigma-w", "1.3", "--sigma-b", "0.1"]
REPLICATES = 8


def sampled(replicates=REPLICATES, rng=5, **others):
    return rj.sample_spectrum(ENS, replicates, rng, **others)


def assert_same(one, other):
    assert one.entropy == other.entropy
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name], strict=True)


def breaking_off(after):
    def report(done, total):
        if done == after:
            raise KeyboardInterrupt

    return report


@pytest.mark.parametrize("accuracy", ["absolute", "relative"])
def test_a_run_goes_on_from_its_journal(tmp_path, accuracy):
    path = tmp_path / "j"
    with pytest.raises(KeyboardInterrupt):
        sampled(accuracy=accuracy, journal=path, workers=1, progress=breaking_off(3))
    assert 3 <= len(read_results(path, read_identity(path))) < REPLICATES
    seen = []
    resumed = sampled(
        accuracy=accuracy, journal=path, progress=lambda done, total: seen.append((done, total))
    )
    assert_same(resumed, sampled(accuracy=accuracy))
    assert seen[0][0] >= 3
    assert seen[-1] == (REPLICATES, REPLICATES)


def test_the_count_is_the_total(tmp_path):
    path = tmp_path / "j"
    assert_same(sampled(3, journal=path), sampled(3))
    assert_same(sampled(6, journal=path), sampled(6))
    size = path.stat().st_size
    assert_same(sampled(4, journal=path), sampled(4))
    assert path.stat().st_size == size


def test_a_journal_knows_its_seed(tmp_path):
    path = tmp_path / "j"
    first = sampled(2, None, journal=path)
    assert_same(sampled(5, None, journal=path), sampled(5, first.entropy))
    with pytest.raises(ValueError, match=f"entropy '{first.entropy}' and not '5'"):
        sampled(5, 5, journal=path)


@pytest.mark.parametrize(
    ("others", "word"),
    [
        ({"gates": "independent"}, "gates"),
        ({"accuracy": "relative"}, "accuracy"),
        ({"inputs": np.ones(9)}, "inputs"),
    ],
)
def test_a_journal_of_another_run_is_refused(tmp_path, others, word):
    path = tmp_path / "j"
    sampled(2, journal=path, accuracy="absolute")
    with pytest.raises(ValueError, match=word):
        sampled(2, journal=path, **({"accuracy": "absolute"} | others))


def test_shards_make_the_run(tmp_path):
    paths = [tmp_path / f"part{i}" for i in (1, 2, 3)]
    for i, path in enumerate(paths, start=1):
        rj.sample_shard(ENS, (i, 3), REPLICATES, 5, path)
    joined = tmp_path / "all"
    assert_same(rj.merge_journals(paths[::-1], joined), sampled())
    assert_same(sampled(REPLICATES + 2, journal=joined), sampled(REPLICATES + 2))
    with pytest.raises(ValueError, match="replicates 1, 4 are in none"):
        rj.merge_journals([paths[0], paths[2], paths[0]])


@pytest.mark.parametrize("shard", [(0, 2), (3, 2), (1, 0), (1, 2, 3)])
def test_shards_that_are_none(tmp_path, shard):
    with pytest.raises(ValueError, match="shard"):
        rj.sample_shard(ENS, shard, 4, 5, tmp_path / "j")


def test_merging_what_does_not_belong_together(tmp_path):
    rj.sample_shard(ENS, (1, 2), 4, 5, tmp_path / "a")
    rj.sample_shard(ENS, (2, 2), 4, 6, tmp_path / "b")
    with pytest.raises(ValueError, match="entropy"):
        rj.merge_journals([tmp_path / "a", tmp_path / "b"])
    with pytest.raises(ValueError, match="at least one"):
        rj.merge_journals([])
    with pytest.raises(ValueError, match="the same for all shards"):
        rj.sample_shard(ENS, (1, 2), 4, None, tmp_path / "c")


def test_process_pools_and_a_dask_cluster_give_the_same_bits():
    from distributed import Client, LocalCluster

    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert_same(sampled(executor=pool), sampled())
    quiet = {"dashboard_address": None, "silence_logs": 50, "processes": False}
    with LocalCluster(n_workers=2, threads_per_worker=1, **quiet) as cluster, Client(cluster) as client:
        assert_same(sampled(executor=client.get_executor()), sampled())


# the command line


def command(*arguments):
    return [sys.executable, "-m", "rmtjac", *map(str, arguments)]


SLOW = ["sample", "--depth", "10", "--width", "60", "--replicates", "20000", "--seed", "3", "--workers", "2"]


def started(path):
    """A long run that has some replicates in its journal."""
    process = subprocess.Popen(command(*SLOW, "--journal", path), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not path.exists() or path.stat().st_size < 10_000:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_soon_and_tell_how_to_go_on(tmp_path, kind):
    path = tmp_path / "j"
    process = started(path)
    process.send_signal(kind)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"to go on: rmtjac {' '.join(SLOW)} --journal {path}" in err
    kept = read_results(path, read_identity(path))
    assert len(kept) > 3


def test_killed_at_any_moment(tmp_path):
    path = tmp_path / "j"
    process = started(path)
    process.kill()
    process.communicate()
    kept = len(read_results(path, read_identity(path)))
    assert kept > 3
    ens = rj.Ensemble(depth=10, width=60)
    assert_same(rj.sample_spectrum(ens, kept + 5, journal=path), rj.sample_spectrum(ens, kept + 5, 3))


def run(capsys, *arguments):
    code = main(list(map(str, arguments)))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_shards_on_the_command_line(capsys, tmp_path):
    whole, parts = tmp_path / "whole", [tmp_path / "part1", tmp_path / "part2"]
    flags = [*FLAGS, "--replicates", REPLICATES, "--seed", 5]
    run(capsys, "sample", *flags, "--out", whole)
    for i, part in enumerate(parts, start=1):
        code, out, _ = run(capsys, "sample", *flags, "--journal", part, "--shard", f"{i}/2")
        assert (code, out) == (0, f"shard {i}/2: its 4 of 8 networks are in {part}\n")
    code, out, _ = run(capsys, "merge", *parts, "--out", tmp_path / "merged")
    assert code == 0
    assert "8 networks" in out
    before, after = (load_arrays(f"{stem}.npz")[0] for stem in (whole, tmp_path / "merged"))
    for name, array in before.items():
        np.testing.assert_array_equal(array, after[name], strict=True)
    assert_same(rj.load_sample(f"{whole}.npz"), sampled())


def test_a_run_that_is_interrupted_says_where_it_is(capsys, tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    flags = ["sample", *FLAGS, "--seed", "5", "--replicates", "3", "--journal", str(tmp_path / "my journal")]
    assert run(capsys, *flags)[0] == 0
    monkeypatch.setattr("rmtjac.sampling.spectrum.sample_spectrum", interrupt)
    code, _, err = run(capsys, *flags)
    assert code == 130
    assert f"--journal '{tmp_path / 'my journal'}'" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sample", *FLAGS, "--shard", "1/2"], ["--shard", "--journal"]),
        (["sample", *FLAGS, "--shard", "2/1", "--journal", "j"], ["--shard", "I/N"]),
        (["sample", *FLAGS, "--shard", "1/2", "--journal", "j"], ["rng", "seed"]),
        (["sample", *FLAGS, "--journal", "none/j"], ["journal", "does not exist"]),
        (["sample", *FLAGS, "--journal", "foreign"], ["journal", "foreign"]),
        (["sample", *FLAGS, "--dask", "tcp://127.0.0.1:9"], ["--dask", "no scheduler"]),
        (["sample", *FLAGS, "--dask", "x", "--workers", "2"], ["--workers", "--dask"]),
        (["merge", "none"], ["journal", "none"]),
        (["merge", "foreign"], ["journal", "foreign"]),
        (["rerun", "none.npz"], ["none.npz", "no such file"]),
        (["rerun", "foreign"], ["foreign"]),
    ],
)
def test_bad_input_is_one_line_and_exit_2(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rmtjac.cli.sample.CONNECT_SECONDS", 1)
    (tmp_path / "foreign").write_text("something else")
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    for word in words:
        assert word in err
    assert (tmp_path / "foreign").read_text() == "something else"


def test_progress_in_lines_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setattr("rmtjac.cli.progress.SECONDS_A_LINE", 0.0)
    code, _, err = run(capsys, "sample", *FLAGS, "--replicates", "3", "--seed", "1")
    assert code == 0
    assert len(err.splitlines()) == 3
    assert "rmtjac sample: 3 of 3 networks" in err
    assert run(capsys, "sample", *FLAGS, "--replicates", "3", "--quiet") == (0, "", "")


RUNS = {
    "law": [*FLAGS, "--points", "30"],
    "sample": [*FLAGS, "--replicates", "3"],
    "compare": [*FLAGS, "--replicates", "3"],
    "phase": ["--depth", "3", "--activation", "relu", "--sigma-w", "1,1.4", "--sigma-b", "0:0.1:2"],
}


@pytest.mark.filterwarnings("ignore:.*widths")
@pytest.mark.parametrize("subcommand", RUNS)
def test_a_rerun_gives_the_same_numbers(capsys, tmp_path, subcommand):
    assert run(capsys, subcommand, *RUNS[subcommand], "--out", tmp_path / "x")[0] == 0
    code, out, _ = run(capsys, "rerun", tmp_path / "x.npz")
    assert (code, out) == (0, "identical: every number is the same to the last bit\n")
    assert run(capsys, "rerun", tmp_path / "x.npz", "--quiet")[:2] == (0, "")


def changed(path, factor):
    """The file with one of its numbers changed."""
    arrays, metadata = load_arrays(path)
    arrays["singular_values"][0, -1] *= factor
    save_arrays(path, arrays, metadata)


def test_a_rerun_sees_what_differs(capsys, tmp_path):
    path = tmp_path / "x.npz"
    sampled(3).save(path)
    assert run(capsys, "rerun", path)[0] == 0
    changed(path, 1 + 1e-14)
    code, out, _ = run(capsys, "rerun", path)
    assert code == 0
    assert "agree to rounding" in out
    changed(path, 1 + 1e-6)
    code, out, _ = run(capsys, "rerun", path)
    assert code == 3
    assert "differ" in out
    assert "singular_values" in out


def test_a_rerun_names_what_the_machine_was(capsys, tmp_path):
    path = tmp_path / "x.npz"
    sampled(2).save(path)
    arrays, metadata = load_arrays(path)
    metadata["provenance"]["platform"] = "Elsewhere-1.0"
    save_arrays(path, arrays, metadata)
    assert "platform was Elsewhere-1.0, is " in run(capsys, "rerun", path)[1]


def test_inputs_that_are_an_array_cannot_be_rerun(capsys, tmp_path):
    path = tmp_path / "x.npz"
    rj.sample_spectrum(ENS, 2, 1, inputs=np.ones(9)).save(path)
    code, _, err = run(capsys, "rerun", path)
    assert code == 2
    assert "inputs" in err


def test_json_of_a_shard(capsys, tmp_path):
    flags = [
        *FLAGS,
        "--replicates",
        "4",
        "--seed",
        "5",
        "--shard",
        "2/2",
        "--journal",
        tmp_path / "j",
        "--json",
    ]
    assert json.loads(run(capsys, "sample", *flags)[1])["replicates"] == 2


def test_a_rerun_of_a_network_from_a_file(capsys, tmp_path):
    rj.Network([0.5 * np.eye(2)], None, "hard_tanh").save(tmp_path / "net.npz")
    call = ("fixed-points", "--network", tmp_path / "net.npz", "--out", tmp_path / "x")
    assert run(capsys, *call)[0] == 0
    assert run(capsys, "rerun", tmp_path / "x.npz")[:2] == (
        0,
        "identical: every number is the same to the last bit\n",
    )
