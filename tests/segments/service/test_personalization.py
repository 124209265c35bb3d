"""What a data source says about one person, or about many in the request's order; no data is an outcome too."""

from typing import Any

import pyarrow as pa
import pytest
from directflow.segments.v1 import audience_service_pb2 as pb
from directflow_segments.data_sources import Role
from directflow_segments.queries import Outcome, PersonError

from .calls import SECONDS, SOURCE, read, refused


async def personalization(audience: Any) -> Any:
    request = pb.GetPersonalizationRequest(data_source=SOURCE, profile_id="u1")
    return await audience.GetPersonalization(request, timeout=SECONDS)


async def test_one_persons_data_comes_back(audience: Any, scripts: Any, scripted_server: Any) -> None:
    scripts[Role.PRELOAD].outcomes = (Outcome.ROW,)
    response = await personalization(audience)
    assert response.outcome == pb.PERSONALIZATION_OUTCOME_ROW
    assert [column.name for column in response.row.schema.columns] == ["plan_name"]
    assert [value.text for value in response.row.values] == ["gold"]
    assert [(source.name, source.rule) for source in response.variable_sources] == [("profile_id", "profile")]
    assert list(scripted_server[0].received[-1].tuples.columns[0].texts) == ["u1"]


async def test_no_data_is_an_outcome_with_the_schema(audience: Any, scripts: Any) -> None:
    scripts[Role.PRELOAD].outcomes, scripts[Role.PRELOAD].rows = (Outcome.NO_ROW,), []
    response = await personalization(audience)
    assert response.outcome == pb.PERSONALIZATION_OUTCOME_NO_ROW
    assert (len(response.row.schema.columns), len(response.row.values)) == (1, 0)
    assert not response.HasField("error")


async def test_one_persons_data_error_is_an_outcome_that_says_why(audience: Any, scripts: Any) -> None:
    scripts[Role.PRELOAD].outcomes, scripts[Role.PRELOAD].rows = (Outcome.ERROR,), []
    scripts[Role.PRELOAD].errors = (PersonError(0, "DATA_ERROR", "division by zero"),)
    response = await personalization(audience)
    assert response.outcome == pb.PERSONALIZATION_OUTCOME_ERROR
    assert (response.error.reason, response.error.message) == ("DATA_ERROR", "division by zero")


@pytest.mark.parametrize("encoding", [pb.ENCODING_COLUMNS, pb.ENCODING_ARROW])
async def test_many_peoples_data_in_the_requests_order(encoding: int, audience: Any, scripts: Any) -> None:
    made = scripts[Role.PRELOAD]
    made.rows = [{"plan_name": "gold"}, {"plan_name": "lead"}]
    made.outcomes = (Outcome.ROW, Outcome.NO_ROW, Outcome.MULTIPLE_ROWS, Outcome.ERROR)
    made.errors = (PersonError(3, "DATA_ERROR", "division by zero"),)
    request = pb.BatchGetPersonalizationRequest(data_source=SOURCE, profile_ids=list("abcd"), encoding=encoding)  # type: ignore[arg-type]
    header, batch, summary = await read(audience.BatchGetPersonalization(request, timeout=SECONDS))
    assert [column.name for column in header.header.schema.columns] == ["plan_name"]
    assert list(batch.batch.profile_indexes) == [0, 2]
    if encoding == pb.ENCODING_ARROW:
        whole = header.header.arrow_schema + batch.batch.arrow_record_batch
        assert pa.ipc.open_stream(whole).read_all().to_pylist() == made.rows
    else:
        assert list(batch.batch.columns.columns[0].texts) == ["gold", "lead"]
    assert list(summary.summary.outcomes) == [1, 2, 3, 4]
    assert [(e.index, e.reason) for e in summary.summary.errors] == [(3, "DATA_ERROR")]
    assert summary.summary.multiple_rows_count == 1


async def test_a_batch_has_at_most_ten_thousand_people(audience: Any) -> None:
    request = pb.BatchGetPersonalizationRequest(data_source=SOURCE, profile_ids=["x"] * 10_001)
    error = await refused(audience.BatchGetPersonalization(request, timeout=SECONDS))
    assert [violation.field for violation in error.violations] == ["profile_ids"]
