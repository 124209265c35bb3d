"""The one thread that native parsers run in, with a stack large enough for every statement within the limits."""

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

STACK_BYTES = 64 * 1024 * 1024

T = TypeVar("T")

_stack_size_lock = threading.Lock()


def run_with_large_stack(work: Callable[[], T]) -> T:
    """Run `work` in the dedicated thread and return its result, or raise what it raised.

    A thread of our own and not the caller's: grpc and asyncio create theirs with stacks that we do not choose, musl's
    are 128 KiB, and a C stack overflow ends the process. The calls queue: a parse takes well under a millisecond.
    """
    return _thread_of_process(os.getpid()).submit(work).result()


@functools.cache
def _thread_of_process(pid: int) -> ThreadPoolExecutor:
    """The parser thread of this process; a forked child has inherited the object but not the thread, hence the key."""
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"sql-parser-{pid}")
    with _stack_size_lock:
        # The size is a property of the process and applies when a thread is created: set it, create, set it back.
        before = threading.stack_size(STACK_BYTES)
        try:
            executor.submit(threading.get_ident).result()
        finally:
            threading.stack_size(before)
    return executor
