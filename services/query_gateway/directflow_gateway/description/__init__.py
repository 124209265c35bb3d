"""What the customer's own server says of a statement, and the contracts that its columns must keep."""

from directflow_gateway.description.contracts import contract_problems
from directflow_gateway.description.describe import describe
from directflow_gateway.description.plan import PlanEstimate, plan
from directflow_gateway.description.result import ColumnType, Description, WireType

__all__ = ["ColumnType", "Description", "PlanEstimate", "WireType", "contract_problems", "describe", "plan"]
