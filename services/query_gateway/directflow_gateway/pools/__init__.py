"""Sessions on customers' databases."""

from directflow_gateway.pools.budget import Budgets
from directflow_gateway.pools.opening import Examine
from directflow_gateway.pools.pools import Pools
from directflow_gateway.pools.retiring import Retiring

__all__ = ["Budgets", "Examine", "Pools", "Retiring"]
