"""Which columns of an audience the caller gets."""

from collections.abc import Sequence

import pyarrow as pa
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

from directflow_segments.audience.reader import KEY_COLUMN


class Selection:
    """Some columns of a schema, in the caller's order, `profile_id` always among them; all of them for no names."""

    def __init__(self, schema: pa.Schema, names: Sequence[str]) -> None:
        """Raises INVALID_REQUEST with every name that the schema does not have."""
        _refuse_unknown(schema, names)
        wanted = dict.fromkeys(names if KEY_COLUMN in names else (KEY_COLUMN, *names)) if names else schema.names
        self._names = list(wanted)
        self.is_everything = self._names == schema.names
        self.schema: pa.Schema = schema if self.is_everything else pa.schema([schema.field(n) for n in self._names])

    def of(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The selected columns of some rows."""
        return rows if self.is_everything else rows.select(self._names)


def _refuse_unknown(schema: pa.Schema, names: Sequence[str]) -> None:
    violations = [
        FieldViolation(f"columns[{index}]", f"the generator returns no column {name}", "UNKNOWN_COLUMN")
        for index, name in enumerate(names)
        if name not in schema.names
    ]
    if violations:
        raise DirectFlowError(
            StatusCode.INVALID_ARGUMENT,
            "INVALID_REQUEST",
            f"{violations[0].field}: {violations[0].description}.",
            violations=violations,
        )
