"""`directflow connection test|confirm`."""

from pathlib import Path

from directflow.gateway.v1 import connection_service_pb2 as wire
from directflow_cli.definitions.manifests import read_all
from directflow_cli.definitions.places import Source

from .conftest import Directflow, Shelf
from .texts import CONNECTION, DATA_SOURCE, joined


def answer(*outcomes: int) -> wire.TestConnectionResponse:
    response = wire.TestConnectionResponse(server_version="15.4", replica=True)
    response.round_trip.FromMilliseconds(2)
    names = ("resolve", "login", "role", "round_trip")
    for name, outcome in zip(names, outcomes, strict=False):
        response.steps.add(step=name, outcome=outcome, message=f"{name} says so")  # type: ignore[arg-type]
    return response


def test_each_step_is_told_with_advice_and_the_sql_that_mends_it(directflow: Directflow, shelf: Shelf) -> None:
    shelf.steps = answer(1, 2, 3, 4)
    shelf.steps.steps[2].advice = "take the right away"
    shelf.steps.steps[2].mending_sql = "REVOKE ALL ON t\nFROM r;"
    ran = directflow("connection", "test", "crm")
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "✓ resolve       resolve says so",
        "! login         login says so",
        "✗ role          role says so",
        "                take the right away",
        "                  REVOKE ALL ON t",
        "                  FROM r;",
        "- round_trip    round_trip says so",
        "PostgreSQL 15.4, a read replica, 2.0 ms a round trip",
    ]
    assert shelf.tested[0].name == "workspaces/acme/connections/crm"


def test_a_warning_is_no_failure_and_machines_read_json(directflow: Directflow, shelf: Shelf) -> None:
    shelf.steps = answer(1, 2)
    ran = directflow("connection", "test", "crm", "-o", "json")
    assert ran.code == 0
    assert [step["outcome"] for step in ran.json["steps"]] == ["ok", "warning"]
    assert ran.json["round_trip_ms"] == 2.0


def test_a_connection_that_is_not_saved_is_tried_from_its_file(directflow: Directflow, shelf: Shelf) -> None:
    shelf.steps = answer(1)
    Path("x.yaml").write_text(joined(CONNECTION, DATA_SOURCE))
    assert directflow("connection", "test", "-f", "x.yaml").code == 0
    assert shelf.tested[0].connection.host == "db.example.com"
    assert shelf.tested[0].connection.name == "workspaces/acme/connections/crm"
    assert directflow("connection", "test").code == 2


def test_confirm_sends_the_etag_that_was_seen(directflow: Directflow, shelf: Shelf) -> None:
    shelf.put(read_all([Source("x.yaml", CONNECTION)], "acme").manifests[0].message)
    ran = directflow("connection", "confirm", "crm")
    assert ran.out == "connection crm: its credential may be sent to directflow_readonly@db.example.com:5432\n"
    assert shelf.calls == [("Confirm", "workspaces/acme/connections/crm etag-1")]
