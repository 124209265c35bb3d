"""What wire.py and raw_rows.py use of psycopg that its documentation does not promise. When one of these fails after
an update of psycopg, those two modules are where to look."""

import inspect

import psycopg
from psycopg import errors, generators, pq, waiting
from psycopg.adapt import Transformer


def test_fetch_takes_a_connection_and_is_driven_with_ready_flags() -> None:
    assert callable(generators.fetch)
    assert waiting.Ready.R == 1


def test_connecting_is_a_generator_that_wait_conn_drives_with_a_timeout() -> None:
    assert callable(generators.connect)
    assert {"gen", "interval", "timeout"} <= set(inspect.signature(waiting.wait_conn).parameters)


def test_a_wait_that_takes_too_long_raises_its_own_operational_error() -> None:
    assert issubclass(errors._WaitTimeout, psycopg.OperationalError)


def test_an_error_can_be_made_of_a_result(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        result = connection.pgconn.exec_params(b"SELECT 1 / 0", None)
        error = errors.error_from_result(result, encoding="utf-8")
    assert isinstance(error, errors.DivisionByZero)
    assert error.diag.sqlstate == "22012"


def test_the_binary_loader_of_bytea_hands_over_text_cells_as_they_are(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        result = connection.pgconn.exec_params(r"SELECT E'a\\x41', NULL, '', 'ü', 12".encode(), None)
        transformer = Transformer()
        transformer.set_pgresult(result, set_loaders=False)
        transformer.set_loader_types([17] * 5, pq.Format.BINARY)
        assert transformer.load_rows(0, 1, tuple) == [(rb"a\x41", None, b"", "ü".encode(), b"12")]


def test_a_connection_can_be_made_of_a_libpq_connection(postgres_dsn: str) -> None:
    pgconn = pq.PGconn.connect(postgres_dsn.encode())
    connection = psycopg.AsyncConnection(pgconn)
    assert connection.pgconn is pgconn
    pgconn.finish()


def test_every_wait_of_a_connection_goes_through_its_wait_method() -> None:
    assert "wait_async" in inspect.getsource(psycopg.AsyncConnection.wait)
    for name in ("execute", "stream"):
        assert "_conn.wait(" in inspect.getsource(getattr(psycopg.AsyncCursor, name))


def test_libpq_knows_chunked_rows() -> None:
    assert pq.version() >= 170000
