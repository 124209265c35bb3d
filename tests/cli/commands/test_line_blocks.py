"""Lines of files and pipes: none waits for the next one, and none is lost."""

import asyncio
import io
import os
from contextlib import aclosing
from pathlib import Path

import pytest
from directflow_cli.commands import line_blocks as lines
from directflow_cli.commands.line_blocks import line_blocks, opened
from directflow_runtime.errors import DirectFlowError


async def blocks_of(data: bytes, most: int = 3) -> list[list[bytes]]:
    return [block async for block in line_blocks(io.BytesIO(data), most)]


@pytest.mark.parametrize(
    ("data", "blocks"),
    [
        (b"", []),
        (b"a\nb\r\nc\nd\n", [[b"a", b"b", b"c"], [b"d"]]),
        (b"a\n\nb", [[b"a", b""], [b"b"]]),
    ],
)
async def test_line_ends_are_taken_off_and_the_last_line_needs_none(data: bytes, blocks: list[list[bytes]]) -> None:
    assert await blocks_of(data) == blocks


async def test_a_line_may_lie_across_two_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lines, "CHUNK_BYTES", 4)
    (tmp_path / "file").write_bytes(b"abcdef\ngh\nijklmnopqrstuvw\nx")
    with opened(str(tmp_path / "file")) as file:
        read = [line async for block in line_blocks(file, 10) for line in block]
    assert read == [b"abcdef", b"gh", b"ijklmnopqrstuvw", b"x"]


async def test_a_line_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE_BYTES", 10)
    with pytest.raises(DirectFlowError, match="more than 1 MiB"):
        await blocks_of(b"x" * 11)


async def test_a_line_of_a_pipe_waits_neither_for_the_next_nor_does_it_hold_up_anybody() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as file:
        async with aclosing(line_blocks(file, 10)) as blocks:
            waiting = asyncio.create_task(anext(blocks))
            await asyncio.sleep(0)  # the event loop turns: a blocking read would stand still here
            assert not waiting.done()
            os.write(writing, b"one\ntw")
            assert await waiting == [b"one"]
            os.write(writing, b"o\n")
            assert await anext(blocks) == [b"two"]
            os.close(writing)
            assert [block async for block in blocks] == []


async def test_waiting_for_a_pipe_can_be_cancelled() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as file, os.fdopen(writing, "wb"):
        async with aclosing(line_blocks(file, 10)) as blocks:
            waiting = asyncio.create_task(anext(blocks))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
