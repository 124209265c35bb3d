"""`[definitions]`: whose they are, and how many there may be.

[definitions]
documents_per_collection = 10000
owners = { dataSources = "segments", conditions = "conditions" }
"""

from collections.abc import Mapping

from directflow_runtime.settings import SettingsModel
from pydantic import Field, field_validator

from directflow_gateway.definitions.names import COLLECTION, CONNECTIONS

OWNERS = {"dataSources": "segments", "conditions": "conditions"}


class DefinitionSettings(SettingsModel):
    """What the document store is told."""

    owners: Mapping[str, str] = Field(default=OWNERS)
    """The one identity that may use a collection through DefinitionService, by the collection's last part."""
    documents_per_collection: int = Field(default=10_000, gt=0)
    """Most documents of one collection in one workspace, deleted ones not counted."""
    superseded_grace_s: float = Field(default=60.0, ge=0)
    """How long statements of a revision run on after a newer one: replicas that have not heard of it go on so long."""

    @field_validator("owners")
    @classmethod
    def _are_collections(cls, owners: Mapping[str, str]) -> Mapping[str, str]:
        for collection in owners:
            if not COLLECTION.fullmatch(collection) or collection == CONNECTIONS:
                raise ValueError("a collection's name is letters only, and connections belong to the gateway itself")
        return owners
