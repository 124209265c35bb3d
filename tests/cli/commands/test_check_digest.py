"""The digest equals what psql's COPY and sort would make."""

import hashlib

from directflow_cli.commands.check.digest import RowDigest, copy_line


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def digest(columns: list[list[str | None]], row_count: int) -> str:
    rows = RowDigest()
    rows.add(columns, row_count)
    return rows.hexdigest()


def test_no_row_is_the_digest_of_nothing() -> None:
    assert RowDigest().hexdigest() == sha256("")


def test_rows_are_lines_with_tabs_between_the_cells() -> None:
    assert digest([["1", "2"], ["a", "b"]], 2) == sha256("1\ta\n2\tb\n")


def test_null_and_the_text_of_null_are_told_apart() -> None:
    assert digest([[None]], 1) == sha256("\\N\n")
    assert digest([["\\N"]], 1) == sha256("\\\\N\n")


def test_what_copy_escapes_is_escaped_and_nothing_else() -> None:
    assert copy_line(["\\ \b \f \n \r \t \v \x01 \x7f é"]) == "\\\\ \\b \\f \\n \\r \\t \\v \x01 \x7f é".encode()


def test_rows_are_sorted_as_bytes_over_all_batches() -> None:
    rows = RowDigest()
    rows.add([["é", "z"]], 2)
    rows.add([["Z", "a"]], 2)
    assert rows.hexdigest() == sha256("Z\na\nz\né\n")  # by code point: é is above z


def test_a_result_without_columns_still_has_rows() -> None:
    assert digest([], 3) == sha256("\n\n\n")
