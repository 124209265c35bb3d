"""Every call that the tests make, on plain gRPC channels."""

import asyncio
from typing import Any

import grpc
from directflow.conditions.v1 import condition_service_pb2 as conditions_pb
from directflow.conditions.v1 import evaluation_service_pb2 as evaluation_pb
from directflow.conditions.v1 import evaluation_service_pb2_grpc as evaluation_stubs
from directflow.gateway.v1 import definition_service_pb2 as documents_pb
from directflow.gateway.v1 import definition_service_pb2_grpc as documents_stubs
from directflow.segments.v1 import audience_service_pb2 as audience_pb
from directflow.segments.v1 import audience_service_pb2_grpc as audience_stubs
from directflow_cli.definitions.kinds import Kind

from .customers import adult, people
from .system import System
from .waiting import CALL_S, eventually

RECONNECTING = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
]


class Clients:
    """Plain gRPC clients of every process, as any caller has them. `async with Clients(system) as clients:`."""

    make_people = staticmethod(people)
    make_adult = staticmethod(adult)

    def __init__(self, at: System) -> None:
        self.at = at
        self.channels: dict[str, grpc.aio.Channel] = {}

    async def __aenter__(self) -> "Clients":
        self.channels = {
            name: grpc.aio.insecure_channel(one.address, RECONNECTING) for name, one in self.at.processes.items()
        }
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(channel.close() for channel in self.channels.values()))

    # --- definitions --------------------------------------------------------------------------------------------------

    def stub(self, kind: Kind, replica: int = 1) -> Any:
        return kind.stub(self.channels[f"{kind.service}-{replica}"])

    async def create(
        self, kind: Kind, id: str, resource: Any, workspace: str = "a", replica: int = 1, **more: Any
    ) -> Any:
        fields = {f"{kind.field}_id": id, kind.field: resource, **more}
        request = kind.request("Create")(parent=f"workspaces/{workspace}", **fields)
        return await getattr(self.stub(kind, replica), f"Create{kind.name}")(request, timeout=CALL_S)

    async def update(self, kind: Kind, resource: Any, replica: int = 1, timeout: float = CALL_S, **more: Any) -> Any:
        request = kind.request("Update")(**{kind.field: resource}, **more)
        return await getattr(self.stub(kind, replica), f"Update{kind.name}")(request, timeout=timeout)

    async def get(self, kind: Kind, id: str, workspace: str = "a", replica: int = 1) -> Any:
        request = kind.request("Get")(name=kind.full_name(workspace, id))
        return await getattr(self.stub(kind, replica), f"Get{kind.name}")(request, timeout=CALL_S)

    async def ids(self, kind: Kind, workspace: str = "a", replica: int = 1) -> set[str]:
        request = kind.request("List", "s")(parent=f"workspaces/{workspace}", page_size=1000)
        page = await getattr(self.stub(kind, replica), f"List{kind.name}s")(request, timeout=CALL_S)
        return {one.name.rpartition("/")[2] for one in getattr(page, f"{kind.field}s")}

    async def revisions(self, kind: Kind, id: str, workspace: str = "a", replica: int = 1) -> list[Any]:
        """All of them, newest first."""
        name, found, token = kind.full_name(workspace, id), [], ""
        while True:
            request = kind.request("List", "Revisions")(name=name, page_size=50, page_token=token)
            page = await getattr(self.stub(kind, replica), f"List{kind.name}Revisions")(request, timeout=CALL_S)
            found += page.revisions
            if not (token := page.next_page_token):
                return found

    async def delete(self, kind: Kind, id: str, workspace: str = "a", replica: int = 1) -> None:
        request = kind.request("Delete")(name=kind.full_name(workspace, id))
        await getattr(self.stub(kind, replica), f"Delete{kind.name}")(request, timeout=CALL_S)

    async def everywhere(self, kind: Kind, id: str, workspace: str = "a", revision: int = 0) -> None:
        """Waits until both replicas know it; replica 2 refuses workspace b, and is asked nothing there."""
        for replica in (1, 2) if workspace == "a" else (1,):

            async def known(replica: int = replica) -> bool:
                return bool((await self.get(kind, id, workspace, replica)).revision >= revision)

            await eventually(known, CALL_S)

    def documents(self, replica: int = 1) -> Any:
        return documents_stubs.DefinitionServiceStub(self.channels[f"gateway-{replica}"])

    async def put(self, document: documents_pb.Document, replica: int = 1) -> documents_pb.Document:
        """Straight into the store: nobody's cache but through a watch."""
        return await self.documents(replica).PutDocument(
            documents_pb.PutDocumentRequest(document=document), timeout=CALL_S
        )

    # --- what runs on definitions -------------------------------------------------------------------------------------

    async def audience(self, workspace: str = "a", source: str = "people", replica: int = 1) -> dict[str, str]:
        """E-mail by profile id; the ledger must agree."""
        target = audience_pb.Target(data_source=f"workspaces/{workspace}/dataSources/{source}")
        request = audience_pb.StreamAudienceRequest(target=target)
        stub: Any = audience_stubs.AudienceServiceStub(self.channels[f"segments-{replica}"])
        found: dict[str, str] = {}
        summary = None
        async for message in stub.StreamAudience(request, timeout=CALL_S):
            columns = message.batch.columns.columns
            if columns:
                found |= dict(zip(map(str, columns[0].integers), columns[1].texts, strict=True))
            if message.HasField("summary"):
                summary = message.summary
        assert summary is not None
        assert summary.ledger.delivered.people == len(found)
        return found

    async def evaluate(self, profile: str, workspace: str = "a", condition: str = "adult", replica: int = 1) -> str:
        request = evaluation_pb.EvaluateConditionRequest(
            condition=f"workspaces/{workspace}/conditions/{condition}", profile_id=profile
        )
        answer = await self.evaluation(replica).EvaluateCondition(request, timeout=CALL_S)
        return conditions_pb.Decision.Name(answer.evaluation.decided).removeprefix("DECISION_")

    async def batch(
        self, profiles: list[str], workspace: str = "a", condition: str = "adult", replica: int = 1
    ) -> list[int]:
        request = evaluation_pb.BatchEvaluateConditionsRequest(
            condition=f"workspaces/{workspace}/conditions/{condition}",
            profiles=evaluation_pb.ProfileColumns(profile_ids=profiles),
        )
        answer = await self.evaluation(replica).BatchEvaluateConditions(request, timeout=CALL_S)
        return list(answer.evaluations.decided)

    def evaluation(self, replica: int = 1) -> Any:
        return evaluation_stubs.EvaluationServiceStub(self.channels[f"conditions-{replica}"])
