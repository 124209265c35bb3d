"""The documented definitions, for the pod of the client."""

import json
from pathlib import Path
from typing import Any

import yaml

from .databases import CUSTOMER, ROLE, Postgres

EXAMPLES = Path(__file__).parents[2] / "examples" / "definitions"
TAKEN = ("data-sources/communities.yaml", "conditions/is_premium.yaml")
# So wide that minutes of reading do not fit into the buffers between four processes.
WIDE = {
    "kind": "DataSource",
    "id": "wide",
    "spec": {
        "display_name": "Everybody, for streams that take minutes",
        "connection": "customer",
        "generator_sql": "SELECT u.id AS profile_id, u.email, repeat('x', 400) AS padding FROM users u",
    },
}


def files(postgres: Postgres) -> dict[str, str]:
    """By file name: the connection to `postgres`, two examples as they are written, and the audience of the load."""
    connection: dict[str, Any] = yaml.safe_load((EXAMPLES / "connections" / "customer.yaml").read_text())
    assert connection["spec"]["user"] == ROLE
    connection["spec"] |= {"host": postgres.host, "database": CUSTOMER, "tls": {"ca_pem": postgres.authority}}
    examples = {Path(name).name: (EXAMPLES / name).read_text() for name in TAKEN}
    return {"customer.yaml": json.dumps(connection), "wide.yaml": json.dumps(WIDE), **examples}
