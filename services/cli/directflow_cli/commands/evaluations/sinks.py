"""Where evaluations go: a line a profile, or counts for a look."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from directflow.conditions.v1 import condition_service_pb2 as conditions_wire
from directflow.conditions.v1 import evaluation_service_pb2 as wire

from directflow_cli.commands.destination import Abandonable
from directflow_cli.commands.output import print_table

COLUMNS: Final = ("profile_id", "decided", "raw", "reason", "message")
DECIDED: Final[Mapping[int, str]] = {
    number: name.removeprefix("DECISION_") for name, number in conditions_wire.Decision.items()
}
RAW: Final[Mapping[int, str]] = {number: name.removeprefix("RAW_OUTCOME_") for name, number in wire.RawOutcome.items()}
_quoted: Final = json.JSONEncoder(ensure_ascii=False).encode


class Sink(Protocol):
    """What takes the evaluations of some profiles."""

    def begin(self) -> None:
        """Before the first ones."""

    def write(self, ids: Sequence[str], evaluations: wire.EvaluationBatch) -> None:
        """As many evaluations as ids, in their order."""

    def end(self) -> None:
        """There are no more; called only when the stream has proved that it is complete."""


class CountSink:
    """How many profiles came to what."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, int, str]] = Counter()

    def begin(self) -> None:
        """Nothing is said before the counts are known."""

    def write(self, ids: Sequence[str], evaluations: wire.EvaluationBatch) -> None:
        reasons = {error.index: error.error.reason for error in evaluations.errors}
        pairs = zip(evaluations.decided, evaluations.raw, strict=True)
        if not reasons:
            self._counts.update(Counter((decided, raw, "") for decided, raw in pairs))
            return
        self._counts.update((*pair, reasons.get(index, "")) for index, pair in enumerate(pairs))

    def end(self) -> None:
        rows = [(DECIDED.get(d), RAW.get(r), why or None, f"{n:,}") for (d, r, why), n in sorted(self._counts.items())]
        print_table(("decided", "raw", "reason", "profiles"), rows)


class JsonLinesSink:
    """An object a profile and line."""

    def __init__(self, file: Abandonable) -> None:
        self._file = file

    def begin(self) -> None:
        """There is no header line."""

    def write(self, ids: Sequence[str], evaluations: wire.EvaluationBatch) -> None:
        lines = [
            f'{{"profile_id": {_quoted(profile)}, "decided": {_json(decided)}, "raw": {_json(raw)}, '
            f'"reason": {_json(reason)}, "message": {_json(message)}}}\n'
            for profile, decided, raw, reason, message in _records(ids, evaluations)
        ]
        self._file.write("".join(lines).encode())

    def end(self) -> None:
        """There is no last line; the exit code says that it is complete."""


class CsvSink:
    """CSV with a header (RFC 4180 with LF). Without an error `reason` and `message` are empty."""

    def __init__(self, file: Abandonable) -> None:
        self._file = file

    def begin(self) -> None:
        self._rows([COLUMNS])

    def write(self, ids: Sequence[str], evaluations: wire.EvaluationBatch) -> None:
        self._rows(_records(ids, evaluations))

    def end(self) -> None:
        """There is no last line; the exit code says that it is complete."""

    def _rows(self, rows: "Iterator[Record] | Sequence[Sequence[str]]") -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._file.write(text.getvalue().encode())


Record = tuple[str, str | None, str | None, str | None, str | None]


def _records(ids: Sequence[str], evaluations: wire.EvaluationBatch) -> Iterator[Record]:
    errors = {error.index: error.error for error in evaluations.errors}
    for index, (profile, decided, raw) in enumerate(zip(ids, evaluations.decided, evaluations.raw, strict=True)):
        error = errors.get(index)
        # A value that this version does not know is told as such, and never as a no.
        told = (error.reason, error.message) if error else (None, None)
        yield profile, DECIDED.get(decided), RAW.get(raw), *told


def _json(text: str | None) -> str:
    return "null" if text is None else _quoted(text)
