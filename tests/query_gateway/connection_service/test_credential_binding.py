"""A credential goes nowhere but to the target that it was bound to, until somebody confirms another one."""

import uuid
from typing import Any

import pytest
from directflow.gateway.v1 import connection_service_pb2 as pb
from directflow_runtime.errors import StatusCode

from .replica import BOUND, CALL_S, UNBOUND, Gateway, failure


@pytest.mark.parametrize(
    "changed",
    [
        {"host": "localhost"},
        {"port": 1},
        {"user": "somebody_else"},
        {"tls": pb.ConnectionTls(mode=pb.TLS_MODE_REQUIRE)},
        {"credential_kind": pb.CREDENTIAL_KIND_VAULT_STATIC},
    ],
)
async def test_another_target_gets_no_credential_until_somebody_confirms(gateway: Gateway, changed: Any) -> None:
    saved = await gateway.create()
    moved = await gateway.update(saved, **changed, credential_binding=BOUND)
    assert moved.credential_binding == UNBOUND
    assert "CREDENTIAL_UNBOUND" in {problem.rule for problem in moved.validation_report.problems}
    error = await failure(gateway.ask())
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "CREDENTIAL_UNBOUND")
    assert "ConfirmCredential" in error.message
    steps = await gateway.test(name=gateway.name())
    assert steps["login"].outcome == pb.STEP_OUTCOME_SKIPPED
    again = await gateway.update(moved, database="postgres")
    assert again.credential_binding == UNBOUND
    confirmed = await gateway.confirm(again.etag)
    assert (confirmed.credential_binding, confirmed.revision > again.revision) == (BOUND, True)


async def test_a_confirmed_connection_connects(gateway: Gateway) -> None:
    saved = await gateway.create()
    moved = await gateway.update(saved, host="localhost")
    await gateway.confirm(moved.etag)
    assert await gateway.ask("SELECT id FROM users") == 2


async def test_only_what_was_seen_can_be_confirmed(gateway: Gateway) -> None:
    saved = await gateway.create()
    moved = await gateway.update(saved, host="localhost")
    await gateway.update(moved, host="no-such-host.invalid")
    assert (await failure(gateway.confirm(moved.etag))).reason == "ETAG_MISMATCH"
    assert (await gateway.get()).credential_binding == UNBOUND


@pytest.mark.parametrize(("changed", "binding"), [({}, BOUND), ({"host": "localhost"}, UNBOUND)])
async def test_creating_again_under_an_old_name_is_a_change_as_well(
    gateway: Gateway, changed: Any, binding: int
) -> None:
    await gateway.create()
    await gateway.delete()
    assert (await gateway.create(**changed)).credential_binding == binding


@pytest.mark.parametrize("validate_only", [False, True])
async def test_a_create_that_says_it_was_sent_before_takes_no_credential_elsewhere(
    gateway: Gateway, silent: Any, validate_only: bool
) -> None:
    """A request_id lets a create pass whose name is taken already: it may be the same one again."""
    await gateway.create()
    request = pb.CreateConnectionRequest(
        parent=gateway.parent,
        connection_id="main",
        connection=gateway.connection(port=silent.port),
        request_id=str(uuid.uuid4()),
        validate_only=validate_only,
    )
    error = await failure(gateway.stub.CreateConnection(request, timeout=CALL_S))
    assert error.reason == "ALREADY_EXISTS"
    assert silent.received() == b""


async def test_a_rollback_to_another_host_unbinds(gateway: Gateway) -> None:
    first = await gateway.create()
    moved = await gateway.update(first, host="localhost")
    await gateway.confirm(moved.etag)
    back = await gateway.rollback(first.revision)
    assert (back.host, back.credential_binding) == (first.host, UNBOUND)


async def test_one_that_is_not_saved_is_tried_with_the_credential_of_its_name_only_where_it_belongs(
    gateway: Gateway,
) -> None:
    unsaved = gateway.connection(name=gateway.name())
    assert (await gateway.test(connection=unsaved))["round_trip"].outcome == pb.STEP_OUTCOME_OK
    saved = await gateway.create()
    other_database = gateway.connection(name=gateway.name(), database="postgres")
    assert (await gateway.test(connection=other_database))["login"].outcome == pb.STEP_OUTCOME_OK
    elsewhere = gateway.connection(name=gateway.name(), host="localhost")
    assert (await gateway.test(connection=elsewhere))["login"].outcome == pb.STEP_OUTCOME_SKIPPED
    await gateway.delete(etag=saved.etag)
    assert (await gateway.test(connection=elsewhere))["login"].outcome == pb.STEP_OUTCOME_SKIPPED
    assert (await gateway.test(connection=unsaved))["login"].outcome == pb.STEP_OUTCOME_OK
