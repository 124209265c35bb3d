"""The documented definitions, for the pod of the client."""

import json
from pathlib import Path
from typing import Any

import yaml

from .databases import CUSTOMER, ROLE, Postgres

EXAMPLES = Path(__file__).parents[2] / "examples" / "definitions"
TAKEN = ("data-sources/communities.yaml", "conditions/is_premium.yaml")


def files(postgres: Postgres) -> dict[str, str]:
    """By file name: the connection to `postgres`, and two examples as they are written."""
    connection: dict[str, Any] = yaml.safe_load((EXAMPLES / "connections" / "customer.yaml").read_text())
    assert connection["spec"]["user"] == ROLE
    connection["spec"] |= {"host": postgres.host, "database": CUSTOMER, "tls": {"ca_pem": postgres.authority}}
    examples = {Path(name).name: (EXAMPLES / name).read_text() for name in TAKEN}
    return {"customer.yaml": json.dumps(connection), **examples}
