"""The way to the device and back: each batch's results and errors stay its own."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from actors.clip.lane import IN_FLIGHT, Lane

CPU = torch.device("cpu")
WITHOUT_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
DEVICES = [CPU, pytest.param(torch.device("cuda"), marks=[pytest.mark.gpu, WITHOUT_GPU])]


@pytest.mark.parametrize("device", DEVICES, ids=str)
@pytest.mark.parametrize("slots", [1, 2, 3])
def test_batches_of_many_threads_come_back_to_those_who_sent_them(
    slots: int, device: torch.device
) -> None:
    lane, under_way, most, lock = Lane(device, slots), 0, 0, threading.Lock()

    def work(number: int) -> tuple[float, float]:
        nonlocal under_way, most
        with lane.slot() as slot:
            with lock:
                under_way += 1
                most = max(most, under_way)
            try:
                there = slot.put(np.full((64, 32), number, np.float32))
                assert torch.is_inference_mode_enabled()
                time.sleep(0.002)
                if number % 5 == 3:
                    raise ValueError(f"batch {number}")
                total, largest = slot.take((there @ there.T).mean(), there.max())
            finally:
                with lock:
                    under_way -= 1
        return float(total), float(largest)

    with ThreadPoolExecutor(6) as threads:
        futures = [threads.submit(work, number) for number in range(40)]
    for number, future in enumerate(futures):
        if number % 5 == 3:
            with pytest.raises(ValueError, match=f"^batch {number}$"):
                future.result()
        else:
            assert future.result() == (32 * number**2, number)
    assert most == slots  # an error gives its slot back: neither fewer nor more at the end


def test_a_cpu_computes_one_batch_at_a_time_without_a_copy() -> None:
    lane = Lane(CPU)
    inside = threading.Event()

    def second() -> None:
        with lane.slot():
            inside.set()

    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    with lane.slot() as slot:
        thread = threading.Thread(target=second)
        thread.start()
        assert not inside.wait(0.05)
        there = slot.put(array)
        array[0, 0] = 9
        assert there[0, 0] == 9
        assert slot.take(there)[0] is not None
    thread.join(5)
    assert inside.is_set()
    assert IN_FLIGHT == 2


def test_what_may_not_be_written_to_is_sent_all_the_same() -> None:
    array = np.arange(6, dtype=np.uint8)
    array.flags.writeable = False
    with Lane(CPU).slot() as slot:
        np.testing.assert_array_equal(slot.take(slot.put(array[::2]))[0], [0, 2, 4])
