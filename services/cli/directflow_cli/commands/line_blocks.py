"""Lines of a file or a pipe, as they come, without ever stopping the event loop for a slow writer."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

import typer
from directflow_runtime.errors import DirectFlowError, StatusCode

STDIN: Final = "-"
CHUNK_BYTES: Final = 1024 * 1024
LONGEST_LINE_BYTES: Final = 1024 * 1024


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """The file of that name, or standard input for `-`; BadParameter where it cannot be read."""
    if name == STDIN:
        yield sys.stdin.buffer
        return
    try:
        file = open(name, "rb")  # noqa: SIM115 (closed below; an error of the block is not this one)
    except OSError as problem:
        raise typer.BadParameter(f"{name} cannot be read: {problem.strerror}") from None
    with file:
        yield file


async def line_blocks(file: BinaryIO, most: int) -> AsyncIterator[list[bytes]]:
    """What is there, in blocks of at most `most` lines, without line ends: a line never waits for the next one.

    One of more than 1 MiB is INVALID_ARGUMENT (LINE_TOO_LONG).
    """
    rest = b""
    while chunk := await _read(file):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE_BYTES:
            raise DirectFlowError(StatusCode.INVALID_ARGUMENT, "LINE_TOO_LONG", "a line has more than 1 MiB")
        for begin in range(0, len(lines), most):
            yield [line.removesuffix(b"\r") for line in lines[begin : begin + most]]
    if rest:
        yield [rest]


async def _read(file: BinaryIO) -> bytes:
    try:
        descriptor = file.fileno()
    except OSError:  # in memory
        return file.read(CHUNK_BYTES)
    await _readable(descriptor)
    return os.read(descriptor, CHUNK_BYTES)


async def _readable(descriptor: int) -> None:
    """Not in a thread: a thread that waits for a pipe cannot be cancelled, and would hold up the end of the process."""
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:  # epoll takes no regular file: it is always ready
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
