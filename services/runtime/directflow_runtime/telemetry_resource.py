"""Who sends these spans: the service, its version, and the pod and node that it runs on."""

import os
import uuid
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from directflow_runtime import telemetry_names as names

PRODUCT: Final = "directflow"

FROM_ENVIRONMENT: Final = {names.POD_NAME: "POD_NAME", names.NODE_NAME: "NODE_NAME"}
"""Attributes and the variables that a pod's manifest fills by Kubernetes' downward API."""


class OneResource(Resource):
    """A resource of which a process has one. The SDK's encoder asks each span's resource for its hash, and theirs
    writes all attributes as JSON each time, which is a fifth of the export."""

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


def resource_of(service: str, environ: Mapping[str, str] | None = None) -> Resource:
    """The resource of this process; OTEL_RESOURCE_ATTRIBUTES may add to it, and does not replace what is ours.

    The instance is a new id for each start, so that a container that restarts within its pod is another one.
    """
    variables = os.environ if environ is None else environ
    known: dict[str, str] = {names.SERVICE_NAME: service, names.SERVICE_INSTANCE_ID: str(uuid.uuid4())}
    known |= {name: variables[key] for name, key in FROM_ENVIRONMENT.items() if variables.get(key)}
    if running := _version():
        known[names.SERVICE_VERSION] = running
    # Not Resource.create: it looks through the entry points of every installed package.
    merged = OTELResourceDetector().detect().merge(Resource(known))
    return OneResource(merged.attributes, merged.schema_url)


def _version() -> str:
    try:
        return version(PRODUCT)
    except PackageNotFoundError:  # run from a checkout
        return ""
