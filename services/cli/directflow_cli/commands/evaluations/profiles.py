"""Profiles out of a file: ids, or ids with variables that differ from profile to profile.

`ids` has one a line. CSV and JSON lines have a `profile_id` and any number of variables; in CSV everything is text, and
an empty cell without quotes is an empty text as well.
"""

import csv
import enum
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.engagement.v1 import engagement_pb2
from directflow_runtime.errors import DirectFlowError, StatusCode

from directflow_cli.commands.evaluations.columns import column

PROFILE_ID: Final = "profile_id"
_BOM: Final = b"\xef\xbb\xbf"


class InputFormat(enum.StrEnum):
    """What the lines of a file are."""

    IDS = "ids"
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Profiles:
    """Some profiles, with their variables by name, a cell each."""

    ids: list[str] = field(repr=False)
    variables: Mapping[str, Sequence[Any]] = field(default_factory=dict, repr=False)

    def message(self, anchor: engagement_pb2.Anchor | None) -> wire.ProfileColumns:
        """On the wire, with one anchor for all."""
        return wire.ProfileColumns(
            profile_ids=self.ids,
            variable_names=list(self.variables),
            variable_columns=[column(cells) for cells in self.variables.values()],
            anchors=[anchor] if anchor else [],
        )


@dataclass
class ProfileLines:
    """Reads blocks of lines. `sources` says which column a variable, or `profile_id`, comes from; without variables in
    it every column of the file is one."""

    format: InputFormat
    sources: Mapping[str, str]
    _line: int = 0
    _header: list[str] | None = None

    def profiles(self, lines: Sequence[bytes]) -> Profiles:
        """The profiles of these lines; empty ones are skipped. What cannot be read is refused by its line."""
        if self.format is InputFormat.IDS:
            return Profiles([text for text in self._texts(lines) if text])
        rows = list(self._rows(lines))
        ids = [self._id(row) for row in rows]
        return Profiles(ids, {name: [row[name] for row in rows] for name in self._names(rows)})

    def _rows(self, lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
        read = self._csv if self.format is InputFormat.CSV else self._json
        for text in self._texts(lines):
            if text and (record := read(text)) is not None:
                yield self._chosen(record)

    def _texts(self, lines: Sequence[bytes]) -> Iterator[str]:
        for line in lines:
            self._line += 1
            try:
                text = (line.removeprefix(_BOM) if self._line == 1 else line).decode()
            except UnicodeDecodeError:
                self._refuse("it is not UTF-8")
            yield text

    def _csv(self, text: str) -> dict[str, Any] | None:
        try:
            (cells,) = csv.reader([text], strict=True)
        except (csv.Error, ValueError):
            self._refuse("it is no CSV, or a quoted cell goes on in the next line")
        if self._header is None:
            self._header = cells
            return None
        if len(cells) != len(self._header):
            self._refuse(f"it has {len(cells)} cells under a header of {len(self._header)}")
        return dict(zip(self._header, cells, strict=True))

    def _json(self, text: str) -> dict[str, Any]:
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            self._refuse("it is no JSON")
        if not isinstance(record, dict):
            self._refuse("it is no JSON object")
        return record

    def _chosen(self, record: dict[str, Any]) -> dict[str, Any]:
        given = {PROFILE_ID: PROFILE_ID, **self.sources}
        own = given[PROFILE_ID]
        wanted = given if self.sources.keys() - {PROFILE_ID} else {**given, **{n: n for n in record if n != own}}
        if missing := [source for source in wanted.values() if source not in record]:
            self._refuse(f"it has no {missing[0]}")
        return {name: record[source] for name, source in wanted.items()}

    def _id(self, row: dict[str, Any]) -> str:
        given = row.pop(PROFILE_ID)
        if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
            self._refuse("its profile id is no text and no integer")
        return str(given)

    def _names(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        """Those of the first; an object that has others would leave a cell empty that nobody meant to be NULL."""
        if any(row.keys() != rows[0].keys() for row in rows):
            self._refuse("one of the objects up to here has other fields than the rest: write null for NULL")
        return list(rows[0]) if rows else []

    def _refuse(self, why: str) -> NoReturn:
        raise DirectFlowError(StatusCode.INVALID_ARGUMENT, "PROFILES_UNREADABLE", f"line {self._line}: {why}")
