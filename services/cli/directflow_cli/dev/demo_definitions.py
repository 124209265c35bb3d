"""The documented product as definition files, with the address of this run's customer database."""

import shutil
from pathlib import Path
from typing import Final

from directflow_cli.dev.customer import CustomerDatabase
from directflow_cli.dev.settings_files import CONNECTION

FILES: Final = (
    Path(__file__).parent / "definitions"
)  # a link to examples/definitions; the wheel holds the files themselves
CONNECTION_FILE: Final = Path("connections") / "customer.yaml"


def write(directory: Path, customer: CustomerDatabase) -> Path:
    """A directory for `directflow apply`, below `directory`."""
    written = directory / "definitions"
    shutil.copytree(FILES, written)
    (written / CONNECTION_FILE).write_text(connection_text(customer))
    return written


def connection_text(customer: CustomerDatabase) -> str:
    """The connection to a server on this machine, which has no certificate."""
    return f"""\
# The demo customer's PostgreSQL. The password is in the run's Vault: nothing here is secret.
kind: Connection
id: {CONNECTION}
spec:
  host: {customer.host}
  port: {customer.port}
  database: {customer.database}
  user: {customer.user}
  tls:
    mode: DISABLE
  credential_kind: VAULT_KV
"""
