"""Running statements on a leased connection: in one read-only transaction, bounded in time, rows and memory."""

from directflow_gateway.execution.casts import schema_of
from directflow_gateway.execution.connection import GatewayConnection
from directflow_gateway.execution.first_rows import Row, fetch_first, to_record_batch
from directflow_gateway.execution.pipeline import CellsResult
from directflow_gateway.execution.plan import ResultColumn, StreamPlan, StreamProgress, ValueForm
from directflow_gateway.execution.sqlstate import Phase, translate
from directflow_gateway.execution.stream import stream
from directflow_gateway.execution.together import Rows, Together, Told, Unresponsive
from directflow_gateway.execution.transaction import TransactionSettings, read_only_transaction
from directflow_gateway.execution.watchdog import Watchdog
from directflow_gateway.execution.wire import AllowanceExceeded
from directflow_gateway.execution.wire import Statement as SqlStatement

__all__ = [
    "AllowanceExceeded",
    "CellsResult",
    "GatewayConnection",
    "Phase",
    "ResultColumn",
    "Row",
    "Rows",
    "SqlStatement",
    "StreamPlan",
    "StreamProgress",
    "Together",
    "Told",
    "TransactionSettings",
    "Unresponsive",
    "ValueForm",
    "Watchdog",
    "fetch_first",
    "read_only_transaction",
    "schema_of",
    "stream",
    "to_record_batch",
    "translate",
]
