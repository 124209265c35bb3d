"""Work under way at once, results in order, and never more than a few."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from directflow_conditions.engagement.pipelining import in_order


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


async def _collect(produced: AsyncIterator[int], results: list[int]) -> None:
    async for result in produced:
        results.append(result)


async def test_results_keep_the_order_of_the_items_whichever_is_done_first() -> None:
    async def work(number: int) -> int:
        for _ in range(10 - number):
            await asyncio.sleep(0)
        return number * number

    assert [result async for result in in_order(numbers(10), work, 4)] == [number * number for number in range(10)]


async def test_no_more_items_are_read_than_have_a_place_until_a_result_is_taken() -> None:
    read: list[int] = []

    async def items() -> AsyncIterator[int]:
        async for number in numbers(100):
            read.append(number)
            yield number

    async def work(number: int) -> int:
        return number

    async with aclosing(in_order(items(), work, 3)) as results:
        assert await anext(results) == 0
        for _ in range(100):
            await asyncio.sleep(0)
        assert read == [0, 1, 2]
        assert await anext(results) == 1
        for _ in range(100):
            await asyncio.sleep(0)
        assert read == [0, 1, 2, 3]


async def test_a_result_does_not_wait_for_another_item() -> None:
    told = asyncio.Event()

    async def items() -> AsyncIterator[int]:
        yield 1
        await told.wait()
        yield 2

    async def work(number: int) -> int:
        return number

    results = in_order(items(), work, 4)
    assert await anext(results) == 1
    told.set()
    assert [result async for result in results] == [2]


async def test_a_failure_comes_behind_the_results_before_it_and_cancels_the_rest() -> None:
    ends: list[str] = []

    async def work(number: int) -> int:
        if number == 1:
            raise ValueError("one")
        try:
            if number > 1:
                await asyncio.sleep(60)
        except asyncio.CancelledError:
            ends.append(f"{number} cancelled")
            raise
        return number

    results: list[int] = []
    with pytest.raises(ValueError, match="one"):
        await _collect(in_order(numbers(3), work, 4), results)
    assert (results, ends) == ([0], ["2 cancelled"])


async def test_items_that_break_off_fail_behind_the_results_of_those_that_came() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        raise ValueError("broken off")

    async def work(number: int) -> int:
        await asyncio.sleep(0)
        return number

    results: list[int] = []
    with pytest.raises(ValueError, match="broken off"):
        await _collect(in_order(items(), work, 4), results)
    assert results == [1]


async def test_leaving_it_cancels_what_is_under_way() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def work(number: int) -> int:
        if number == 0:
            return number
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return number

    async with aclosing(in_order(numbers(5), work, 2)) as results:
        await anext(results)
        await begun.wait()
    assert cancelled.is_set()
