"""Settings of this service: one TOML file, overridden by DIRECTFLOW_CONDITIONS__* variables.

Conditions are saved through ConditionService. For development and tests they may stand here; nobody can change those
while the service runs, and they hide saved ones of the same name:

    [gateway]
    target = "gateway:7400"
    tls = { directory = "/etc/directflow/tls" }

    [definitions]
    from_store = true

    [[conditions]]
    name = "workspaces/acme/conditions/premium"
    connection = "workspaces/acme/connections/main"
    sql = "SELECT plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'"
    policy = { on_no_row = "ERROR" }

    [[conditions.variables]]
    name = "plan"
    default = "premium"

    [[conditions]]
    name = "workspaces/acme/conditions/opened_twice"
    engagement = { event = { type = "OPENED", count = 2, window = { last = "30 days" } } }

    [[conditions]]
    name = "workspaces/acme/conditions/win_back"
    expression = { all_of = ["premium", { negation = "opened_twice" }] }
"""

from typing import Any, Final

from directflow_runtime.errors import DirectFlowError
from directflow_runtime.settings import ChannelSettings, ServiceSettings, SettingsModel
from directflow_runtime.variable_kinds import Kind
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from directflow_conditions.condition import Condition, FixedDefinitions, SqlQuery, Variable
from directflow_conditions.expressions.expression import Expression
from directflow_conditions.expressions.plan import plan_of
from directflow_conditions.expressions.settings import expression_from
from directflow_conditions.lanes.lanes import LaneLimits
from directflow_conditions.policies import Decision, Policy
from directflow_conditions.predicates.predicate import Predicate
from directflow_conditions.predicates.settings import PredicateSettings

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
    """`[[conditions]]`: over a customer's database (`connection` and `sql`), on `engagement`, or an `expression`."""

    name: str = Field(pattern=f"^workspaces/{_ID}/conditions/{_ID}$")
    connection: str | None = Field(default=None, pattern=f"^workspaces/{_ID}/connections/{_ID}$")
    sql: str | None = Field(default=None, min_length=1)
    variables: tuple[VariableSettings, ...] = ()
    engagement: PredicateSettings | None = None
    expression: Any = None
    """A condition of the workspace, `{ all_of = [...] }`, `{ any_of = [...] }` or `{ negation = ... }`."""
    policy: PolicySettings = PolicySettings()

    @model_validator(mode="after")
    def _is_of_one_sort(self) -> "ConditionSettings":
        over_sql = self.connection is not None or self.sql is not None
        if [over_sql, self.engagement is not None, self.expression is not None].count(True) != 1:
            raise ValueError("exactly one of connection with sql, engagement, and expression")
        if over_sql and (self.connection is None or self.sql is None):
            raise ValueError("connection and sql belong together")
        if self.variables and not over_sql:
            raise ValueError("variables belong to sql")
        if self.expression is not None:
            expression_from(self.expression, self.workspace)
        return self

    @model_validator(mode="after")
    def _stays_in_its_workspace(self) -> "ConditionSettings":
        if self.connection is not None and self.workspace != self.connection.split("/")[1]:
            raise ValueError("the connection must be in the condition's own workspace")
        names = [variable.name for variable in self.variables]
        if len(set(names)) != len(names):
            raise ValueError("a variable is declared twice")
        return self

    @property
    def workspace(self) -> str:
        return self.name.split("/")[1]

    def condition(self) -> Condition:
        return Condition(self.name, self._definition(), self.policy.policy())

    def _definition(self) -> SqlQuery | Predicate | Expression:
        if self.engagement is not None:
            return self.engagement.predicate()
        if self.expression is not None:
            return expression_from(self.expression, self.workspace)
        declared = tuple(variable.variable() for variable in self.variables)
        return SqlQuery(self.connection or "", self.sql or "", declared)


class EvaluationSettings(SettingsModel):
    """`[evaluation]`."""

    max_in_flight: int = Field(default=8, gt=0)
    """Most statements that one call runs at once: it must not drain the customer's pool."""
    coalesce: bool = True
    """False: each evaluation of one profile is a statement of its own."""
    max_batch: int = Field(default=1024, gt=0, le=10_000)
    """Most callers whose single evaluations one statement answers."""
    max_waiting: int = Field(default=10_000, gt=0)
    """Most single evaluations of one workspace that wait for their answers; more are refused (OVERLOADED). Those of one
    condition are refused as soon as there is less room left than they take: one that is held up gets half of it all."""
    max_lanes: int = Field(default=1_000, gt=0)
    """Most different statements that single evaluations of one workspace wait for at once; more are refused."""
    max_stream_messages: int = Field(default=3, gt=0)
    """Most messages of one StreamEvaluations that are read and not yet answered, of 10,000 profiles each at most."""

    def lane_limits(self) -> LaneLimits:
        return LaneLimits(self.max_batch, self.max_waiting, self.max_lanes)


class DefinitionsSettings(SettingsModel):
    """`[definitions]`: where conditions come from."""

    from_store: bool = True
    """False: the settings file is all that there is. The gateway's store is not watched, and nothing can be saved."""


class ConditionsSettings(ServiceSettings):
    """Everything that this service can be told."""

    gateway: ChannelSettings
    definitions: DefinitionsSettings = DefinitionsSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    conditions: tuple[ConditionSettings, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> "ConditionsSettings":
        names = [condition.name for condition in self.conditions]
        if len(set(names)) != len(names):
            raise ValueError("a condition is defined twice")
        return self

    @model_validator(mode="after")
    def _expressions_can_be_planned(self) -> "ConditionsSettings":
        definitions = FixedDefinitions(condition.condition() for condition in self.conditions)
        for condition in self.conditions:
            try:
                plan_of(definitions, condition.name)
            except DirectFlowError as error:
                raise ValueError(f"{condition.name}: {error.message}") from None
        return self
