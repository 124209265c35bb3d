"""A look at the role of a database of the user's own, before the journey: can it do more than it should?"""

import asyncio

from directflow_runtime.errors import DirectFlowError
from directflow_runtime.settings import ChannelSettings, TelemetrySettings

from directflow_cli.commands.check.request import Frame
from directflow_cli.commands.check.role import is_superuser
from directflow_cli.commands.endpoints import Target
from directflow_cli.commands.exit_codes import ExitCode
from directflow_cli.commands.failures import lines_of
from directflow_cli.commands.session import Session, conversation
from directflow_cli.dev.settings_files import CONNECTION, WORKSPACE

ANSWER_SECONDS = 10.0
SUPERUSER = (
    "Warning: this role is a superuser. It is accepted here, because the database is yours and every transaction is "
    "read-only. Anywhere else give DirectFlow the read-only role of examples/demo/role.sql."
)


def remarks(gateway: str) -> list[str]:
    """What its owner should know: an error when the database cannot be used, a warning about a superuser."""
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
        told.extend(lines_of(error))
    return told
