"""What cannot be saved or tried is refused by name: wrong fields, what the settings hold, a caller who may not."""

from typing import Any

from directflow.gateway.v1 import connection_service_pb2 as pb
from directflow_runtime.errors import StatusCode

from .replica import CALL_S, Gateway, failure


async def test_a_violation_of_each_field_is_told_at_once(gateway: Gateway) -> None:
    error = await failure(
        gateway.create("Upper_Case", host="a,b", port=70_000, database="", limits=pb.ConnectionLimits(max_rows=-1))
    )
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    fields = {violation.field for violation in error.violations}
    assert fields >= {"connection.database"}
    error = await failure(
        gateway.create("Upper_Case", host="a,b", port=70_000, limits=pb.ConnectionLimits(max_rows=-1))
    )
    assert {violation.field for violation in error.violations} == {
        "connection_id", "connection.host", "connection.port", "connection.limits.max_rows",
    }  # fmt: skip


async def test_a_test_without_a_target_is_refused(gateway: Gateway) -> None:
    error = await failure(gateway.stub.TestConnection(pb.TestConnectionRequest(), timeout=CALL_S))
    assert (error.reason, [violation.field for violation in error.violations]) == ("INVALID_REQUEST", ["target"])


async def test_what_the_settings_hold_is_shown_and_cannot_be_changed(gateway: Gateway, open_gateway: Any) -> None:
    place = {"host": gateway.customer.host, "port": gateway.customer.port, "sslmode": "disable"}
    fixed = {"workspace": gateway.workspace, "id": "fixed", "database": gateway.database, "user": gateway.role.name}
    other: Gateway = await open_gateway(connections=[{**fixed, **place}])
    other.store_secret("fixed")
    assert (await other.get("fixed")).credential_kind == pb.CREDENTIAL_KIND_FILE
    assert (await failure(other.create("fixed"))).code is StatusCode.FAILED_PRECONDITION
    assert (await other.test(name=other.name("fixed")))["login"].outcome == pb.STEP_OUTCOME_OK
    elsewhere = other.connection(name=other.name("fixed"), host="localhost")
    assert (await other.test(connection=elsewhere))["login"].outcome == pb.STEP_OUTCOME_SKIPPED


async def test_who_may_not_define_sees_and_changes_nothing(open_gateway: Any) -> None:
    caller = {"name": "development", "services": ["directflow."], "workspaces": ["*"], "may_define": False}
    gateway: Gateway = await open_gateway(identity={"allow_development": True, "callers": [caller]})
    calls = (
        gateway.create(), gateway.get(), gateway.delete(), gateway.revisions(), gateway.rollback(1),
        gateway.confirm("etag"), gateway.test(name=gateway.name()),
        gateway.test(connection=gateway.connection(name=gateway.name())),
        gateway.stub.ListConnections(pb.ListConnectionsRequest(parent=gateway.parent), timeout=CALL_S),
    )  # fmt: skip
    for call in calls:
        error = await failure(call)
        assert (error.code, error.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")


async def test_two_workspaces_with_the_same_id_never_meet(gateway: Gateway, open_gateway: Any) -> None:
    await gateway.create()
    caller = {"name": "development", "services": ["directflow."], "workspaces": ["zz9"], "may_define": True}
    stranger: Gateway = await open_gateway(identity={"allow_development": True, "callers": [caller]})
    for call in (
        stranger.get(), stranger.delete(), stranger.revisions(), stranger.test(name=stranger.name()),
        stranger.test(connection=stranger.connection(name=stranger.name())), stranger.confirm("etag"), stranger.ask(),
        stranger.rollback(1), stranger.create(),
    ):  # fmt: skip
        assert (await failure(call)).reason == "IDENTITY_NOT_ALLOWED"
    stranger.workspace = "zz9"
    assert (await failure(stranger.get())).reason == "CONNECTION_NOT_FOUND"
    listed = await stranger.stub.ListConnections(pb.ListConnectionsRequest(parent=stranger.parent), timeout=CALL_S)
    assert list(listed.connections) == []
    # Its own one of the same id, towards the same server: the other's credential is not taken.
    await stranger.create()
    steps = await stranger.test(name=stranger.name())
    assert steps["login"].outcome == pb.STEP_OUTCOME_FAILED
    assert "no credential" in steps["login"].message
    await stranger.delete()
    assert await gateway.ask("SELECT id FROM users") == 2
