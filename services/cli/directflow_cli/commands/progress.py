"""A progress bar, where somebody can see one: stderr is a terminal, and the data does not go to the same place."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich import progress as bars
from rich.console import Console

from directflow_cli.commands.audience_stream import Progress


class NoProgress:
    """For scripts and pipes."""

    def expect(self, rows: int) -> None:
        """Nobody looks."""

    def advance(self, rows: int) -> None:
        """Nobody looks."""


class ProgressBar:
    """People so far, of the planner's estimate; an estimate that was too low grows with the people."""

    def __init__(self, display: bars.Progress) -> None:
        self._display = display
        self._task = display.add_task("people", total=None)
        self._expected = 0
        self._seen = 0

    def expect(self, rows: int) -> None:
        self._expected = rows

    def advance(self, rows: int) -> None:
        self._seen += rows
        self._display.update(self._task, completed=self._seen, total=max(self._expected, self._seen))


@contextmanager
def progress(*, data_on_terminal: bool) -> Iterator[Progress]:
    """The bar, or none. `data_on_terminal`: people are being printed where the bar would be."""
    if data_on_terminal or not sys.stderr.isatty():
        yield NoProgress()
        return
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as display:
        yield ProgressBar(display)
