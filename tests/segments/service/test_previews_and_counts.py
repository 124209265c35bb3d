"""How big an audience is and who its first people are, without streaming it."""

from typing import Any

from directflow.segments.v1 import audience_service_pb2 as pb

from .calls import SECONDS, TARGET


async def test_a_preview_shows_the_first_people_with_the_ledger(audience: Any, fake: Any) -> None:
    request = pb.PreviewAudienceRequest(target=TARGET, max_people=2)
    preview = await audience.PreviewAudience(request, timeout=SECONDS)
    assert list(preview.people.columns[0].integers) == [1, 4]
    assert preview.people.row_count == 2
    assert (preview.truncated, preview.estimated_rows, len(preview.variable_sources)) == (True, 7, 1)
    assert (preview.ledger.rows_read, preview.ledger.delivered.people) == (6, 2)


async def test_a_preview_is_limited_by_default_and_beyond_any_request(audience: Any, scripted_server: Any) -> None:
    await audience.PreviewAudience(pb.PreviewAudienceRequest(target=TARGET, max_bytes=10**9), timeout=SECONDS)
    limits = scripted_server[0].received[-1].statement.limits
    assert (limits.max_bytes, limits.statement_timeout.ToSeconds(), limits.truncate) == (2_000_000, 60, True)


async def test_an_exact_count_and_an_estimate(audience: Any) -> None:
    exact = await audience.CountAudience(pb.CountAudienceRequest(target=TARGET), timeout=SECONDS)
    assert (exact.people, exact.rows, exact.ledger.duplicates.rows) == (4, 8, 1)
    request = pb.CountAudienceRequest(target=TARGET, mode=pb.COUNT_MODE_ESTIMATE)
    estimate = await audience.CountAudience(request, timeout=SECONDS)
    assert (estimate.people, estimate.rows, estimate.HasField("ledger")) == (7, 7, False)
