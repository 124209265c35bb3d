"""Sessions on customers' databases."""

from directflow_gateway.pools.opening import Examine
from directflow_gateway.pools.pools import Pools

__all__ = ["Examine", "Pools"]
