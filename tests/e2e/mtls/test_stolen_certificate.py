"""Who took a certificate of segments gets no further than segments."""

from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import condition_service_pb2 as conditions_pb
from directflow.conditions.v1 import condition_service_pb2_grpc as conditions_stubs
from directflow.engagement.v1 import engagement_pb2
from directflow.gateway.v1 import connection_service_pb2 as connections_pb
from directflow.gateway.v1 import connection_service_pb2_grpc as connections_stubs
from directflow.gateway.v1 import definition_service_pb2 as documents_pb
from directflow.gateway.v1 import definition_service_pb2_grpc as documents_stubs
from directflow.gateway.v1 import engagement_store_service_pb2 as store_pb
from directflow.gateway.v1 import engagement_store_service_pb2_grpc as store_stubs
from directflow.gateway.v1 import query_service_pb2 as query_pb
from directflow.gateway.v1 import query_service_pb2_grpc as query_stubs
from directflow.segments.v1 import data_source_service_pb2 as data_sources_pb
from directflow.segments.v1 import data_source_service_pb2_grpc as data_sources_stubs

from .cluster import Cluster
from .failures import CALL_S, failure

CUSTOMER = "workspaces/demo/connections/customer"


@pytest.fixture
async def stolen(cluster: Cluster) -> Any:
    async with cluster.channel("gateway", "segments") as channel:
        yield channel


async def test_it_opens_no_engagement(stolen: grpc.aio.Channel) -> None:
    event = engagement_pb2.Event(event_id="1", profile_id="7", type=engagement_pb2.EVENT_TYPE_OPENED)
    append = store_pb.AppendEventsRequest(parent="workspaces/demo", events=[event])
    listed = store_pb.ListEventsRequest(parent="workspaces/demo", profile_id="7")
    stub = store_stubs.EngagementStoreServiceStub(stolen)
    for call in (stub.AppendEvents(append, timeout=CALL_S), stub.ListEvents(listed, timeout=CALL_S)):
        assert (await failure(call)).reason == "IDENTITY_NOT_ALLOWED"


async def test_it_opens_no_collection_of_conditions(stolen: grpc.aio.Channel) -> None:
    stub, name = documents_stubs.DefinitionServiceStub(stolen), "workspaces/demo/conditions/adult"
    document = documents_pb.Document(name=name, body=b"x", content_type="x")
    for call in (
        stub.GetDocument(documents_pb.GetDocumentRequest(name=name), timeout=CALL_S),
        stub.PutDocument(documents_pb.PutDocumentRequest(document=document), timeout=CALL_S),
        stub.DeleteDocument(documents_pb.DeleteDocumentRequest(name=name), timeout=CALL_S),
        stub.WatchDocuments(documents_pb.WatchDocumentsRequest(collection="conditions"), timeout=CALL_S),
        stub.ListDocuments(documents_pb.ListDocumentsRequest(parent="workspaces/-/conditions"), timeout=CALL_S),
    ):
        assert (await failure(call)).reason == "IDENTITY_NOT_ALLOWED"


async def test_it_runs_no_text_that_nobody_saved(stolen: grpc.aio.Channel) -> None:
    statement = query_pb.Statement(
        connection=CUSTOMER, template="SELECT email FROM people", role=query_pb.STATEMENT_ROLE_GENERATOR
    )
    call = query_stubs.QueryServiceStub(stolen).StreamQuery(
        query_pb.StreamQueryRequest(statement=statement), timeout=CALL_S
    )
    assert (await failure(call)).reason == "STATEMENT_UNKNOWN"


async def test_it_shows_no_connection(stolen: grpc.aio.Channel) -> None:
    request = connections_pb.GetConnectionRequest(name=CUSTOMER)
    call = connections_stubs.ConnectionServiceStub(stolen).GetConnection(request, timeout=CALL_S)
    assert (await failure(call)).reason == "IDENTITY_NOT_ALLOWED"


async def test_it_is_nobody_at_the_services_in_front(cluster: Cluster) -> None:
    sources = data_sources_pb.ListDataSourcesRequest(parent="workspaces/demo")
    async with cluster.channel("segments", "segments") as channel:
        call = data_sources_stubs.DataSourceServiceStub(channel).ListDataSources(sources, timeout=CALL_S)
        assert (await failure(call)).reason == "IDENTITY_UNKNOWN"
    conditions = conditions_pb.ListConditionsRequest(parent="workspaces/demo")
    async with cluster.channel("conditions", "segments") as channel:
        call = conditions_stubs.ConditionServiceStub(channel).ListConditions(conditions, timeout=CALL_S)
        assert (await failure(call)).reason == "IDENTITY_UNKNOWN"
