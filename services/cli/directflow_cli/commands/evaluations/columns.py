"""Cells of JSON or CSV as one column of the wire."""

from collections.abc import Sequence
from typing import Any, Final

from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, StatusCode

_INT64: Final = range(-(2**63), 2**63)


def column(cells: Sequence[Any]) -> sql_pb2.Column:
    """Booleans, 64-bit integers or numbers where all cells are; otherwise text, which every kind of variable takes."""
    validity = b"" if None not in cells else _bits([cell is not None for cell in cells])
    values = [cell for cell in cells if cell is not None]
    if values and all(isinstance(cell, bool) for cell in values):
        return sql_pb2.Column(validity=validity, booleans=[bool(cell) for cell in cells])
    if values and all(type(cell) is int and cell in _INT64 for cell in values):
        return sql_pb2.Column(validity=validity, integers=[cell or 0 for cell in cells])
    if values and all(type(cell) is float for cell in values):
        return sql_pb2.Column(validity=validity, doubles=[cell or 0.0 for cell in cells])
    return sql_pb2.Column(validity=validity, texts=["" if cell is None else _text(cell) for cell in cells])


def _text(cell: Any) -> str:
    match cell:
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case int() | float():
            return repr(cell)
        case _:
            message = "a variable's cell is an object or a list; a scalar is needed"
            raise DirectFlowError(StatusCode.INVALID_ARGUMENT, "PROFILES_UNREADABLE", message)


def _bits(valid: Sequence[bool]) -> bytes:
    """A bit a cell, least significant bit first."""
    bits = bytearray((len(valid) + 7) // 8)
    for index, bit in enumerate(valid):
        bits[index >> 3] |= bit << (index & 7)
    return bytes(bits)
