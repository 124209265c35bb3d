"""`[definitions]`: whose they are, and how many there may be.

[definitions]
documents_per_collection = 10000
owners = { dataSources = "segments", conditions = "conditions" }
readers = { dataSources = ["segments-streaming"] }
"""

from collections.abc import Mapping
from typing import Any

from directflow_runtime.settings import SettingsModel
from pydantic import Field, field_validator

from directflow_gateway.definitions.names import COLLECTION, CONNECTIONS

OWNERS = {"dataSources": "segments", "conditions": "conditions"}


class DefinitionSettings(SettingsModel):
    """What the document store is told."""

    owners: Mapping[str, str] = Field(default=OWNERS)
    """The one identity that may save in a collection through DefinitionService, by the collection's last part."""
    readers: Mapping[str, tuple[str, ...]] = Field(default={})
    """Further identities that may read and follow a collection. Who only reads can make no new statement run: a
    deployment that streams audiences need not be the one in which definitions are edited."""
    documents_per_collection: int = Field(default=10_000, gt=0)
    """Most documents of one collection in one workspace, deleted ones not counted."""
    superseded_grace_s: float = Field(default=60.0, ge=0)
    """How long statements of a revision run on after a newer one: replicas that have not heard of it go on so long."""

    @field_validator("owners", "readers")
    @classmethod
    def _are_collections(cls, by_collection: Mapping[str, Any]) -> Mapping[str, Any]:
        for collection in by_collection:
            if not COLLECTION.fullmatch(collection) or collection == CONNECTIONS:
                raise ValueError("a collection's name is letters only, and connections belong to the gateway itself")
        return by_collection
