from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from transfer.probes.threads import one_thread, solved


def threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_linear_algebra_has_one_thread_inside_and_what_it_had_afterwards() -> None:
    with threadpool_limits(2, "blas"):
        with one_thread():
            assert threads() == {1}
        assert threads() == {2}
        assert list(solved(lambda _: threads(), range(3))) == [{1}] * 3
        assert threads() == {2}


def test_solutions_come_in_order() -> None:
    random = np.random.default_rng(0)
    problems = [(half := random.normal(size=(n, n))) @ half.T for n in (90, 3, 40, 1, 70)]
    for found, problem in zip(solved(np.linalg.eigvalsh, problems), problems, strict=True):
        assert np.allclose(found, np.linalg.eigvalsh(problem))


def test_a_problem_without_solution_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        list(solved(lambda number: 1 / number, [1, 0, 2]))
    assert threads() != set()
