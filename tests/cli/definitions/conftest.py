"""The three services that keep definitions, in memory and on real gRPC; and the command line in front of them."""

import copy
import json
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import condition_service_pb2_grpc as conditions_stubs
from directflow.gateway.v1 import connection_service_pb2_grpc as connections_stubs
from directflow.segments.v1 import data_source_service_pb2_grpc as data_sources_stubs
from directflow_cli.app import build
from directflow_cli.definitions.kinds import KINDS, Kind
from directflow_cli.definitions.references import referenced
from directflow_runtime.errors import DirectFlowError, FieldViolation, Problem, Severity, StatusCode
from directflow_runtime.status import DETAILS_KEY, grpc_code, report_of, to_status
from google.protobuf.empty_pb2 import Empty
from typer.testing import CliRunner, Result

DOMAINS = {
    "Connection": "gateway.directflow",
    "DataSource": "segments.directflow",
    "Condition": "conditions.directflow",
}
Judge = Callable[[Any], list[Problem]]


@dataclass
class Shelf:
    """What is saved, and how the services behave."""

    address: str = ""
    revisions: dict[str, list[Any]] = field(default_factory=dict)
    """Every revision of each name; None is a deletion."""
    judge: Judge = lambda _: []
    before: Callable[[str, Any], None] = lambda _method, _request: None
    """Called with method and request before they are served; it may raise DirectFlowError."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    """(method, name) of every call that is no Get; "?" behind the method where it was validate_only."""
    steps: Any = None
    """The answer of TestConnection."""
    tested: list[Any] = field(default_factory=list)

    def newest(self, name: str) -> Any | None:
        return self.revisions.get(name, [None])[-1]

    def put(self, resource: Any) -> Any:
        saved = type(resource)()
        saved.CopyFrom(resource)
        history = self.revisions.setdefault(resource.name, [])
        history.append(saved)
        saved.revision, saved.etag = len(history), f"etag-{len(history)}"
        saved.update_time.FromJsonString(f"2026-11-25T10:00:{len(history):02d}Z")
        saved.validation_report.CopyFrom(report_of(self.judge(saved)))
        return saved

    @property
    def written(self) -> list[str]:
        """Ids in the order in which they were saved."""
        return [name.rpartition("/")[2] for method, name in self.calls if method in ("Create", "Update")]

    @property
    def checked(self) -> list[str]:
        return [name.rpartition("/")[2] for method, name in self.calls if method in ("Create?", "Update?")]


def refuse(code: StatusCode, reason: str, message: str, **more: Any) -> DirectFlowError:
    return DirectFlowError(code, reason, message, **more)


@dataclass
class Service:
    """One of the three."""

    kind: Kind
    shelf: Shelf

    def serve(self, method: str, request: Any) -> Any:
        self.shelf.before(method, request)
        verb = next(
            verb for verb in ("Get", "List", "Create", "Update", "Delete", "Rollback") if method.startswith(verb)
        )
        if verb == "List" and method.endswith("Revisions"):
            return self.list_revisions(request)
        return getattr(self, verb.lower())(request)

    def note(self, verb: str, name: str, request: Any) -> None:
        self.shelf.calls.append((verb + ("?" if request.validate_only else ""), name))

    def present(self, name: str) -> Any:
        found = self.shelf.newest(name)
        if found is None:
            raise refuse(StatusCode.NOT_FOUND, "NOT_THERE", f"there is no {self.kind.title} {name}")
        return found

    def get(self, request: Any) -> Any:
        return self.present(request.name)

    def list(self, request: Any) -> Any:
        prefix = f"{request.parent}/{self.kind.collection}/"
        names = sorted(name for name in self.shelf.revisions if name.startswith(prefix) and self.shelf.newest(name))
        names = [name for name in names if request.filter.lower() in name.removeprefix(prefix).lower()]
        start = int(request.page_token or 0)
        shown = names[start : start + min(request.page_size, 2)]  # small pages: the caller has to turn them
        more = str(start + len(shown)) if start + len(shown) < len(names) else ""
        response = getattr(self.kind.wire, f"List{self.kind.name}sResponse")(next_page_token=more)
        getattr(response, f"{self.kind.field}s").extend(map(self.shelf.newest, shown))
        return response

    def create(self, request: Any) -> Any:
        name = self.kind.full_name(request.parent.split("/")[1], getattr(request, f"{self.kind.field}_id"))
        resource = getattr(request, self.kind.field)
        resource.name = name
        self.note("Create", name, request)
        if self.shelf.newest(name) is not None:
            raise refuse(StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS", "it is there already")
        return self.save(resource, request)

    def update(self, request: Any) -> Any:
        resource = getattr(request, self.kind.field)
        self.note("Update", resource.name, request)
        if resource.etag and resource.etag != self.present(resource.name).etag:
            raise refuse(StatusCode.ABORTED, "ETAG_MISMATCH", "somebody saved it")
        return self.save(resource, request)

    def save(self, resource: Any, request: Any) -> Any:
        problems = list(self.shelf.judge(resource))
        problems += [
            Problem("NO_SUCH_REFERENCE", f"there is no {name}")
            for name in referenced(resource)
            if not self.shelf.newest(name)
        ]
        if not request.validate_only and any(problem.severity is Severity.ERROR for problem in problems):
            raise refuse(StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN", "it is broken", problems=problems)
        if not request.validate_only:
            return self.shelf.put(resource)
        resource.validation_report.CopyFrom(report_of(problems))
        return resource

    def delete(self, request: Any) -> Any:
        self.present(request.name)
        self.note("Delete", request.name, request)
        names = [
            name
            for name in self.shelf.revisions
            if (other := self.shelf.newest(name)) and request.name in referenced(other)
        ]
        if names:
            users = [FieldViolation("name", f"{name} uses it", "RESOURCE_IN_USE") for name in names]
            raise refuse(StatusCode.FAILED_PRECONDITION, "RESOURCE_IN_USE", "it is in use", violations=users)
        if not request.validate_only:
            self.shelf.revisions[request.name].append(None)
        return Empty()

    def rollback(self, request: Any) -> Any:
        self.note("Rollback", request.name, request)
        newest = self.shelf.newest(request.name)
        if newest is not None and newest.etag != request.etag:
            raise refuse(StatusCode.ABORTED, "ETAG_MISMATCH", "somebody saved it")
        return self.save(copy.deepcopy(self.shelf.revisions[request.name][request.revision - 1]), request)

    def list_revisions(self, request: Any) -> Any:
        wire = self.kind.wire
        response = getattr(wire, f"List{self.kind.name}RevisionsResponse")()
        for number, saved in reversed(list(enumerate(self.shelf.revisions.get(request.name, []), 1))):
            revision = response.revisions.add(revision=number, author="ada", deleted=saved is None)
            revision.save_time.FromJsonString("2026-11-25T10:00:00Z")
            if saved is not None:
                getattr(revision, self.kind.field).CopyFrom(saved)
        return response


def answering(service: Service, base: type) -> Any:
    def method(name: str) -> Callable[..., Any]:
        def served(self: Any, request: Any, context: Any) -> Any:
            try:
                return service.serve(name, request)
            except DirectFlowError as error:
                status = to_status(error, domain=DOMAINS[service.kind.name], may_define=True)
                context.set_trailing_metadata(((DETAILS_KEY, status.SerializeToString()),))
                context.abort(grpc_code(status.code), status.message)

        return served

    def test_connection(self: Any, request: Any, context: Any) -> Any:
        service.shelf.tested.append(request)
        return service.shelf.steps

    def confirm(self: Any, request: Any, context: Any) -> Any:
        service.shelf.calls.append(("Confirm", f"{request.name} {request.etag}"))
        return service.present(request.name)

    standard = {name: method(name) for name in vars(base) if name[0].isupper()}
    special = {"TestConnection": test_connection, "ConfirmCredential": confirm}
    return type(f"Memory{base.__name__}", (base,), standard | (special if service.kind.name == "Connection" else {}))()


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    kept = Shelf()
    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    connection, data_source, condition = (Service(kind, kept) for kind in KINDS)
    connections_stubs.add_ConnectionServiceServicer_to_server(
        answering(connection, connections_stubs.ConnectionServiceServicer), server
    )
    data_sources_stubs.add_DataSourceServiceServicer_to_server(
        answering(data_source, data_sources_stubs.DataSourceServiceServicer), server
    )
    conditions_stubs.add_ConditionServiceServicer_to_server(
        answering(condition, conditions_stubs.ConditionServiceServicer), server
    )
    kept.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield kept
    server.stop(0).wait(10)


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def findings(self) -> list[str]:
        """The lines that begin with a place, such as `x.yaml:3:5: error: ...`."""
        return [
            line
            for line in self.err.splitlines()
            if ": error: " in line or ": warning: " in line or ": unchecked: " in line
        ]


Directflow = Callable[..., Ran]


@pytest.fixture
def directflow(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Directflow:
    """`directflow("apply", "-f", "x.yaml")` runs the command in an empty folder, in workspace acme."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIRECTFLOW_STATE_DIR", str(tmp_path / ".state"))
    monkeypatch.setenv("DIRECTFLOW_CONFIG", str(tmp_path / ".config.toml"))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "DIRECTFLOW_OTLP_ENDPOINT", "DIRECTFLOW_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GATEWAY", "SEGMENTS", "CONDITIONS"):
        monkeypatch.setenv(f"DIRECTFLOW_{name}", shelf.address)
    monkeypatch.setenv("DIRECTFLOW_WORKSPACE", "acme")

    def run(*arguments: str, stdin: str | None = None) -> Ran:
        result: Result = CliRunner().invoke(build(), list(arguments), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run
