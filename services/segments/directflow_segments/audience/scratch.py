"""Memory for what must be remembered about an audience, and files once that is too much.

One `Scratch` serves all streams of the process, so that many audiences at once share one bound. Files are unlinked as
soon as they are open: whatever ends the process, nothing stays behind.
"""

import mmap
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from directflow_runtime.errors import DirectFlowError, StatusCode


class Scratch:
    """The bounds that all regions share: bytes of memory, then bytes of files in `directory` (None: no files)."""

    def __init__(self, *, memory_bytes: int, disk_bytes: int = 0, directory: Path | None = None) -> None:
        self._booking = threading.Lock()  # a merge runs in a thread, and several streams may merge at once
        self._free_memory = memory_bytes
        self._free_disk = disk_bytes if directory is not None else 0
        self._directory = directory

    def region(self, size: int, *, replacing: "Region | None" = None) -> "Region":
        """A zeroed region of `size` bytes: of memory, else of a file. RESOURCE_EXHAUSTED where both are used up.

        Memory of `replacing` counts as free: its pages go back one by one while the new region is written.
        """
        in_memory = self._take(size, replacing)
        try:
            pages = _memory(size) if in_memory else _file(size, self._directory)
        except OSError as error:  # no space on the device, no address space
            self.give_back(size, in_memory=in_memory)
            raise _full() from error
        return Region(self, pages, in_memory=in_memory)

    def _take(self, size: int, replacing: "Region | None") -> bool:
        """Books the region; True when it is to lie in memory."""
        with self._booking:
            if size <= self._free_memory + (replacing.size if replacing and replacing.in_memory else 0):
                self._free_memory -= size
                return True
            if size <= self._free_disk:
                self._free_disk -= size
                return False
        raise _full()

    def give_back(self, size: int, *, in_memory: bool) -> None:
        """Called by a region that closes."""
        with self._booking:
            if in_memory:
                self._free_memory += size
            else:
                self._free_disk += size


class Region:
    """Zeroed bytes, taken from the system page by page as they are written."""

    def __init__(self, scratch: Scratch, pages: mmap.mmap, *, in_memory: bool) -> None:
        self._scratch = scratch
        self._pages: mmap.mmap | None = pages
        self.size = len(pages)
        self.in_memory = in_memory

    def array(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """A view of the region's beginning. Drop every view before `close`: the pages live as long as the last one."""
        assert self._pages is not None
        return np.frombuffer(self._pages, dtype=dtype, count=int(np.prod(shape))).reshape(shape)

    def release_before(self, offset: int) -> None:
        """Gives the whole pages before `offset` back to the system; they read as zeros afterwards."""
        whole = offset - offset % mmap.PAGESIZE
        if self._pages is not None and whole:
            self._pages.madvise(mmap.MADV_DONTNEED, 0, whole)

    def close(self) -> None:
        """Gives everything back. May be called twice."""
        if self._pages is not None:
            # Not pages.close(): that raises while a view is alive. Dropping the last reference unmaps.
            self._pages = None
            self._scratch.give_back(self.size, in_memory=self.in_memory)


def _memory(size: int) -> mmap.mmap:
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def _file(size: int, directory: Path | None) -> mmap.mmap:
    with tempfile.TemporaryFile(dir=directory, prefix="directflow-audience-") as file:
        # Not a sparse file: where the disk is full, writing to a page without a block kills the process (SIGBUS).
        os.posix_fallocate(file.fileno(), 0, size)
        return mmap.mmap(file.fileno(), size)


def _full() -> DirectFlowError:
    return DirectFlowError(
        StatusCode.RESOURCE_EXHAUSTED,
        "DUPLICATE_SET_FULL",
        "The audience has more people than this server can remember to leave out duplicates; ask for the KEY order, "
        "which needs no memory.",
    )
