"""Where a stream is written: stdout, or a file that exists only when it is complete."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def destination(path: Path | None) -> Iterator[BinaryIO]:
    """A binary file to write to. A named file gets its name when the block ends well, and is removed otherwise.

    So a partial audience is never mistaken for a whole one, and an older file stays until the new one is complete. It
    is readable by its owner only: it holds personal data.
    """
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
