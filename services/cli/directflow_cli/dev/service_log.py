"""A service's log file with a limit: a service that runs for days must not fill the disk."""

from pathlib import Path

MAX_BYTES = 4 * 1024 * 1024
TAIL_CHARACTERS = 3000


class BoundedLog:
    """Appends to a file; when that is full it becomes the `.older` one, and the `.older` one before it is gone."""

    def __init__(self, file: Path, max_bytes: int = MAX_BYTES) -> None:
        self.file = file
        self._max_bytes = max_bytes
        file.touch(mode=0o600)

    def append(self, data: bytes) -> None:
        if self.file.stat().st_size + len(data) > self._max_bytes:
            self.file.replace(self.file.with_suffix(".older" + self.file.suffix))
        with self.file.open("ab") as lines:
            lines.write(data)

    def tail(self) -> str:
        """The last lines, for an error message."""
        text = self.file.read_text(errors="replace")
        return text[-TAIL_CHARACTERS:].strip()
