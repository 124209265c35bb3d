"""The kinds of definition: where each is kept, and what its messages are called."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from directflow.conditions.v1 import condition_service_pb2 as conditions_wire
from directflow.conditions.v1 import condition_service_pb2_grpc as conditions_stubs
from directflow.gateway.v1 import connection_service_pb2 as connections_wire
from directflow.gateway.v1 import connection_service_pb2_grpc as connections_stubs
from directflow.segments.v1 import data_source_service_pb2 as data_sources_wire
from directflow.segments.v1 import data_source_service_pb2_grpc as data_sources_stubs
from google.protobuf.message import Message

from directflow_cli.commands.endpoints import Service


@dataclass(frozen=True, slots=True)
class Kind:
    """One collection of resources."""

    name: str
    """As a file says it: "DataSource"."""
    title: str
    """For sentences: "data source"."""
    collection: str
    """The part of a resource name before the id."""
    service: Service
    field: str
    """The resource's field in requests: "data_source"."""
    wire: Any
    """The module of its messages."""
    stub: Callable[[Any], Any]

    @property
    def message(self) -> type[Message]:
        """The resource."""
        found: type[Message] = getattr(self.wire, self.name)
        return found

    def request(self, verb: str, noun: str = "") -> Any:
        """The request message of a method: `request("Get")`, `request("List", "s")`."""
        return getattr(self.wire, f"{verb}{self.name}{noun}Request")

    def full_name(self, workspace: str, resource_id: str) -> str:
        """The resource name."""
        return f"workspaces/{workspace}/{self.collection}/{resource_id}"


CONNECTION: Final = Kind(
    "Connection", "connection", "connections", "gateway", "connection", connections_wire,
    connections_stubs.ConnectionServiceStub,
)  # fmt: skip
DATA_SOURCE: Final = Kind(
    "DataSource", "data source", "dataSources", "segments", "data_source", data_sources_wire,
    data_sources_stubs.DataSourceServiceStub,
)  # fmt: skip
CONDITION: Final = Kind(
    "Condition", "condition", "conditions", "conditions", "condition", conditions_wire,
    conditions_stubs.ConditionServiceStub,
)  # fmt: skip
KINDS: Final = (CONNECTION, DATA_SOURCE, CONDITION)
"""In the order in which they are written: what is used before what uses it."""

BY_NAME: Final[Mapping[str, Kind]] = MappingProxyType({kind.name: kind for kind in KINDS})
BY_COLLECTION: Final[Mapping[str, Kind]] = MappingProxyType({kind.collection: kind for kind in KINDS})


def kind_of(name: str) -> Kind:
    """The kind of a resource by its full name."""
    return BY_COLLECTION[name.split("/")[2]]


def kind_from(text: str) -> Kind | None:
    """The kind that a person means: `DataSource`, `data-source`, `dataSources`, `data_sources`; None for none."""
    plain = text.lower().replace("-", "").replace("_", "").removesuffix("s")
    return next((kind for kind in KINDS if kind.name.lower() == plain), None)
