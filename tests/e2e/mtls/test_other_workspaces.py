"""Workspaces that are named further in than in a request's own name."""

import grpc
import pytest
from directflow.conditions.v1 import condition_service_pb2 as conditions_pb
from directflow.conditions.v1 import condition_service_pb2_grpc as conditions_stubs
from directflow.conditions.v1 import engagement_service_pb2 as engagement_pb
from directflow.conditions.v1 import engagement_service_pb2_grpc as engagement_stubs
from directflow.conditions.v1 import evaluation_service_pb2 as evaluation_pb
from directflow.conditions.v1 import evaluation_service_pb2_grpc as evaluation_stubs
from directflow.engagement.v1 import engagement_pb2
from directflow.gateway.v1 import definition_service_pb2 as documents_pb
from directflow.gateway.v1 import definition_service_pb2_grpc as documents_stubs
from directflow.gateway.v1 import query_service_pb2 as query_pb
from directflow.gateway.v1 import query_service_pb2_grpc as query_stubs
from directflow.segments.v1 import data_source_service_pb2 as data_sources_pb
from directflow.segments.v1 import data_source_service_pb2_grpc as data_sources_stubs

from .cluster import Cluster
from .failures import CALL_S, failure

CUSTOMER = "workspaces/demo/connections/customer"


async def test_the_second_statement_of_a_comparison_is_looked_at_too(cluster: Cluster) -> None:
    first = query_pb.Statement(
        connection=CUSTOMER, template="SELECT id AS profile_id, email FROM people",
        role=query_pb.STATEMENT_ROLE_GENERATOR,
    )  # fmt: skip
    second = query_pb.Statement(
        connection="workspaces/other/connections/customer", template="SELECT 1 AS profile_id",
        role=query_pb.STATEMENT_ROLE_GENERATOR,
    )  # fmt: skip
    request = query_pb.StreamDifferenceRequest(first=first, second=second, key_column="profile_id")
    async with cluster.channel("gateway", "segments-of-demo") as channel:
        failed = await failure(query_stubs.QueryServiceStub(channel).StreamDifference(request, timeout=CALL_S))
    assert failed.reason == "IDENTITY_NOT_ALLOWED"


async def test_one_condition_of_many_is_enough_to_be_refused(cluster: Cluster) -> None:
    names = ["workspaces/demo/conditions/adult", "workspaces/other/conditions/adult"]
    request = evaluation_pb.EvaluateConditionsRequest(conditions=names, profile_id="7")
    async with cluster.channel("conditions", "platform") as channel:
        failed = await failure(
            evaluation_stubs.EvaluationServiceStub(channel).EvaluateConditions(request, timeout=CALL_S)
        )
    assert failed.reason == "IDENTITY_NOT_ALLOWED"


async def test_a_stream_of_events_does_not_move_to_another_workspace(cluster: Cluster) -> None:
    event = engagement_pb2.Event(event_id="1", profile_id="7", type=engagement_pb2.EVENT_TYPE_OPENED)
    messages = [
        engagement_pb.StreamEngagementRequest(parent=parent, events=[event])
        for parent in ("workspaces/demo", "workspaces/other")
    ]
    async with cluster.channel("conditions", "platform") as channel:
        call = engagement_stubs.EngagementServiceStub(channel).StreamEngagement(iter(messages), timeout=CALL_S)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in call:
                pass
    assert caught.value.code().name == "INVALID_ARGUMENT"


async def test_a_definition_names_no_connection_of_another_workspace(cluster: Cluster) -> None:
    """The gateway trusts segments and conditions with all workspaces: they must not be talked into one."""
    foreign = "workspaces/other/connections/customer"
    source = data_sources_pb.DataSource(
        connection=foreign, discovery_sql="SELECT 1 AS id", generator_sql="SELECT 1 AS profile_id"
    )
    condition = conditions_pb.Condition(sql=conditions_pb.SqlCondition(connection=foreign, sql="SELECT true AS result"))
    async with cluster.channel("segments", "developer") as channel:
        request = data_sources_pb.CreateDataSourceRequest(
            parent="workspaces/demo", data_source_id="foreign", data_source=source
        )
        stub = data_sources_stubs.DataSourceServiceStub(channel)
        refused = [await failure(stub.CreateDataSource(request, timeout=CALL_S))]
    async with cluster.channel("conditions", "developer") as channel:
        create = conditions_pb.CreateConditionRequest(
            parent="workspaces/demo", condition_id="foreign", condition=condition
        )
        refused += [
            await failure(conditions_stubs.ConditionServiceStub(channel).CreateCondition(create, timeout=CALL_S))
        ]
    assert ["OTHER_WORKSPACE" in {one.reason for one in failed.violations} for failed in refused] == [True, True]


async def test_a_page_token_of_somebody_else_shows_nothing_of_another_workspace(cluster: Cluster) -> None:
    """`segments` may use every workspace, and goes through all of them a document at a time."""
    request = documents_pb.ListDocumentsRequest(parent="workspaces/-/dataSources", page_size=1)
    async with cluster.channel("gateway", "segments") as wide, cluster.channel("gateway", "segments-of-demo") as narrow:
        stub = documents_stubs.DefinitionServiceStub(wide)
        for workspace in ("aaa", "other"):
            document = documents_pb.Document(
                name=f"workspaces/{workspace}/dataSources/one", body=b"{}", content_type="x"
            )
            await stub.PutDocument(documents_pb.PutDocumentRequest(document=document), timeout=CALL_S)
        page = await stub.ListDocuments(request, timeout=CALL_S)
        assert [one.name for one in page.documents] == ["workspaces/aaa/dataSources/one"]
        rest = documents_pb.ListDocumentsRequest(parent=request.parent, page_size=100, page_token=page.next_page_token)
        seen = await documents_stubs.DefinitionServiceStub(narrow).ListDocuments(rest, timeout=CALL_S)
    assert {one.name.split("/")[1] for one in seen.documents} == {"demo"}
