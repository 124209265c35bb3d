"""A data source that a newer version saved: to whoever streams it, it is there, and this version cannot read it."""

import pytest
from directflow_runtime.definitions.cache import DefinitionCache
from directflow_runtime.definitions.document import Document, SnapshotEnd
from directflow_runtime.errors import DirectFlowError, StatusCode
from directflow_segments.data_sources import DataSource, found
from directflow_segments.definitions import wire
from structlog.testing import CapturingLogger

NAME = "workspaces/acme/dataSources/members"


@pytest.fixture
def cache() -> DefinitionCache[DataSource]:
    cache = DefinitionCache(wire.read, CapturingLogger())  # type: ignore[arg-type]
    cache.accept(Document(NAME, b"\xff\xff", wire.CONTENT_TYPE, revision=1))
    cache.accept(SnapshotEnd(1))
    return cache


def test_it_is_told_apart_from_one_that_is_not_there(cache: DefinitionCache[DataSource]) -> None:
    with pytest.raises(DirectFlowError, match="saved by a newer version") as refusal:
        found(cache, NAME)
    assert (refusal.value.code, refusal.value.reason) == (StatusCode.FAILED_PRECONDITION, "DEFINITION_BROKEN")
    with pytest.raises(DirectFlowError) as refusal:
        found(cache, NAME + "x")
    assert (refusal.value.code, refusal.value.reason) == (StatusCode.NOT_FOUND, "DATA_SOURCE_NOT_FOUND")


def test_deleted_it_is_not_there(cache: DefinitionCache[DataSource]) -> None:
    cache.accept(Document(NAME, revision=2, deleted=True))
    with pytest.raises(DirectFlowError) as refusal:
        found(cache, NAME)
    assert refusal.value.reason == "DATA_SOURCE_NOT_FOUND"
