"""DirectFlow's own PostgreSQL: engagement events, and later definitions. No definition and no call can name it."""

from directflow_gateway.directflow_database.database import DirectFlowDatabase, Transaction
from directflow_gateway.directflow_database.migrate import TAKE_LOCK, Migration, MigrationChanged, migrate, migrations
from directflow_gateway.directflow_database.roles import DatabaseRole
from directflow_gateway.directflow_database.settings import DirectFlowDatabaseSettings
from directflow_gateway.directflow_database.upkeep import Upkeep

__all__ = [
    "TAKE_LOCK",
    "DatabaseRole",
    "DirectFlowDatabase",
    "DirectFlowDatabaseSettings",
    "Migration",
    "MigrationChanged",
    "Transaction",
    "Upkeep",
    "migrate",
    "migrations",
]
