"""Every SQL example of the product's documentation, verbatim, against psql with literals in the variables' place."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from directflow.conditions.v1 import evaluation_service_pb2 as conditions_wire
from directflow.gateway.v1 import query_service_pb2 as gateway_wire
from directflow.segments.v1 import audience_service_pb2 as segments_wire

DISCOVERY = """
SELECT id, community_name, user_count, plan_type FROM communities WHERE active = true ORDER BY user_count DESC
"""
GENERATOR = """
SELECT u.id AS profile_id, u.email, u.phone, u.first_name, u.last_name
FROM users u JOIN memberships m ON u.id = m.user_id
WHERE m.community_id = '<%= community_id %>' AND u.email IS NOT NULL
"""
PRELOAD = """
SELECT plan_name, last_login_at, total_purchases, preferred_language FROM user_profiles WHERE user_id = '<%= profile_id %>'
"""  # noqa: E501 (verbatim)
CONDITION = """
SELECT CASE WHEN subscription_plan = 'premium' THEN true ELSE false END AS result FROM users WHERE id = '<%= profile_id %>' LIMIT 1
"""  # noqa: E501 (verbatim)
WINDOW = """
SELECT u.id AS profile_id, u.email, ROW_NUMBER() OVER (PARTITION BY u.plan_type ORDER BY u.created_at) as user_rank
FROM users u WHERE user_rank <= 100
"""
WINDOW_FOR_PSQL = """
SELECT profile_id, email, user_rank FROM (
SELECT u.id AS profile_id, u.email, ROW_NUMBER() OVER (PARTITION BY u.plan_type ORDER BY u.created_at) as user_rank
FROM users u) AS ranked WHERE user_rank <= 100
"""
JSON = """
SELECT u.id AS profile_id, u.email, u.metadata->>'preferred_language' as language,
       (u.metadata->'settings'->>'notifications')::boolean as notifications_enabled
FROM users u WHERE u.metadata ? 'preferences'
"""
DATES = """
SELECT u.id AS profile_id, u.email, DATE_TRUNC('month', u.last_login) as login_month
FROM users u WHERE u.last_login > NOW() - INTERVAL '3 months'
"""
COMMUNITY = "7"
PROFILES = ("1", "2", "3", "10", "13", "26", "4999", "5000", "999999")


def parsed(kind: pa.DataType, cell: str | None) -> Any:
    """A cell of psql's text as the Python value that the wire type stands for."""
    if cell is None or pa.types.is_string(kind):
        return cell
    if pa.types.is_boolean(kind):
        return cell == "t"
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(cell)
    return float(cell) if pa.types.is_floating(kind) else int(cell)


def typed(schema: pa.Schema, rows: list[list[str | None]]) -> list[tuple[Any, ...]]:
    return [tuple(parsed(kind, cell) for kind, cell in zip(schema.types, row, strict=True)) for row in rows]


def in_order(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


def with_literals(sql: str, **values: str) -> str:
    for name, literal in values.items():
        sql = sql.replace(f"<%= {name} %>", literal)
    return sql


@pytest.mark.parametrize(
    ("sql", "values", "for_psql", "ordered"),
    [
        pytest.param(DISCOVERY, {}, DISCOVERY, True, id="discovery"),
        pytest.param(GENERATOR, {"community_id": COMMUNITY}, GENERATOR, False, id="generator"),
        pytest.param(PRELOAD, {"profile_id": "13"}, PRELOAD, False, id="preload"),
        pytest.param(CONDITION, {"profile_id": "2"}, CONDITION, False, id="condition"),
        pytest.param(WINDOW, {}, WINDOW_FOR_PSQL, False, id="window alias"),
        pytest.param(JSON, {}, JSON, False, id="json operators"),
    ],
)
async def test_an_example_through_the_gateway_gives_what_psql_gives(
    platform: Any, client: Any, sql: str, values: dict[str, str], for_psql: str, ordered: bool
) -> None:
    expected = platform.copied(with_literals(for_psql, **values))
    assert expected, "an example without a row shows nothing"

    typed_rows = await client.query(sql, values=values)
    as_text = await client.query(sql, values=values, value_form=gateway_wire.VALUE_FORM_TEXT)

    arranged = list if ordered else in_order
    assert arranged(as_text.tuples()) == arranged(map(tuple, expected))
    assert arranged(typed_rows.tuples()) == arranged(typed(typed_rows.table.schema, expected))
    assert as_text.summary.row_count == typed_rows.summary.row_count == len(expected)


async def test_the_date_example_gives_what_psql_gives_although_its_now_moves(platform: Any, client: Any) -> None:
    before = platform.copied(DATES)
    rows = await client.query(DATES, value_form=gateway_wire.VALUE_FORM_TEXT)
    after = platform.copied(DATES)

    # Somebody may cross the boundary of three months between two of the statements; nobody can come in.
    found = set(rows.tuples())
    assert after
    assert set(map(tuple, after)) <= found <= set(map(tuple, before))
    assert len(after) <= rows.summary.row_count <= len(before)


async def test_segments_are_the_discovery_query_in_its_order_page_by_page(platform: Any, client: Any) -> None:
    source = "workspaces/demo/dataSources/communities"
    found, token = [], ""
    while True:
        request = segments_wire.ListSegmentsRequest(data_source=source, page_size=100, page_token=token)
        page = await client.segments.ListSegments(request, timeout=30)
        found += [[str(getattr(cell, cell.WhichOneof("kind"))) for cell in one.row.values] for one in page.segments]
        if not (token := page.next_page_token):
            break
    assert found == platform.copied(DISCOVERY)

    one = await client.segments.GetSegment(
        segments_wire.GetSegmentRequest(data_source=source, key=COMMUNITY), timeout=30
    )
    assert one.key == COMMUNITY


MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PHONE = re.compile(r"\+\d{8,15}")


@pytest.mark.parametrize("order", ["AUDIENCE_ORDER_AUTHOR", "AUDIENCE_ORDER_KEY"])
async def test_an_audience_is_the_generators_people_once_each_and_its_ledger_adds_up(
    platform: Any, client: Any, order: str
) -> None:
    rows = platform.copied(with_literals(GENERATOR, community_id=COMMUNITY))
    reachable = {row[0]: row for row in rows if MAIL.fullmatch(row[1] or "") or PHONE.fullmatch(row[2] or "")}
    assert len({row[0] for row in rows}) < len(rows), "this community has nobody twice: it shows nothing"

    audience = await client.audience("communities", COMMUNITY, order=segments_wire.AudienceOrder.Value(order))

    ledger = audience.summary.ledger
    parts = (ledger.delivered, ledger.null_keys, ledger.no_contact, ledger.invalid_contact, ledger.duplicates)
    assert ledger.rows_read == len(rows) == sum(part.rows for part in parts)
    assert ledger.delivered.people == audience.table.num_rows == len(reachable)
    delivered = {str(row[0]): row for row in audience.tuples()}
    assert delivered.keys() == reachable.keys()
    for key, (_, mail, phone, *names) in delivered.items():
        assert names == reachable[key][3:]
        assert mail == (reachable[key][1] if MAIL.fullmatch(reachable[key][1] or "") else None)
        assert phone == (reachable[key][2] if PHONE.fullmatch(reachable[key][2] or "") else None)
    (mapped,) = audience.header.variable_sources
    assert (mapped.name, mapped.column) == ("community_id", "id")
    assert mapped.warning


@pytest.mark.parametrize(
    ("source", "for_psql"),
    [("first_of_each_plan", WINDOW_FOR_PSQL), ("with_preferences", JSON), ("active_lately", DATES)],
)
async def test_the_other_examples_are_audiences_as_they_stand(
    platform: Any, client: Any, source: str, for_psql: str
) -> None:
    rows = platform.copied(for_psql)
    reachable = {row[0] for row in rows if MAIL.fullmatch(row[1] or "")}

    audience = await client.audience(source)

    people = {str(row[0]) for row in audience.tuples()}
    assert people == reachable if source != "active_lately" else people <= reachable and people
    assert audience.summary.ledger.delivered.people == len(people)


async def test_a_count_is_the_ledger_and_an_estimate_is_positive(platform: Any, client: Any) -> None:
    target = platform.audience_request("communities", COMMUNITY).target
    audience = await client.audience("communities", COMMUNITY)

    exact = await client.segments.CountAudience(segments_wire.CountAudienceRequest(target=target), timeout=30)
    estimate = await client.segments.CountAudience(
        segments_wire.CountAudienceRequest(target=target, mode=segments_wire.COUNT_MODE_ESTIMATE), timeout=30
    )

    assert exact.ledger == audience.summary.ledger
    assert (exact.people, exact.rows) == (audience.table.num_rows, audience.summary.ledger.rows_read)
    assert estimate.rows > 0


async def test_a_preview_holds_a_hundred_people_of_the_audience(platform: Any, client: Any) -> None:
    request = segments_wire.PreviewAudienceRequest(target=platform.audience_request("communities", COMMUNITY).target)

    preview = await client.segments.PreviewAudience(request, timeout=30)

    everybody = {row[0] for row in (await client.audience("communities", COMMUNITY)).tuples()}
    assert preview.people.row_count == 100
    assert preview.truncated
    assert set(preview.people.columns[0].integers) < everybody


async def test_personalization_is_the_preload_query_for_each_person_alone_and_in_a_batch(
    platform: Any, client: Any
) -> None:
    source = "workspaces/demo/dataSources/communities"
    expected = {one: platform.copied(with_literals(PRELOAD, profile_id=one)) for one in PROFILES}
    assert [] in expected.values(), "nobody without a profile: NO_ROW is not shown"

    for one in PROFILES:
        request = segments_wire.GetPersonalizationRequest(data_source=source, profile_id=one)
        alone = await client.segments.GetPersonalization(request, timeout=30)
        has_row = alone.outcome == segments_wire.PERSONALIZATION_OUTCOME_ROW
        assert has_row == bool(expected[one])
        if has_row:
            assert alone.row.values[0].text == expected[one][0][0]
            assert alone.row.values[2].text == expected[one][0][2]

    request = segments_wire.BatchGetPersonalizationRequest(
        data_source=source, profile_ids=PROFILES, encoding=segments_wire.ENCODING_ARROW
    )
    header, *batches, summary = [
        message async for message in client.segments.BatchGetPersonalization(request, timeout=30)
    ]
    parts = [header.header.arrow_schema, *(message.batch.arrow_record_batch for message in batches)]
    table = pa.ipc.open_stream(pa.BufferReader(b"".join(parts))).read_all()
    indexes = [index for message in batches for index in message.batch.profile_indexes]
    found = dict(zip(indexes, zip(*(column.to_pylist() for column in table.columns), strict=True), strict=True))
    for index, one in enumerate(PROFILES):
        assert [found[index]] if index in found else typed(table.schema, expected[one]) == []
    assert len(summary.summary.outcomes) == len(PROFILES)


async def test_a_condition_is_decided_as_its_query_says(platform: Any, client: Any) -> None:
    for one in PROFILES:
        expected = platform.copied(with_literals(CONDITION, profile_id=one))
        request = conditions_wire.EvaluateConditionRequest(
            condition="workspaces/demo/conditions/is_premium", profile_id=one
        )

        raw = (await client.conditions.EvaluateCondition(request, timeout=30)).evaluation.raw

        outcome = {"t": "TRUE", "f": "FALSE"}[str(expected[0][0])] if expected else "NO_ROW"
        assert conditions_wire.RawOutcome.Name(raw) == f"RAW_OUTCOME_{outcome}"
