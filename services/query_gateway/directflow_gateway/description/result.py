"""What PostgreSQL says of a statement, as plain values."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from directflow_runtime.errors import Problem

from directflow_gateway.sql import CompiledStatement


class WireType(enum.Enum):
    """How the cells of a column travel. Everything that is not listed travels as PostgreSQL prints it."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DOUBLE = "double"
    TIMESTAMP = "timestamp"
    TEXT = "text"


# By OID: those of built-in types are fixed (src/include/catalog/pg_type.dat). numeric is TEXT: it must not lose digits.
_WIRE_TYPES: Mapping[int, WireType] = MappingProxyType(
    {
        16: WireType.BOOLEAN,  # bool
        20: WireType.INTEGER,  # int8
        21: WireType.INTEGER,  # int2
        23: WireType.INTEGER,  # int4
        26: WireType.INTEGER,  # oid
        700: WireType.DOUBLE,  # float4
        701: WireType.DOUBLE,  # float8
        1114: WireType.TIMESTAMP,  # timestamp
        1184: WireType.TIMESTAMP,  # timestamptz
    }
)


def wire_type(oid: int) -> WireType:
    """The wire type of a PostgreSQL type."""
    return _WIRE_TYPES.get(oid, WireType.TEXT)


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A result column. A column of a domain has the domain's base type: that is what the server sends."""

    name: str
    pg_type: str
    """As format_type prints it, modifiers included: "timestamp with time zone", "character varying(80)"."""
    oid: int
    wire: WireType


@dataclass(frozen=True, slots=True)
class Description:
    """A statement that the server has parsed and understood. Nothing of it has run."""

    compiled: CompiledStatement
    """The statement to run: after rewrites, and with the types of its parameters."""
    parameter_types: tuple[str, ...]
    """As format_type prints them, in the order of the numbers; of a domain, its base type."""
    columns: tuple[ColumnType, ...]
    rewrites: tuple[str, ...] = ()
    """What was changed so that the server accepts the author's statement, a sentence each."""
    column_types: tuple[str, ...] = ()
    """For each parameter its type as `[]` may follow it, so that many values are one array; "" where none can: arrays,
    domains (their CHECK would run later than for a parameter), pseudo-types."""

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What the author should know though the statement runs."""
        return self.compiled.warnings
