"""The gate: whoever comes while the model works goes in together, in order, and nobody is lost."""

from __future__ import annotations

import asyncio
import random

from serve.gate import Gate


class Model:
    """A batch function behind a gate; as with `serve.batch`, a batch is closed when it is begun.

    Without a gate the next batch would be closed with the first request that comes meanwhile.
    """

    def __init__(self, width: int, seconds: float = 0.02) -> None:
        self.gate, self._width, self._seconds = Gate(width), width, seconds
        self.batches: list[list[int]] = []
        self._queue: asyncio.Queue[tuple[int, asyncio.Future[int]]] = asyncio.Queue()
        self._free = asyncio.Lock()
        self._loop = asyncio.create_task(self._collect())

    async def ask(self, number: int) -> int:
        """Wait at the gate, then for the batch."""
        async with self.gate:
            answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            self._queue.put_nowait((number, answer))
            return await answer

    async def _collect(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty() and len(batch) < self._width:
                batch.append(self._queue.get_nowait())
            self.batches.append([number for number, _ in batch])
            async with self._free:
                pass  # the batch before is done
            self._work = asyncio.create_task(self._forward(batch))
            await asyncio.sleep(0)

    async def _forward(self, batch: list[tuple[int, asyncio.Future[int]]]) -> None:
        async with self._free:
            with self.gate.closed():
                await asyncio.sleep(self._seconds)
                for number, answer in batch:
                    if answer.done():
                        continue
                    if number < 0:
                        answer.set_exception(ValueError(number))
                    else:
                        answer.set_result(number)


def test_a_lone_request_waits_for_nothing_and_those_after_it_share_a_batch() -> None:
    async def ask() -> list[list[int]]:
        model = Model(8, 0.3)
        tasks = [asyncio.create_task(model.ask(0))]
        await asyncio.sleep(0.05)
        for number in range(1, 6):
            await asyncio.sleep(0)
            tasks.append(asyncio.create_task(model.ask(number)))
        assert await asyncio.gather(*tasks) == list(range(6))
        return model.batches

    assert asyncio.run(ask()) == [[0], [1, 2, 3, 4, 5]]


def test_no_more_than_the_width_go_in_first_come_first_served() -> None:
    async def ask() -> list[list[int]]:
        model = Model(4, 0.005)
        assert await asyncio.gather(*map(model.ask, range(11))) == list(range(11))
        return model.batches

    batches = asyncio.run(ask())
    assert [number for batch in batches for number in batch] == list(range(11))
    assert [len(batch) for batch in batches] == [4, 4, 3]


def test_a_failing_batch_opens_the_gate_again() -> None:
    async def ask() -> None:
        model = Model(2, 0.005)
        numbers = [-1, -2, 3, 4]
        found = await asyncio.gather(*map(model.ask, numbers), return_exceptions=True)
        assert [type(each) for each in found] == [ValueError, ValueError, int, int]
        assert await asyncio.wait_for(model.ask(5), 1) == 5

    asyncio.run(ask())


def test_when_all_that_a_batch_was_for_have_left_the_next_go_in() -> None:
    async def ask() -> None:
        model = Model(2, 0.05)
        gone = [asyncio.create_task(model.ask(number)) for number in (0, 1)]
        await asyncio.sleep(0.01)
        waiting = [asyncio.create_task(model.ask(number)) for number in (2, 3)]
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        assert await asyncio.wait_for(asyncio.gather(*waiting), 2) == [2, 3]
        assert model.batches == [[0, 1], [2, 3]]

    asyncio.run(ask())


def test_a_request_let_in_and_cancelled_at_once_gives_its_place_away() -> None:
    async def ask() -> None:
        gate = Gate(1)
        entered: list[str] = []

        async def enter(name: str) -> None:
            async with gate:
                entered.append(name)
                await asyncio.sleep(0)

        await gate.__aenter__()
        second, third = asyncio.create_task(enter("second")), asyncio.create_task(enter("third"))
        await asyncio.sleep(0)
        await gate.__aexit__()  # lets the second in, which is cancelled before it notices
        second.cancel()
        await asyncio.wait_for(third, 1)
        assert entered == ["third"]

    asyncio.run(ask())


def test_requests_that_leave_at_any_moment_keep_nobody_waiting() -> None:
    async def ask(seed: int) -> None:
        rng, model = random.Random(seed), Model(3, 0.001)

        async def one(number: int) -> int:
            await asyncio.sleep(rng.random() * 0.02)
            return await model.ask(number)

        tasks = [asyncio.create_task(one(number)) for number in range(40)]
        for task in rng.sample(tasks, 20):
            await asyncio.sleep(rng.random() * 0.002)
            task.cancel()
        found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        for number, each in enumerate(found):
            assert each == number or isinstance(each, asyncio.CancelledError)
        assert max(map(len, model.batches)) <= 3
        assert await asyncio.wait_for(model.ask(99), 1) == 99, "the gate is as it was"

    for seed in range(10):
        asyncio.run(ask(seed))
