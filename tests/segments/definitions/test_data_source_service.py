"""The life of data sources, through both services and on real databases: saved, listed, changed, restored, deleted."""

import asyncio
import uuid
from typing import Any

from directflow.segments.v1 import data_source_service_pb2 as pb
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import StatusCode

MEMBERS = (
    "SELECT u.id AS profile_id, u.email FROM users u JOIN memberships m ON u.id = m.user_id "
    "WHERE m.community_id = <%= community %> AND m.joined_at > TIMESTAMP '<%= since %>'"
)


async def test_the_documented_product_is_saved_and_its_audience_streams_at_once(segments: Any) -> None:
    saved = await segments.create("communities", display_name="Communities")
    assert (saved.name, bool(saved.etag), saved.revision > 0) == (segments.name("communities"), True, True)
    assert saved.HasField("update_time")
    assert await segments.people("communities") > 0


async def test_the_report_says_of_each_query_what_postgresql_says_and_where_its_variables_come_from(
    segments: Any,
) -> None:
    report = (await segments.create("communities")).validation_report
    by_field = {query.field: query for query in report.queries}
    assert set(by_field) == {"discovery_sql", "generator_sql", "preload_sql"}
    columns = [(c.name, c.postgres_type) for c in by_field["discovery_sql"].schema.columns]
    assert columns[:2] == [("id", "bigint"), ("community_name", "text")]
    uses = {field: [(u.name, u.inferred_type, u.source) for u in by_field[field].variable_uses] for field in by_field}
    assert uses["generator_sql"] == [("community_id", "bigint", "segment id")]
    assert uses["preload_sql"] == [("profile_id", "bigint", "profile")]
    assert "$1" in by_field["generator_sql"].bound_sql
    assert by_field["preload_sql"].set_form == sql_pb2.SET_FORM_LATERAL
    assert ("VARIABLE_FROM_ID", "generator_sql") in [(p.rule, p.field) for p in report.problems]
    assert {problem.severity for problem in report.problems} == {sql_pb2.SEVERITY_WARNING}


async def test_a_saved_data_source_is_read_back_with_its_report(segments: Any) -> None:
    saved = await segments.create("communities", bindings={"community_id": "id"})
    read = await segments.get("communities")
    assert read == saved
    assert len(read.validation_report.queries) == 3


async def test_what_is_only_validated_is_reported_alike_and_stored_nowhere(segments: Any) -> None:
    checked = await segments.create("communities", validate_only=True)
    assert (checked.etag, checked.revision, len(checked.validation_report.queries)) == ("", 0, 3)
    error = await segments.refused(segments.get("communities"))
    assert (error.code, error.reason) == (StatusCode.NOT_FOUND, "DATA_SOURCE_NOT_FOUND")
    saved = await segments.create("communities")
    assert saved.validation_report == checked.validation_report

    saved.display_name = "Only looking"
    await segments.update(saved, validate_only=True)
    await segments.delete("communities", validate_only=True)
    assert (await segments.get("communities")).display_name == ""
    assert len((await segments.revisions("communities")).revisions) == 1


async def test_a_change_is_used_at_once(segments: Any) -> None:
    saved = await segments.create("communities")
    everybody = await segments.people("communities")
    saved.generator_sql += "\nAND u.id < 0"
    changed = await segments.update(saved)
    assert changed.etag != saved.etag
    assert changed.revision > saved.revision
    assert await segments.people("communities") == 0 < everybody


async def test_a_second_create_of_one_name_is_refused(segments: Any) -> None:
    await segments.create("communities")
    error = await segments.refused(segments.create("communities"))
    assert (error.code, error.reason) == (StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")


async def test_a_call_that_is_repeated_with_its_request_id_saves_once(segments: Any) -> None:
    request_id = str(uuid.uuid4())
    first = await segments.create("communities", request_id=request_id)
    assert await segments.create("communities", request_id=request_id) == first
    first.display_name = "Changed"
    request_id = str(uuid.uuid4())
    second = await segments.update(first, request_id=request_id)
    assert await segments.update(first, request_id=request_id) == second
    assert len((await segments.revisions("communities")).revisions) == 2


async def test_another_change_under_a_used_request_id_is_no_repetition_and_is_not_lost(segments: Any) -> None:
    request_id = str(uuid.uuid4())
    first = await segments.create("communities", request_id=request_id)
    first.display_name = "Changed"
    second = await segments.update(first, request_id=request_id)
    assert second.display_name == "Changed"
    first.display_name = "Changed from the same old state"
    error = await segments.refused(segments.update(first, request_id=request_id))
    assert (error.code, error.reason) == (StatusCode.ABORTED, "ETAG_MISMATCH")
    assert await segments.get("communities") == second


async def test_lists_are_pages_by_name_and_can_be_filtered(segments: Any) -> None:
    for id in ("north-1", "south", "North_2", "east"):
        await segments.create(id)
    first, token = await segments.ids(page_size=3)
    rest, end = await segments.ids(page_size=3, page_token=token)
    assert [*first, *rest] == sorted(["north-1", "south", "North_2", "east"])
    assert (len(first), end) == (3, "")
    assert await segments.ids(filter="NORTH") == (["North_2", "north-1"], "")
    error = await segments.refused(segments.ids(page_size=3, page_token=token, filter="n"))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


async def test_of_two_editors_one_wins_and_the_other_is_told(segments: Any) -> None:
    read = await segments.create("communities")
    edits = [pb.DataSource(), pb.DataSource()]
    for number, edit in enumerate(edits):
        edit.CopyFrom(read)
        edit.display_name = f"editor {number}"
    outcomes = await asyncio.gather(*(segments.update(edit) for edit in edits), return_exceptions=True)
    (won,) = (outcome for outcome in outcomes if isinstance(outcome, pb.DataSource))
    lost = next(edit for edit in edits if edit.display_name != won.display_name)
    error = await segments.refused(segments.update(lost))
    assert (error.code, error.reason) == (StatusCode.ABORTED, "ETAG_MISMATCH")
    assert (await segments.get("communities")).display_name == won.display_name

    lost.etag = (await segments.get("communities")).etag
    assert (await segments.update(lost)).display_name == lost.display_name
    names = [r.data_source.display_name for r in (await segments.revisions("communities")).revisions]
    assert names == [lost.display_name, won.display_name, ""]


async def test_every_revision_is_kept_with_who_and_when_and_can_come_back(segments: Any) -> None:
    first = await segments.create("communities", display_name="one")
    second = pb.DataSource()
    second.CopyFrom(first)
    second.display_name, second.generator_sql = "two", first.generator_sql + "\nAND u.id < 0"
    second = await segments.update(second)
    restored = await segments.rollback("communities", first.revision)
    assert (restored.display_name, restored.generator_sql) == ("one", first.generator_sql)
    assert restored.revision > second.revision
    assert await segments.people("communities") > 0

    page = await segments.revisions("communities", page_size=2)
    rest = await segments.revisions("communities", page_size=2, page_token=page.next_page_token)
    told = [*page.revisions, *rest.revisions]
    assert [one.data_source.display_name for one in told] == ["one", "two", "one"]
    assert [one.revision for one in told] == [restored.revision, second.revision, first.revision]
    assert {one.author for one in told} == {"development"}
    assert all(one.HasField("save_time") for one in told)

    error = await segments.refused(segments.rollback("communities", 1 << 40))
    assert (error.code, error.violations[0].field) == (StatusCode.NOT_FOUND, "revision")
    error = await segments.refused(segments.rollback("communities", first.revision, etag=first.etag))
    assert error.code == StatusCode.ABORTED


async def test_what_is_deleted_is_gone_and_can_come_back(segments: Any) -> None:
    saved = await segments.create("communities")
    error = await segments.refused(segments.delete("communities", etag="another"))
    assert (error.code, error.reason) == (StatusCode.ABORTED, "ETAG_MISMATCH")
    await segments.delete("communities", etag=saved.etag)
    for call in (segments.get("communities"), segments.people("communities"), segments.delete("communities")):
        error = await segments.refused(call)
        assert (error.code, error.reason) == (StatusCode.NOT_FOUND, "DATA_SOURCE_NOT_FOUND")
    newest = (await segments.revisions("communities")).revisions[0]
    assert (newest.deleted, newest.HasField("data_source")) == (True, False)

    await segments.rollback("communities", saved.revision)
    assert await segments.people("communities") > 0


async def test_kinds_defaults_and_bindings_are_kept_and_used(segments: Any) -> None:
    since = pb.DataSourceVariable(
        variable=sql_pb2.Variable(name="since", kind=sql_pb2.VARIABLE_KIND_TIMESTAMP),
        default_value=sql_pb2.Value(text="2000-01-01"),
    )
    saved = await segments.create("members", generator_sql=MEMBERS, bindings={"community": "id"}, variables=[since])
    uses = {use.name: use.source for query in saved.validation_report.queries for use in query.variable_uses}
    assert uses == {"community": "binding", "since": "default", "profile_id": "profile"}
    assert saved.variables[0].default_value.text == "2000-01-01"


async def test_another_replica_sees_every_change_by_itself(
    segments: Any, start_segments: Any, gateway_port: int
) -> None:
    other = await start_segments(gateway_port)
    saved = await segments.create("communities")

    async def seen() -> Any:
        return await other.get("communities") == saved

    await segments.until(seen)
    assert await other.people("communities") == await segments.people("communities")
    await segments.delete("communities")

    async def gone() -> bool:
        return await other.ids() == ([], "")

    await segments.until(gone)


async def test_a_replica_that_starts_later_knows_what_was_saved_before(
    segments: Any, start_segments: Any, gateway_port: int
) -> None:
    saved = await segments.create("communities")
    assert await (await start_segments(gateway_port)).get("communities") == saved


async def test_one_workspace_never_sees_anothers(segments: Any, start_segments: Any, gateway_port: int) -> None:
    await segments.create("communities")
    caller = {"name": "development", "services": [""], "workspaces": ["other"], "may_define": True}
    identity = {"allow_development": True, "callers": [caller]}
    stranger = await start_segments(gateway_port, identity=identity)
    calls = [
        stranger.get("communities"),
        stranger.get("not-there"),
        stranger.ids(),
        stranger.create("communities"),
        stranger.create("not-there", validate_only=True),
        stranger.update(stranger.definition(name=stranger.name("communities"))),
        stranger.delete("communities"),
        stranger.revisions("communities"),
        stranger.rollback("communities", 1),
    ]
    for call in calls:
        error = await segments.refused(call)
        assert (error.code, error.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")


async def test_who_may_not_define_reads_and_saves_nothing(
    segments: Any, start_segments: Any, gateway_port: int
) -> None:
    saved = await segments.create("communities")
    caller = {"name": "development", "services": [""], "workspaces": ["*"]}
    reader = await start_segments(gateway_port, identity={"allow_development": True, "callers": [caller]})
    assert await reader.get("communities") == saved
    assert await reader.ids() == (["communities"], "")
    assert len((await reader.revisions("communities")).revisions) == 1
    for call in (
        reader.create("communities"),
        reader.create("other", validate_only=True),
        reader.update(saved),
        reader.delete("communities", validate_only=True),
        reader.rollback("communities", saved.revision, validate_only=True),
    ):
        error = await segments.refused(call)
        assert (error.code, error.reason) == (StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED")


async def test_a_connection_of_another_workspace_is_refused_before_anybody_is_asked(segments: Any) -> None:
    error = await segments.refused(segments.create("1st", connection="workspaces/other/connections/customer"))
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [v.field for v in error.violations] == ["data_source_id", "data_source.connection"]


async def test_what_stands_in_the_settings_is_served_and_cannot_be_changed(
    segments: Any, start_segments: Any, gateway_port: int
) -> None:
    saved = segments.definition(discovery_sql="", preload_sql="")
    fixed = {"name": segments.name("fixed"), "connection": saved.connection, "generator_sql": saved.generator_sql}
    replica = await start_segments(gateway_port, data_sources=[fixed])
    await replica.create("saved")
    assert await replica.ids() == (["fixed", "saved"], "")
    assert (await replica.get("fixed")).generator_sql == saved.generator_sql
    assert await replica.people("fixed") > 0
    for call in (replica.create("fixed"), replica.delete("fixed"), replica.revisions("fixed")):
        error = await segments.refused(call)
        assert error.code == StatusCode.FAILED_PRECONDITION
        assert "settings file" in error.message


async def test_without_a_store_the_settings_are_all_and_a_save_says_so(start_gateway: Any, start_segments: Any) -> None:
    segments = await start_segments(await start_gateway(None))
    assert await segments.ids() == ([], "")
    error = await segments.refused(segments.create("communities"))
    assert error.code == StatusCode.FAILED_PRECONDITION
    assert error.metadata["gateway_reason"] == "STORE_NOT_CONFIGURED"
