"""A real gateway in front of a real PostgreSQL, asked by its public API alone: no code is shared with the set form."""

import json
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest
from directflow.gateway.v1 import query_service_pb2 as pb
from directflow.gateway.v1 import query_service_pb2_grpc as stubs
from directflow.sql.v1 import sql_pb2
from directflow_cli.dev import toml
from directflow_cli.dev.background import BackgroundLoop
from directflow_cli.dev.postgres import PostgresServer
from directflow_cli.dev.processes import ServicePlan, ServiceProcess
from directflow_cli.dev.psql import PsqlFailed
from directflow_cli.traces.receiver import Receiver
from directflow_cli.traces.store import SpanStore
from directflow_runtime.remote import remote_error

HERE = Path(__file__).parent
CALL_S = 20.0
IN_FLIGHT = 24
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
VALUES: dict[str, list[Any]] = json.loads((HERE / "values.json").read_text())
VALUES["floats"] = [float(value) if isinstance(value, str) else value for value in VALUES["floats"]]
KINDS = dict(zip(("", "text", "integer", "number", "boolean", "date", "timestamp", "uuid"), range(8), strict=True))
OUTCOMES = {number: name.removeprefix("SET_OUTCOME_") for name, number in pb.SetOutcome.items()}

Tuple = tuple[Any, ...]


@dataclass(frozen=True)
class Shape:
    """A statement of an author, and the pool that each of its variables takes its values from."""

    name: str
    template: str
    pools: tuple[tuple[str, str], ...]
    """Variable and pool, in the order in which the values of a tuple stand."""
    kinds: tuple[tuple[str, str], ...] = ()
    lists: tuple[tuple[str, str], ...] = ()
    """List variables and their pools: a list has no column on the wire, so it is the same for all tuples."""
    flags: frozenset[str] = frozenset()
    """`any-row`: which row comes first is PostgreSQL's affair. `plan-dependent`: so is whether an error is met."""
    own_values: tuple[tuple[Any, ...], ...] = ()
    """Instead of named pools."""

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.pools]

    def pool(self, position: int) -> Sequence[Any]:
        return self.own_values[position] if self.own_values else VALUES[self.pools[position][1]]

    def tuples(self, chance: random.Random, count: int) -> list[Tuple]:
        """At most `count` different tuples; every value of every pool has its turn as long as there is room."""
        pools = [chance.sample(list(pool), len(pool)) for pool in map(self.pool, range(len(self.pools)))]
        rows = [tuple(pool[row % len(pool)] for pool in pools) for row in range(min(count, max(map(len, pools))))]
        rows += [tuple(map(chance.choice, pools)) for _ in range(count - len(rows))]
        return list({identity(row): row for row in rows}.values())


@dataclass(frozen=True)
class Result:
    """What one tuple came to; `status` instead of an outcome where the call failed."""

    outcome: str
    reason: str = ""
    sqlstate: str = ""
    message: str = field(default="", compare=False)
    row: tuple[Any, ...] | None = None

    def answer(self) -> "Result":
        return replace(self, row=None)


@dataclass(frozen=True)
class Fetched:
    """A whole FetchSet."""

    results: list[Result]
    columns: tuple[tuple[str, str, int], ...] = ()


def identity(values: Any) -> Any:
    """Values as a key: 1, 1.0, true and "1" are different ones, and NaN is itself."""
    if isinstance(values, list | tuple):
        return tuple(map(identity, values))
    return (type(values).__name__, repr(values))


# --- the wire -----------------------------------------------------------------------------------------------------


def column(cells: Sequence[Any], pool: Sequence[Any]) -> sql_pb2.Column:
    """Cells in the field that the pool's type has; None is a zero bit."""
    known = next((type(value) for value in pool if value is not None), str)
    fields = {bool: ("booleans", False), int: ("integers", 0), float: ("doubles", 0.0), str: ("texts", "")}
    name, zero = fields[known]
    validity = b""
    if None in cells:
        bits = sum(1 << row for row, cell in enumerate(cells) if cell is not None)
        validity = bits.to_bytes((len(cells) + 7) // 8, "little")
    return sql_pb2.Column(validity=validity, **{name: [zero if cell is None else cell for cell in cells]})


def value(given: Any) -> sql_pb2.Value:
    """One constant."""
    match given:
        case None:
            return sql_pb2.Value(null=True)
        case bool():
            return sql_pb2.Value(boolean=given)
        case int():
            return sql_pb2.Value(integer=given)
        case float():
            return sql_pb2.Value(number=given)
        case str():
            return sql_pb2.Value(text=given)
        case _:
            return sql_pb2.Value(list=sql_pb2.ValueList(values=[value(one) for one in given]))


def cell(batch: sql_pb2.Column, kind: int, row: int) -> Any:
    if batch.validity and not batch.validity[row // 8] >> row % 8 & 1:
        return None
    names = {
        sql_pb2.WIRE_TYPE_BOOLEAN: "booleans",
        sql_pb2.WIRE_TYPE_INTEGER: "integers",
        sql_pb2.WIRE_TYPE_DOUBLE: "doubles",
        sql_pb2.WIRE_TYPE_TEXT: "texts",
        sql_pb2.WIRE_TYPE_TIMESTAMP: "timestamps",
    }
    # The text keeps NaN equal to itself.
    return repr(getattr(batch, names[kind])[row])


@dataclass
class Gateway:
    """The gateway under judgement, by its public API only."""

    stub: Any
    connection: str
    server: PostgresServer
    database: str
    service: ServiceProcess
    spans: SpanStore
    role: str

    def statement(self, shape: Shape, role: int, limits: Mapping[str, Any]) -> pb.Statement:
        kinds, lists = dict(shape.kinds), dict(shape.lists)
        return pb.Statement(
            connection=self.connection,
            template=shape.template,
            role=role,
            variables=[
                sql_pb2.Variable(name=name, kind=KINDS[kinds.get(name, "")], list=name in lists)
                for name in dict.fromkeys([*kinds, *lists])
            ],
            definition="workspaces/sets/conditions/judged",
            limits=pb.QueryLimits(**limits),
        )

    def request(
        self,
        shape: Shape,
        tuples: Sequence[Tuple],
        lists: Mapping[str, Any],
        constants: frozenset[int] = frozenset(),
        *,
        fetch: bool = False,
        encoding: int = pb.ENCODING_COLUMNS,
        limits: Mapping[str, Any] | None = None,
    ) -> Any:
        """`constants`: positions whose value, that of the first tuple, travels once for all."""
        given = {name: value(one) for name, one in lists.items()}
        given |= {shape.names[position]: value(tuples[0][position]) for position in constants}
        varying = [position for position in range(len(shape.pools)) if position not in constants]
        message = pb.Tuples(
            row_count=len(tuples),
            names=[shape.names[position] for position in varying],
            columns=[column([row[position] for row in tuples], shape.pool(position)) for position in varying],
        )
        role = pb.STATEMENT_ROLE_PRELOAD if fetch else pb.STATEMENT_ROLE_CONDITION
        statement = self.statement(shape, role, limits or {})
        if fetch:
            return pb.FetchSetRequest(statement=statement, constants=given, tuples=message, encoding=encoding)
        return pb.EvaluateSetRequest(statement=statement, constants=given, tuples=message)

    def evaluate(self, shape: Shape, tuples: Sequence[Tuple], lists: Any = None, **more: Any) -> list[Result]:
        """EvaluateSet; a failed call is that status for every tuple."""
        call = self.stub.EvaluateSet.future(self.request(shape, tuples, lists or {}, **more), timeout=CALL_S)
        return evaluated(call, len(tuples))

    def evaluate_alone(self, shape: Shape, rows: Sequence[Tuple], lists: Mapping[str, Any]) -> list[Result]:
        """Each tuple in a call of its own, many at a time."""
        found: list[Result] = []
        for first in range(0, len(rows), IN_FLIGHT):
            requests = [self.request(shape, [row], lists) for row in rows[first : first + IN_FLIGHT]]
            calls = [self.stub.EvaluateSet.future(request, timeout=CALL_S) for request in requests]
            found += [evaluated(call, 1)[0] for call in calls]
        return found

    def fetch(self, shape: Shape, tuples: Sequence[Tuple], lists: Any = None, **more: Any) -> Fetched:
        """FetchSet to its end."""
        request = self.request(shape, tuples, lists or {}, fetch=True, **more)
        return fetched(self.stub.FetchSet(request, timeout=CALL_S), len(tuples))

    def fetch_alone(self, shape: Shape, rows: Sequence[Tuple], lists: Mapping[str, Any]) -> list[Result]:
        """Each tuple in a call of its own, many at a time."""
        found: list[Result] = []
        for first in range(0, len(rows), IN_FLIGHT):
            requests = [self.request(shape, [row], lists, fetch=True) for row in rows[first : first + IN_FLIGHT]]
            calls = [self.stub.FetchSet(request, timeout=CALL_S) for request in requests]
            found += [fetched(call, 1).results[0] for call in calls]
        return found

    def rows(self, shape: Shape, values: Tuple, lists: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Every row of the statement for one tuple."""
        given = {**dict(zip(shape.names, values, strict=True)), **lists}
        request = pb.StreamQueryRequest(
            statement=self.statement(shape, pb.STATEMENT_ROLE_AD_HOC, {}),
            values={name: value(one) for name, one in given.items()},
            encoding=pb.ENCODING_COLUMNS,
        )
        header, *batches, _ = list(self.stub.StreamQuery(request, timeout=CALL_S))
        return [row for message in batches for row in cells_of(message.batch, header.header)]

    def transaction(self) -> psycopg.Connection[Any]:
        """The superuser's; it ends with the block."""
        return psycopg.connect(self.server.admin_dsn(self.database))

    def admin(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.admin_dsn(self.database), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []


def evaluated(call: Any, count: int) -> list[Result]:
    try:
        response = call.result()
    except grpc.RpcError as error:
        return [status(error)] * count
    assert len(response.outcomes) == count
    return results(response)


def results(response: Any) -> list[Result]:
    """The outcomes, each with its error; the errors must be sparse and rising."""
    errors = {error.index: error for error in response.errors}
    outcomes = [OUTCOMES[outcome] for outcome in response.outcomes]
    assert list(errors) == [index for index, outcome in enumerate(outcomes) if outcome == "ERROR"]
    assert list(errors) == [error.index for error in response.errors]
    no_error = pb.TupleError()
    told = [errors.get(index, no_error) for index in range(len(outcomes))]
    return [Result(o, e.reason, e.sqlstate, e.message) for o, e in zip(outcomes, told, strict=True)]


def status(error: grpc.RpcError) -> Result:
    told = remote_error(error)
    return Result(f"STATUS {told.code.name}", told.reason, told.metadata.get("sqlstate", ""), told.message)


def cells_of(batch: pb.RowBatch, header: pb.StreamHeader) -> list[tuple[Any, ...]]:
    kinds = [one.wire_type for one in header.schema.columns]
    assert len(batch.columns.columns) == len(kinds)
    return [
        tuple(cell(one, kind, row) for one, kind in zip(batch.columns.columns, kinds, strict=True))
        for row in range(batch.row_count)
    ]


def fetched(call: Any, count: int) -> Fetched:
    try:
        header, *batches, summary = list(call)
    except grpc.RpcError as error:
        return Fetched([status(error)] * count)
    indexes = [index for message in batches for index in message.batch.tuple_indexes]
    rows = [row for message in batches for row in cells_of(message.batch.rows, header.header)]
    assert indexes == sorted(set(indexes)), "a row twice, or out of order"
    assert len(indexes) == len(rows) == summary.summary.row_count
    offsets = [message.batch.rows.row_offset for message in batches]
    counts = [message.batch.rows.row_count for message in batches]
    assert offsets == [sum(counts[:index]) for index in range(len(counts))]
    by_index = dict(zip(indexes, rows, strict=True))
    assert len(summary.summary.outcomes) == count
    told = [replace(one, row=by_index.get(i)) for i, one in enumerate(results(summary.summary))]
    assert all((one.row is not None) == (one.outcome in ("ROW", "MULTIPLE_ROWS")) for one in told)
    columns = tuple((one.name, one.postgres_type, one.type_oid) for one in header.header.schema.columns)
    return Fetched(told, columns)


# --- what tests ask for ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def start_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Gateway]]:
    """`start_gateway(server, database)`: a gateway process of one connection, ended with the session.

    `form`: it runs every batch in this form (see forced_form.py) instead of the one that it measures to be cheapest.
    `settings`: of its role, as ALTER ROLE ... SET takes them.
    """
    with ExitStack() as stack:
        store = SpanStore()
        receiver = stack.enter_context(Receiver(store))
        loop = stack.enter_context(BackgroundLoop())

        def start(
            server: PostgresServer, database: str, *, traced: bool = False, form: str = "", settings: Sequence[str] = ()
        ) -> Gateway:
            role = server.create_role("LOGIN")
            for setting in settings:
                server.psql(f'ALTER ROLE "{role.name}" SET {setting}')
            server.psql(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role.name}"', database=database)
            plan = written(tmp_path_factory.mktemp("sets"), server, database, role, receiver.address if traced else "")
            with pytest.MonkeyPatch.context() as environment:
                environment.setenv("PYTHONPATH", str(HERE), prepend=os.pathsep)
                environment.setenv("SETS_FORM", form)
                service = stack.enter_context(
                    loop.entered(ServiceProcess(replace(plan, module="forced_form") if form else plan))
                )
            channel = stack.enter_context(grpc.insecure_channel(service.address, options=UNLIMITED))
            stub = stubs.QueryServiceStub(channel)
            return Gateway(stub, "workspaces/sets/connections/main", server, database, service, store, role.name)

        yield start


def written(folder: Path, server: PostgresServer, database: str, role: Any, otlp: str) -> ServicePlan:
    """The gateway's settings and credential."""
    secret = folder / "credentials" / "sets" / "main"
    secret.parent.mkdir(parents=True)
    secret.write_text(role.password)
    config, announce = folder / "gateway.toml", folder / "gateway.json"
    connection = {
        "workspace": "sets", "id": "main", "host": server.host, "port": server.port, "database": database,
        "user": role.name, "sslmode": "disable",
    }  # fmt: skip
    served = {
        "announce_file": str(announce),
        "lame_duck_s": 0.0,
        "drain_grace_s": 1.0,
        "parent_pid": os.getpid(),  # a killed test run leaves no gateways behind
    }
    config.write_text(
        toml.section("server", served)
        + (toml.section("telemetry", {"otlp_endpoint": f"http://{otlp}", "schedule_delay_s": 0.1}) if otlp else "")
        + toml.section("logging", {"level": "info" if otlp else "warning"})
        + toml.section("identity", {"allow_development": True})
        + toml.section("credentials", {"path": f"{folder}/credentials/{{workspace}}/{{connection}}"})
        + toml.section("egress", {"allow_loopback": True})
        + toml.element("connections", connection)
        + "\n[connections.limits]\npool_size = 6\nacquire_timeout_s = 30\nlock_timeout_s = 1\n"
    )
    return ServicePlan("gateway", "directflow_gateway", config, announce)


@pytest.fixture(scope="session")
def database(postgres: PostgresServer) -> str:
    """With sets.sql and the corpus in it. A test changes only rows and tables that are its own."""
    name = postgres.create_database()
    postgres.psql(file=HERE / "sets.sql", database=name)
    schema = (HERE.parent / "corpus" / "schema.sql").read_text()
    try:
        postgres.psql("SELECT '<a/>'::xml")
    except PsqlFailed:  # the embedded server was built without
        schema = schema.replace("doc xml", "doc text").replace("::xml", "")
    grants = "GRANT USAGE ON SCHEMA df TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA public, df TO PUBLIC;"
    postgres.psql(f"{schema}\n{grants}", database=name)
    return name


@pytest.fixture(scope="session")
def gateway(postgres: PostgresServer, database: str, start_gateway: Callable[..., Gateway]) -> Gateway:
    """The gateway as it is shipped."""
    return start_gateway(postgres, database)


@pytest.fixture(scope="session")
def values() -> Mapping[str, list[Any]]:
    """The pools of values.json."""
    return VALUES


@pytest.fixture(scope="session")
def make_shape() -> Callable[..., Shape]:
    """`make_shape(name, template, *flags, pools={"id": "ids"}, kinds=..., lists=...)`."""

    def make(name: str, template: str, *flags: str, pools: Mapping[str, str], **more: Any) -> Shape:
        return Shape(name, template, tuple(pools.items()), flags=frozenset(flags), **more)

    return make
