"""A look at the role of a database of the user's own, before the journey: can it do more than it should?"""

import asyncio
import subprocess

from directflow_runtime.errors import DirectFlowError
from directflow_runtime.settings import ChannelSettings, TelemetrySettings

from directflow_cli.commands.check.request import Frame
from directflow_cli.commands.check.role import is_superuser
from directflow_cli.commands.endpoints import Target
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.failures import lines_of
from directflow_cli.commands.session import Session, conversation
from directflow_cli.dev.customer import CustomerDatabase
from directflow_cli.dev.postgres_binaries import embedded, system
from directflow_cli.dev.psql import Psql, PsqlFailed, Role
from directflow_cli.dev.settings_files import CONNECTION, WORKSPACE

ANSWER_SECONDS = 10.0
SUPERUSER = (
    "Warning: this role is a superuser. It is accepted here, because the database is yours and every transaction is "
    "read-only. Anywhere else give DirectFlow the read-only role of examples/demo/role.sql."
)


def remarks(gateway: str, database: CustomerDatabase) -> list[str]:
    """What its owner should know: why the database cannot be used, or a warning about a superuser."""
    told: list[str] = []

    async def look(session: Session) -> ExitCode:
        frame = Frame(f"workspaces/{WORKSPACE}/connections/{CONNECTION}", ANSWER_SECONDS, max_rows=1, max_bytes=1000)
        if await is_superuser(session.channel, frame, ANSWER_SECONDS):
            told.append(SUPERUSER)
        return ExitCode.OK

    target = Target(ChannelSettings(target=gateway), TelemetrySettings(), WORKSPACE)
    try:
        asyncio.run(conversation(target, "directflow dev: role", look))
    except DirectFlowError as error:
        told.extend([*lines_of(error), *_in_postgresqls_words(database)])
    return told


def _in_postgresqls_words(database: CustomerDatabase) -> list[str]:
    """What psql says of the same connection: the gateway tells nobody, but here it is the user's own typing error."""
    # The wheel's psql speaks no TLS, and none is told the authority: both would complain of something else.
    known = [found for found in (*system(), *embedded()) if database.sslmode == "disable" or not found.embedded]
    if not known or database.ca_pem:
        return []
    login = Role(database.user, database.password)
    psql = Psql(known[0].program("psql"), database.host, database.port, login, database.sslmode)
    try:
        psql.run("SELECT 1", database=database.database, timeout=ANSWER_SECONDS)
    except PsqlFailed as failed:
        return [f"  psql says: {failed.stderr.strip()}"]
    except subprocess.TimeoutExpired:
        return [f"  psql has no answer either after {ANSWER_SECONDS:.0f} s"]
    return []
