"""The replicate runner: order, errors, interruption, one BLAS thread; memory and provenance."""

import json
import multiprocessing
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
import scipy.linalg  # noqa: F401
from threadpoolctl import threadpool_info

from rmtjac.errors import ExecutorError, MemoryLimitError
from rmtjac.runs import memory
from rmtjac.runs.blas import single_threaded_blas
from rmtjac.runs.provenance import provenance
from rmtjac.runs.runner import IN_FLIGHT, default_workers, run_in_order, run_replicates


def square(k):
    return k * k


def blas_threads(_=0):
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def fail_at_three(k):
    if k == 3:
        raise RuntimeError("three")
    return k


def processes(workers):
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


@pytest.mark.parametrize("workers", [None, 1, 2, 7])
def test_results_come_in_order(workers):
    def slow_first(k):
        time.sleep(0.02 if k == 0 else 0)
        return square(k)

    assert run_replicates(slow_first, range(12), workers) == [k * k for k in range(12)]


@pytest.mark.parametrize("workers", [1, 2, 7])
@pytest.mark.parametrize("count", [0, 1, 30])
def test_parts_come_in_order_and_few_at_once(workers, count):
    started = []

    def slow_first(k):
        started.append(k)
        time.sleep(0.02 if k == 0 else 0)
        return square(k)

    for k, part in enumerate(run_in_order(slow_first, count, workers)):
        assert part == k * k
        assert len(started) <= k + 2 * workers
    assert sorted(started) == list(range(count))
    with single_threaded_blas():
        assert list(run_in_order(blas_threads, 3, workers)) == [{1}] * 3


@pytest.mark.parametrize("workers", [1, 2])
def test_a_part_that_fails_ends_the_run(workers):
    parts = run_in_order(fail_at_three, 1000, workers)
    with pytest.raises(RuntimeError, match="three"):
        list(parts)


def test_executors_of_the_caller():
    with ThreadPoolExecutor(2) as pool:
        assert run_replicates(square, range(5), executor=pool) == [0, 1, 4, 9, 16]
        assert pool.submit(square, 3).result() == 9  # still open
    with processes(2) as pool:
        assert run_replicates(square, range(5), executor=pool) == [0, 1, 4, 9, 16]
        assert run_replicates(blas_threads, range(3), executor=pool) == [{1}] * 3


def test_blas_is_held_to_one_thread_and_released():
    before = blas_threads()
    assert run_replicates(blas_threads, range(4), workers=2) == [{1}] * 4
    assert blas_threads() == before


def test_the_limit_lasts_until_the_last_one_leaves():
    before = blas_threads()
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with single_threaded_blas():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    with single_threaded_blas():
        thread.start()
        inside.wait(10)
    assert blas_threads() == {1}
    leave.set()
    thread.join()
    assert blas_threads() == before
    assert run_replicates(blas_threads, range(2), workers=2) == [{1}] * 2
    assert blas_threads() == before


def test_an_error_ends_the_run_and_the_rest_is_not_started():
    started = []

    def task(k):
        started.append(k)
        time.sleep(0.002 if k > 3 else 0)
        return fail_at_three(k)

    with pytest.raises(RuntimeError, match="three"):
        run_replicates(task, range(2000), workers=1)
    assert len(started) < 2000


def test_interruption_does_not_wait():
    release = threading.Event()

    def task(k):
        if k:
            release.wait(20)
        return k

    def interrupt(k, result):
        raise KeyboardInterrupt

    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        run_replicates(task, range(50), workers=2, keep=interrupt)
    assert time.perf_counter() - begin < 5
    release.set()


def test_every_replicate_is_kept_once():
    kept = {}
    numbers = [7, 3, 10_000, 5]
    results = run_replicates(square, numbers, workers=2, keep=lambda k, result: kept.update({k: result}))
    assert results == [49, 9, 10**8, 25]
    assert kept == dict(zip(numbers, results, strict=True))
    assert run_replicates(square, []) == []


def test_more_replicates_than_are_in_flight():
    assert run_replicates(square, range(IN_FLIGHT + 50)) == [k * k for k in range(IN_FLIGHT + 50)]


def test_an_interruption_in_keep_loses_nothing_that_ended():
    kept = []

    def interrupted_once(k, result):
        kept.append(k)
        if len(kept) == 1:
            time.sleep(0.5)  # all others end meanwhile
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_replicates(square, range(6), workers=2, keep=interrupted_once)
    assert set(kept) == set(range(6))


def die(k):
    os._exit(1)


def test_an_executor_that_dies():
    with processes(1) as pool, pytest.raises(ExecutorError, match="3 of 3 replicates"):
        run_replicates(die, range(3), executor=pool)


@pytest.mark.parametrize("workers", [0, -2])
def test_workers_below_one_are_refused(workers):
    with pytest.raises(ValueError, match=">= 1"):
        run_replicates(square, range(1), workers)


@pytest.mark.parametrize("workers", [2.0, True, "2"])
def test_other_kinds_are_refused(workers):
    with pytest.raises(TypeError, match=">= 1"):
        run_replicates(square, range(1), workers)


def test_workers_with_an_executor_are_refused():
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="executor"):
        run_replicates(square, range(1), workers=1, executor=pool)


def test_default_workers():
    assert default_workers() >= 1


def test_check_memory(monkeypatch):
    memory.check_memory(1, "a byte")
    with pytest.raises(MemoryLimitError, match=r"a universe needs .* GB of memory: available are"):
        memory.check_memory(10**18, "a universe")
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    memory.check_memory(10**18, "a universe")


def fake_system(folder, monkeypatch, own="0::/\n"):
    (folder / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 8000 kB\n")
    (folder / "own").write_text(own)
    monkeypatch.setattr(memory, "MEMINFO", folder / "meminfo")
    monkeypatch.setattr(memory, "OWN_CGROUP", folder / "own")
    monkeypatch.setattr(memory, "CGROUP", folder / "cgroup")


def write_group(folder, limit, usage, inactive, names=("memory.max", "memory.current", "inactive_file")):
    folder.mkdir(parents=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{usage}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {inactive}\n")


def test_available_memory_of_the_system(tmp_path, monkeypatch):
    fake_system(tmp_path, monkeypatch)
    assert memory.available_memory() == 8000 * 1024
    (tmp_path / "meminfo").unlink()
    assert memory.available_memory() is None


def test_available_memory_of_control_groups(tmp_path, monkeypatch):
    fake_system(tmp_path, monkeypatch, own="0::/outer/inner\n")
    write_group(tmp_path / "cgroup/outer/inner", "max", 0, 0)
    assert memory.available_memory() == 8000 * 1024
    for name, text in (
        ("memory.max", "5000"),
        ("memory.current", "3000"),
        ("memory.stat", "inactive_file 500"),
    ):
        (tmp_path / "cgroup/outer" / name).write_text(text)
    assert memory.available_memory() == 2500
    old = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    write_group(tmp_path / "cgroup/memory", 100, 300, 50, old)
    assert memory.available_memory() == 0


def test_provenance_is_json():
    record = provenance(["rmtjac", "sample"])
    assert record["argv"] == ["rmtjac", "sample"]
    assert {"version", "python", "platform", "packages", "blas", "date"} <= set(record)
    assert record["packages"]["numpy"]
    assert json.loads(json.dumps(record)) == record
