"""What `directflow dev` was asked for."""

from dataclasses import dataclass, field
from pathlib import Path

from directflow_cli.dev.demo_database import USERS


@dataclass(frozen=True, slots=True)
class DevOptions:
    """One run's options, checked by the command line."""

    once: bool = False
    """True: the journey, then the end, with an exit code."""
    tour: bool = True
    """False: what has to be saved is saved, and nothing is shown of it."""
    users: int = USERS
    """How many people the demo database holds."""
    database_url: str = field(default="", repr=False)
    """A database of the user's own; nothing is written to it. Empty: the demo."""
    postgres_bin: Path | None = None
    """Where the programs of another PostgreSQL are, for the demo."""
    definitions: Path | None = None
    """A directory of definition files, as for `directflow apply`; None: those of the demo, with its database."""

    @property
    def own_database(self) -> bool:
        return bool(self.database_url)

    @property
    def applies_connection(self) -> bool:
        """Whether the connection is one of the files too; elsewhere it stands in the gateway's settings."""
        return not self.own_database and self.definitions is None
