"""Settings of this service: one TOML file, overridden by DIRECTFLOW_CONDITIONS__* variables.

Definitions stand here until the gateway's definition store serves them:

    [gateway]
    target = "gateway:7400"

    [[conditions]]
    name = "workspaces/acme/conditions/premium"
    connection = "workspaces/acme/connections/main"
    sql = "SELECT plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'"
    policy = { on_no_row = "ERROR" }

    [[conditions.variables]]
    name = "plan"
    default = "premium"
"""

from typing import Final

from directflow_runtime.settings import ChannelSettings, ServiceSettings, SettingsModel
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from directflow_conditions.definitions import Condition, Kind, SqlQuery, Variable
from directflow_conditions.lanes.lanes import LaneLimits
from directflow_conditions.policies import Decision, Policy

# Strict: pydantic would read the text "1" as an integer, and a default must reach PostgreSQL as it was written.
_Scalar = StrictBool | StrictInt | StrictFloat | StrictStr
_ID: Final = "[A-Za-z0-9][A-Za-z0-9_-]{0,62}"


class VariableSettings(SettingsModel):
    """`[[conditions.variables]]`: a variable with a kind or a default. A default makes it optional."""

    name: str
    kind: Kind = Kind.TEXT
    list: bool = False
    optional: bool = False
    """True without a default: NULL where the call has no value."""
    default: _Scalar | tuple[_Scalar, ...] | None = None

    def variable(self) -> Variable:
        optional = self.optional or self.default is not None
        return Variable(self.name, self.kind, self.list, optional, self.default)


class PolicySettings(SettingsModel):
    """`policy` of a condition: TRUE, FALSE or ERROR for each outcome that decides nothing by itself."""

    on_null: Decision = Policy().on_null
    on_no_row: Decision = Policy().on_no_row
    on_multiple_rows: Decision = Policy().on_multiple_rows
    on_error: Decision = Policy().on_error

    def policy(self) -> Policy:
        return Policy(self.on_null, self.on_no_row, self.on_multiple_rows, self.on_error)


class ConditionSettings(SettingsModel):
    """`[[conditions]]`: a condition over a customer's database."""

    name: str = Field(pattern=f"^workspaces/{_ID}/conditions/{_ID}$")
    connection: str = Field(pattern=f"^workspaces/{_ID}/connections/{_ID}$")
    sql: str = Field(min_length=1)
    variables: tuple[VariableSettings, ...] = ()
    policy: PolicySettings = PolicySettings()

    @model_validator(mode="after")
    def _stays_in_its_workspace(self) -> "ConditionSettings":
        if self.name.split("/")[1] != self.connection.split("/")[1]:
            raise ValueError("the connection must be in the condition's own workspace")
        names = [variable.name for variable in self.variables]
        if len(set(names)) != len(names):
            raise ValueError("a variable is declared twice")
        return self

    def condition(self) -> Condition:
        declared = tuple(variable.variable() for variable in self.variables)
        return Condition(self.name, SqlQuery(self.connection, self.sql, declared), self.policy.policy())


class EvaluationSettings(SettingsModel):
    """`[evaluation]`."""

    max_in_flight: int = Field(default=8, gt=0)
    """Most statements that one call runs at once: it must not drain the customer's pool."""
    coalesce: bool = True
    """False: each evaluation of one profile is a statement of its own."""
    max_batch: int = Field(default=1024, gt=0, le=10_000)
    """Most callers whose single evaluations one statement answers."""
    max_waiting: int = Field(default=10_000, gt=0)
    """Most single evaluations of one workspace that wait for their answers; more are refused (OVERLOADED)."""
    max_lanes: int = Field(default=1_000, gt=0)
    """Most different statements that single evaluations of one workspace wait for at once; more are refused."""
    max_stream_messages: int = Field(default=3, gt=0)
    """Most messages of one StreamEvaluations that are read and not yet answered, of 10,000 profiles each at most."""

    def lane_limits(self) -> LaneLimits:
        return LaneLimits(self.max_batch, self.max_waiting, self.max_lanes)


class ConditionsSettings(ServiceSettings):
    """Everything that this service can be told."""

    gateway: ChannelSettings
    evaluation: EvaluationSettings = EvaluationSettings()
    conditions: tuple[ConditionSettings, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> "ConditionsSettings":
        names = [condition.name for condition in self.conditions]
        if len(set(names)) != len(names):
            raise ValueError("a condition is defined twice")
        return self
