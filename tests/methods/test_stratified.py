"""The stratified estimate and its interval, against arithmetic and against simulated reviews."""

import numpy as np
import pytest

from methods.stratified import domain, random_sample_size, stratified, wilson


def test_one_stratum_is_close_to_wilson_s_interval() -> None:
    n, right = np.array([400]), np.array([340.0])
    found = stratified(np.array([10**9]), n, right, np.array([0.85]))
    low, high = wilson(0.85, 400)
    assert found.estimate == pytest.approx(0.85)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)


def test_the_estimate_weighs_strata_by_their_images() -> None:
    sizes = np.array([900, 100])
    found = stratified(sizes, np.array([10, 10]), np.array([10.0, 5.0]), np.array([0.9, 0.5]))
    assert found.estimate == pytest.approx(0.95)
    assert found.low < 0.95 < found.high < 1


def test_a_stratum_without_an_answer_may_be_anything() -> None:
    sizes, expected = np.array([80, 20]), np.array([0.9, 0.4])
    found = stratified(sizes, np.array([80, 0]), np.array([72.0, 0.0]), expected)
    assert found.estimate == pytest.approx(0.8 * 0.9 + 0.2 * 0.4)
    assert (found.low, found.high) == pytest.approx((0.72, 0.92))
    nothing = stratified(sizes, np.array([0, 0]), np.zeros(2), expected)
    assert (nothing.low, nothing.high) == (0.0, 1.0)


def test_an_archive_that_was_all_reviewed_is_known() -> None:
    sizes = np.array([30, 20])
    found = stratified(sizes, sizes, np.array([30.0, 10.0]), np.array([0.5, 0.5]))
    assert found.low == found.high == found.estimate == pytest.approx(0.8)


def test_answers_that_all_agree_leave_doubt() -> None:
    n = np.array([6, 6])
    found = stratified(np.array([5000, 5000]), n, n.astype(float), np.array([0.9, 0.9]))
    assert found.estimate == 1
    assert found.low < 0.9


def test_a_class_has_the_interval_of_its_own_answers() -> None:
    assert domain(np.array([]), np.array([])) is None
    alike = domain(np.full(20, 3.0), np.array([1.0] * 15 + [0.0] * 5))
    assert alike is not None
    assert (alike.low, alike.high) == pytest.approx(wilson(0.75, 20))
    uneven = domain(np.array([100.0] + [1.0] * 19), np.ones(20))
    assert uneven is not None
    assert uneven.low < alike.low  # as good as one answer


def test_the_size_of_a_plain_sample_is_where_its_interval_is_as_narrow() -> None:
    size = random_sample_size(0.8, 0.02, 10**9)
    low, high = wilson(0.8, size)
    assert (high - low) / 2 == pytest.approx(0.02, abs=1e-6)
    assert random_sample_size(0.8, 0.02, 2000) < size  # of few images fewer will do
