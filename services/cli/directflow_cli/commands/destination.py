"""Where a stream is written: stdout, or a file that exists only when it is complete."""

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


class Abandonable(io.RawIOBase):
    """A binary file that takes nothing more once it is abandoned.

    Arrow's writers write a footer when they are thrown away: a broken stream would become a file that looks whole.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written = 0
        self._abandoned = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        if not self._abandoned:
            self._file.write(data)
            self._written += size
        return size

    def tell(self) -> int:
        """Bytes so far: a pipe does not know its position, and Parquet's footer needs it."""
        return self._written

    def flush(self) -> None:
        if not self._abandoned:
            self._file.flush()

    def abandon(self) -> None:
        """From now on everything that is written is dropped."""
        self._abandoned = True


@contextmanager
def destination(path: Path | None) -> Iterator[Abandonable]:
    """A binary file to write to. A named file gets its name when the block ends well, and is removed otherwise.

    So a partial audience is never mistaken for a whole one, and an older file stays until the new one is complete. It
    is readable by its owner only: it holds personal data.
    """
    if path is None:
        with _abandoned_in_the_end(sys.stdout.buffer) as file:
            yield file
            file.flush()
        return
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as binary, _abandoned_in_the_end(binary) as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def _abandoned_in_the_end(binary: BinaryIO) -> Iterator[Abandonable]:
    """Abandoned however the block ends: what is worth keeping has been flushed in it."""
    file = Abandonable(binary)
    try:
        yield file
    finally:
        file.abandon()
