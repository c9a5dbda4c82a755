"""One budget of threads for BLAS and for our own work."""

import os
import threading
import time

import pytest
from threadpoolctl import threadpool_info

from exosift import threads


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_the_budget_is_the_cores_of_the_process_unless_limited():
    cores = len(os.sched_getaffinity(0))
    assert threads.budget() == cores
    with threads.limit(3):
        assert threads.budget() == 3
        with threads.limit(1):
            assert threads.budget() == 1
            assert blas_threads() == {1}
        assert threads.budget() == 3
    assert threads.budget() == cores


def test_a_limit_ends_with_its_block_even_on_an_error():
    before = threads.budget(), blas_threads()
    with pytest.raises(ZeroDivisionError), threads.limit(1):
        _ = 1 / 0
    assert (threads.budget(), blas_threads()) == before


@pytest.mark.parametrize("count", [1, 2, 4])
def test_results_keep_the_order_of_the_items(count):
    def work(item):
        time.sleep(0.002 * (7 - item))
        return item * item

    with threads.limit(count):
        assert threads.over(work, iter(range(8))) == [i * i for i in range(8)]
        assert threads.over(work, []) == []


def test_work_runs_on_the_budget_with_blas_held_to_one_thread():
    gate = threading.Barrier(3, timeout=5)

    def work(_):
        gate.wait()  # passes only when three run at once
        return threading.get_ident(), threads.budget(), blas_threads()

    with threads.limit(3):
        seen = threads.over(work, range(3))
    assert len({ident for ident, _, _ in seen}) == 3
    assert {own for _, own, _ in seen} == {1}
    assert all(blas == {1} for _, _, blas in seen)


def test_nested_work_stays_on_its_thread():
    def inner(_):
        return threading.get_ident()

    def outer(_):
        return {threading.get_ident(), *threads.over(inner, range(4))}

    with threads.limit(2):
        assert all(len(idents) == 1 for idents in threads.over(outer, range(4)))


def test_an_error_in_a_piece_of_work_comes_through():
    with threads.limit(2), pytest.raises(ZeroDivisionError):
        threads.over(lambda item: 1 // item, [2, 1, 0])


@pytest.mark.parametrize(("count", "budget"), [(10, 3), (2, 4), (7, 1), (0, 2)])
def test_spans_cover_all_items_once_in_near_equal_parts(count, budget):
    with threads.limit(budget):
        spans = threads.spans(count)
    assert [i for span in spans for i in range(count)[span]] == list(range(count))
    sizes = [span.stop - span.start for span in spans]
    assert len(spans) == max(1, min(count, budget))
    assert max(sizes) - min(sizes) <= 1
