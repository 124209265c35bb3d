"""`[pools]`: how many sessions the gateways may have on customers' databases."""

from typing import Self

from directflow_runtime.settings import SettingsModel
from pydantic import Field, model_validator

from directflow_gateway.pools.budget import Budgets


class PoolSettings(SettingsModel):
    """Budgets over all connections and workspaces. Each connection's `pool_size` limits it further."""

    gateways: int = Field(default=1, ge=1)
    """Most gateways that run at the same time, the surge of a rollout included: nobody counts them while they run."""
    sessions_per_database: int = Field(default=0, ge=0)
    """Most sessions of all gateways together on one host and port; 0: no limit but the connections' own."""
    sessions: int = Field(default=200, ge=1)
    """Most sessions of one gateway on all customers' databases."""

    @model_validator(mode="after")
    def _every_gateway_has_a_session(self) -> Self:
        if 0 < self.sessions_per_database < self.gateways:
            raise ValueError(
                f"sessions_per_database = {self.sessions_per_database} leaves none for each of {self.gateways} gateways"
            )
        return self

    def budgets(self) -> Budgets:
        """Of one gateway."""
        return Budgets(self.sessions_per_database // self.gateways, self.sessions)
