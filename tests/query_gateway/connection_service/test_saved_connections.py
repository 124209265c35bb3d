"""A connection is saved, read, used, changed and deleted; every replica goes by what was saved last."""

import asyncio
from typing import Any

from directflow.gateway.v1 import connection_service_pb2 as pb
from directflow.gateway.v1 import definition_service_pb2 as definition_pb
from directflow.gateway.v1 import definition_service_pb2_grpc as definition_stubs
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import StatusCode

from .replica import BOUND, CALL_S, Gateway, failure, soon


async def test_a_connection_is_saved_read_and_used(gateway: Gateway) -> None:
    saved = await gateway.create(limits=pb.ConnectionLimits(pool_size=2), allowed_functions=["z.f", "a"])
    assert (saved.name, saved.revision > 0, bool(saved.etag)) == (gateway.name(), True, True)
    assert (saved.credential_binding, saved.credential_kind) == (BOUND, pb.CREDENTIAL_KIND_FILE)
    assert saved.update_time.seconds > 0
    assert list(saved.allowed_functions) == ["z.f", "a"]
    assert await gateway.get() == saved
    assert await gateway.ask("SELECT id FROM users") == 2


async def test_an_update_is_used_by_the_next_call_and_the_old_sessions_go(gateway: Gateway) -> None:
    saved = await gateway.create()
    assert await gateway.ask("SELECT id FROM users") == 2
    changed = await gateway.update(saved, database="postgres")
    assert changed.revision > saved.revision
    assert (await failure(gateway.ask("SELECT id FROM users"))).reason == "DEFINITION_BROKEN"  # the table is not there
    assert await soon(lambda: gateway.sessions() == ["postgres"])


async def test_a_deleted_connection_is_not_found_and_its_sessions_go(gateway: Gateway) -> None:
    await gateway.create()
    await gateway.ask()
    await gateway.delete()
    for call in (gateway.get(), gateway.ask(), gateway.delete(), gateway.test(name=gateway.name())):
        error = await failure(call)
        assert (error.code, error.reason) == (StatusCode.NOT_FOUND, "CONNECTION_NOT_FOUND")
    assert await soon(lambda: gateway.sessions() == [])


async def test_another_replica_sees_changes_within_a_second(gateway: Gateway, open_gateway: Any) -> None:
    other: Gateway = await open_gateway()
    saved = await gateway.create()

    async def seen(etag: str) -> bool:
        request = pb.ListConnectionsRequest(parent=other.parent)
        for _ in range(500):
            listed = await other.stub.ListConnections(request, timeout=CALL_S)
            if [connection.etag for connection in listed.connections] == [etag]:
                return True
            await asyncio.sleep(0.01)
        return False

    assert await seen(saved.etag)
    assert await other.ask() == 1
    moved = await gateway.update(saved, host="localhost")
    assert await seen(moved.etag)
    assert (await failure(other.ask())).reason == "CREDENTIAL_UNBOUND"


async def test_nothing_is_stored_by_validate_only(gateway: Gateway) -> None:
    checked = await gateway.create(validate_only=True)
    assert (checked.etag, checked.revision) == ("", 0)
    assert (await failure(gateway.get())).reason == "CONNECTION_NOT_FOUND"


async def test_two_editors_one_wins_and_the_other_is_told(gateway: Gateway) -> None:
    saved = await gateway.create()
    await gateway.update(saved, database="postgres")
    error = await failure(gateway.update(saved, user="other"))
    assert (error.code, error.reason) == (StatusCode.ABORTED, "ETAG_MISMATCH")
    assert (await gateway.get()).database == "postgres"
    assert (await failure(gateway.create())).reason == "ALREADY_EXISTS"
    assert (await failure(gateway.delete(etag=saved.etag))).reason == "ETAG_MISMATCH"


async def test_lists_are_paged_filtered_and_of_one_workspace(gateway: Gateway) -> None:
    for number in range(3):
        await gateway.create(f"crm-{number}", host="no-such-host.invalid")
    await gateway.create("other", host="no-such-host.invalid")
    await gateway.create("crm-0", parent=f"{gateway.parent}x", host="no-such-host.invalid")
    ids, token = [], ""
    while True:
        request = pb.ListConnectionsRequest(parent=gateway.parent, page_size=2, page_token=token, filter="CRM")
        page = await gateway.stub.ListConnections(request, timeout=CALL_S)
        ids += [connection.name.rpartition("/")[2] for connection in page.connections]
        token = page.next_page_token
        if not token:
            break
    assert ids == ["crm-0", "crm-1", "crm-2"]
    request = pb.ListConnectionsRequest(parent=gateway.parent, page_token="nonsense")
    assert (await failure(gateway.stub.ListConnections(request, timeout=CALL_S))).reason == "PAGE_TOKEN_INVALID"


async def test_revisions_tell_who_when_and_what_and_deletions(gateway: Gateway) -> None:
    saved = await gateway.create()
    await gateway.update(saved, database="postgres")
    await gateway.delete()
    told = (await gateway.revisions()).revisions
    assert [revision.deleted for revision in told] == [True, False, False]
    assert [revision.connection.database for revision in told] == ["", "postgres", gateway.database]
    assert {revision.author for revision in told} == {"development"}
    assert all(revision.save_time.seconds for revision in told)
    restored = await gateway.rollback(told[2].revision)
    assert restored.database == gateway.database
    assert restored.revision > told[0].revision


async def test_what_is_in_use_is_not_deleted_and_its_users_are_named(gateway: Gateway) -> None:
    await gateway.create()
    user = f"{gateway.parent}/dataSources/customers"
    document = definition_pb.Document(name=user, body=b"body", references=[gateway.name()])
    definitions = definition_stubs.DefinitionServiceStub(gateway.channel)
    await definitions.PutDocument(definition_pb.PutDocumentRequest(document=document), timeout=CALL_S)
    error = await failure(gateway.delete())
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "RESOURCE_IN_USE")
    assert "dataSources/customers" in error.message
    await gateway.get()
    await definitions.DeleteDocument(definition_pb.DeleteDocumentRequest(name=user), timeout=CALL_S)
    await gateway.delete()


async def test_nobody_reaches_connections_through_the_store_of_definitions(gateway: Gateway) -> None:
    """Or a binding could be written there."""
    saved = await gateway.create()
    document = definition_pb.Document(name=saved.name, body=b"body", etag=saved.etag)
    definitions = definition_stubs.DefinitionServiceStub(gateway.channel)
    put = definitions.PutDocument(definition_pb.PutDocumentRequest(document=document), timeout=CALL_S)
    assert (await failure(put)).code is StatusCode.PERMISSION_DENIED


async def test_a_database_that_is_not_up_yet_keeps_nobody_from_saving(gateway: Gateway) -> None:
    saved = await gateway.create(host="no-such-host.invalid")
    (problem,) = saved.validation_report.problems
    assert (problem.rule, problem.severity) == ("CONNECTION_RESOLVE", sql_pb2.SEVERITY_WARNING)
    assert (await gateway.get()).validation_report == saved.validation_report
