"""Peers that run as programs: each prints its port, and serves until its standard input ends."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

START_SECONDS = 20.0


@asynccontextmanager
async def program(module: str, *arguments: str) -> AsyncIterator[tuple[int, int]]:
    """`python -m module ARGUMENTS` for the length of the block: its process id and port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            port = int(await process.stdout.readline())
        yield process.pid, port
    finally:
        process.stdin.close()
        await process.wait()


async def until_parent_leaves(port: int) -> None:
    """The program's side: tells the port, and returns when standard input has ended."""
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
