"""Documents are saved under etags with every revision kept, and nothing in use is deleted."""

import asyncio
from typing import Any

import pytest
from directflow_runtime.errors import StatusCode


def refusal(error: Any) -> tuple[StatusCode, str]:
    return error.code, error.reason


ALREADY_EXISTS = (StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
ETAG_MISMATCH = (StatusCode.ABORTED, "ETAG_MISMATCH")
NOT_FOUND = (StatusCode.NOT_FOUND, "DOCUMENT_NOT_FOUND")
IN_USE = (StatusCode.FAILED_PRECONDITION, "RESOURCE_IN_USE")
NO_REFERENCE = (StatusCode.FAILED_PRECONDITION, "REFERENCE_NOT_FOUND")


async def test_what_was_put_is_read_back_to_the_byte(gateway: Any) -> None:
    used = await gateway.put("used", collection="conditions")
    body = bytes(range(256)) * 10
    statements = [b"\x00" * 16, b"\xff" * 16]

    put = await gateway.put(
        "one", body, content_type="application/x-test", author='Ada "O\\Hara"', references=[used.name],
        statements=statements,
    )  # fmt: skip

    assert await gateway.get("one") == put
    assert (put.body, put.content_type, put.author) == (body, "application/x-test", 'Ada "O\\Hara"')
    assert (list(put.references), list(put.statements)) == ([used.name], statements)
    assert put.revision > used.revision
    assert put.etag
    assert put.save_time.seconds > 1_700_000_000


async def test_a_create_of_what_is_there_is_refused(gateway: Any) -> None:
    await gateway.put("one")
    assert refusal(await gateway.failure(gateway.put("one"))) == ALREADY_EXISTS


async def test_an_update_needs_the_newest_etag(gateway: Any) -> None:
    first = await gateway.put("one", b"1")
    second = await gateway.put("one", b"2", etag=first.etag)

    assert refusal(await gateway.failure(gateway.put("one", b"3", etag=first.etag))) == ETAG_MISMATCH
    assert (await gateway.get("one")).body == b"2"
    assert second.etag != first.etag


async def test_the_same_body_saved_again_has_another_etag(gateway: Any) -> None:
    first = await gateway.put("one")
    assert (await gateway.put("one", etag=first.etag)).etag != first.etag


async def test_of_writers_at_once_one_wins(gateway: Any) -> None:
    first = await gateway.put("one")
    puts = [gateway.put("one", b"%d" % number, etag=first.etag) for number in range(8)]
    outcomes = await asyncio.gather(*puts, return_exceptions=True)

    won = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(won) == 1
    assert (await gateway.get("one")).body == won[0].body
    assert len((await gateway.revisions("one")).documents) == 2


async def test_the_same_request_gets_the_first_result(gateway: Any) -> None:
    first = await gateway.put("one", b"1", request_id="a")
    assert await gateway.put("one", b"1", request_id="a") == first
    second = await gateway.put("one", b"2", etag=first.etag, request_id="b")

    assert await gateway.put("one", b"1", request_id="a") == first
    assert (await gateway.get("one")) == second


async def test_a_request_id_is_bound_to_its_document(gateway: Any) -> None:
    await gateway.put("one", b"1", request_id="a")
    assert (await gateway.put("two", b"2", request_id="a")).body == b"2"


async def test_the_same_request_sent_twice_at_once_saves_once(gateway: Any) -> None:
    outcomes = await asyncio.gather(*(gateway.put("one", b"1", request_id="a") for _ in range(4)))
    assert len({outcome.revision for outcome in outcomes}) == 1


async def test_a_deletion_leaves_a_tombstone_and_every_revision(gateway: Any) -> None:
    put = await gateway.put("one", b"1")
    deleted = await gateway.delete("one", author="ada")

    tombstone = await gateway.get("one")
    assert (tombstone.deleted, tombstone.revision, tombstone.author, tombstone.body) == (
        True, deleted.revision, "ada", b"",
    )  # fmt: skip
    assert await gateway.get("one", revision=put.revision) == put
    assert list((await gateway.revisions("one")).documents) == [tombstone, put]
    assert not (await gateway.listed()).documents


async def test_what_was_deleted_can_be_created_again(gateway: Any) -> None:
    first = await gateway.put("one", b"1")
    await gateway.delete("one")
    assert refusal(await gateway.failure(gateway.put("one", b"2", etag=first.etag))) == ETAG_MISMATCH
    assert (await gateway.put("one", b"2")).revision > first.revision


async def test_a_deletion_of_what_is_not_there_or_has_moved_on_is_refused(gateway: Any) -> None:
    assert refusal(await gateway.failure(gateway.delete("one"))) == NOT_FOUND
    first = await gateway.put("one")
    await gateway.put("one", etag=first.etag)
    assert refusal(await gateway.failure(gateway.delete("one", etag=first.etag))) == ETAG_MISMATCH
    await gateway.delete("one")
    assert refusal(await gateway.failure(gateway.delete("one"))) == NOT_FOUND


async def test_what_is_in_use_is_not_deleted_and_its_users_are_named(gateway: Any) -> None:
    used = await gateway.put("used")
    for number in range(22):
        await gateway.put(f"user-{number:02}", references=[used.name])

    error = await gateway.failure(gateway.delete("used"))

    assert refusal(error) == IN_USE
    named = error.metadata["users"].split(",")
    assert named == [f"dataSources/user-{number:02}" for number in range(len(named))]
    assert len(named) >= 10
    assert error.metadata["user_count"] == "22"
    assert "dataSources/user-00, dataSources/user-01, " in error.message
    assert f"and {22 - len(named)} more" in error.message


async def test_who_no_longer_uses_it_does_not_hold_it(gateway: Any) -> None:
    used, other = await gateway.put("used"), await gateway.put("other")
    user = await gateway.put("user", references=[used.name])
    gone = await gateway.put("gone", references=[used.name])
    await gateway.put("user", references=[other.name], etag=user.etag)
    await gateway.delete("gone", gone.etag)

    await gateway.delete("used")

    assert refusal(await gateway.failure(gateway.delete("other"))) == IN_USE


async def test_a_reference_must_be_there(gateway: Any) -> None:
    missing = [gateway.name("missing"), gateway.name("deleted")]
    await gateway.put("deleted")
    await gateway.delete("deleted")

    error = await gateway.failure(gateway.put("one", references=missing))

    assert refusal(error) == NO_REFERENCE
    assert error.metadata["references"] == "dataSources/deleted,dataSources/missing"


async def test_a_document_that_uses_itself_can_be_deleted(gateway: Any) -> None:
    first = await gateway.put("one")
    await gateway.put("one", etag=first.etag, references=[first.name])
    deletion = await gateway.delete("one")
    assert (await gateway.get("one")).revision == deletion.revision
    assert (await gateway.get("one")).deleted


async def test_deleting_and_beginning_to_use_cannot_both_succeed(gateway: Any) -> None:
    for turn in range(10):
        used = await gateway.put(f"used-{turn}")
        outcomes = await asyncio.gather(
            gateway.delete(f"used-{turn}"),
            gateway.put(f"user-{turn}", references=[used.name]),
            return_exceptions=True,
        )
        assert sum(isinstance(outcome, BaseException) for outcome in outcomes) == 1


async def test_a_connection_of_the_settings_may_be_used(postgres: Any, shared_database: Any, open_gateway: Any) -> None:
    connection = {"workspace": "acme", "id": "main", "host": "db.example", "database": "app"}
    gateway = await open_gateway(postgres, shared_database, connections=[connection])
    name = f"one-{gateway.workspace}"
    put = await gateway.put(name, workspace="acme", references=["workspaces/acme/connections/main"])
    assert list(put.references) == ["workspaces/acme/connections/main"]


async def test_a_list_goes_by_name_a_page_at_a_time(gateway: Any) -> None:
    for id in ("c", "a", "b-b", "b", "d"):
        await gateway.put(id)
    await gateway.put("x", collection="conditions")
    await gateway.put("y", workspace=f"{gateway.workspace}0")

    seen, token = [], ""
    while page := await gateway.listed(page_size=2, page_token=token):
        seen += [document.name.rpartition("/")[2] for document in page.documents]
        token = page.next_page_token
        if not token:
            break
    assert seen == ["a", "b", "b-b", "c", "d"]


async def test_pages_are_bounded_by_bytes_too(gateway: Any) -> None:
    for number in range(4):
        await gateway.put(f"large-{number}", b"x" * 600_000)
    page = await gateway.listed(page_size=1000)
    assert len(page.documents) == 1
    assert page.next_page_token


async def test_a_list_over_all_workspaces_has_those_that_the_caller_may_see(
    postgres: Any, shared_database: Any, open_gateway: Any, gateway: Any
) -> None:
    mine, other = f"{gateway.workspace}a", f"{gateway.workspace}b"
    for workspace in (mine, other):
        await gateway.put("one", workspace=workspace)
    callers = [{"name": "development", "services": ["directflow."], "workspaces": [mine], "may_define": False}]
    narrow = await open_gateway(postgres, shared_database, callers=callers)

    names = [document.name for document in (await narrow.listed("workspaces/-/dataSources")).documents]

    assert names == [gateway.name("one", workspace=mine)]
    everything, token = [], ""
    while not everything or token:
        page = await gateway.listed("workspaces/-/dataSources", page_size=1000, page_token=token)
        everything += [document.name for document in page.documents]
        token = page.next_page_token
    assert everything == sorted(everything)
    assert {gateway.name("one", workspace=one) for one in (mine, other)} <= set(everything)


async def test_revisions_come_newest_first_a_page_at_a_time(gateway: Any) -> None:
    saved = [await gateway.put("one", b"0")]
    for number in range(1, 5):
        saved.append(await gateway.put("one", b"%d" % number, etag=saved[-1].etag))

    first = await gateway.revisions("one", page_size=3)
    second = await gateway.revisions("one", page_size=3, page_token=first.next_page_token)

    assert [*first.documents, *second.documents] == saved[::-1]
    assert not second.next_page_token


async def test_a_token_of_another_request_is_refused(gateway: Any) -> None:
    for id in ("one", "two"):
        await gateway.put(id)
    token = (await gateway.listed(page_size=1)).next_page_token
    for call in (
        gateway.revisions("one", page_token=token),
        gateway.listed("workspaces/-/dataSources", page_token=token),
        gateway.listed(page_token="nonsense"),
    ):
        assert refusal(await gateway.failure(call)) == (StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


@pytest.mark.parametrize("method", ["get", "revisions", "delete"])
async def test_what_never_was_is_not_found(gateway: Any, method: str) -> None:
    assert refusal(await gateway.failure(getattr(gateway, method)("nothing"))) == NOT_FOUND


async def test_a_workspace_has_no_more_documents_of_a_collection_than_it_may(
    postgres: Any, shared_database: Any, open_gateway: Any
) -> None:
    gateway = await open_gateway(postgres, shared_database, definitions={"documents_per_collection": 2})
    first, _ = await gateway.put("one"), await gateway.put("two")

    error = await gateway.failure(gateway.put("three"))

    assert refusal(error) == (StatusCode.RESOURCE_EXHAUSTED, "WORKSPACE_OVER_LIMIT")
    await gateway.put("one", etag=first.etag)
    await gateway.put("three", collection="conditions")
    await gateway.put("three", workspace=f"{gateway.workspace}b")
    await gateway.delete("two")
    await gateway.put("three")
