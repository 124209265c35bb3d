"""Settings of this service: one TOML file, overridden by DIRECTFLOW_SEGMENTS__* variables.

Data sources are saved through DataSourceService. For development and tests they may stand here; nobody can change
those while the service runs, and they hide saved ones of the same name:

    [gateway]
    target = "gateway:7400"
    tls = { directory = "/etc/directflow/tls" }

    [definitions]
    from_store = true

    [audience]
    scratch_directory = "/scratch"

    [[data_sources]]
    name = "workspaces/acme/dataSources/communities"
    connection = "workspaces/acme/connections/main"
    discovery_sql = "SELECT id, community_name FROM communities ORDER BY community_name"
    generator_sql = "SELECT u.id AS profile_id, u.email FROM users u WHERE u.community_id = '<%= community_id %>'"
    preload_sql = "SELECT plan_name FROM user_profiles WHERE user_id = '<%= profile_id %>'"
    bindings = { community_id = "id" }
    contact_rules = { required_contact = "email" }

    [[data_sources.variables]]
    name = "days"
    kind = "integer"
    default = 30
"""

from pathlib import Path
from typing import Final

from directflow_runtime.settings import ChannelSettings, ServiceSettings, SettingsModel
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from directflow_segments.audience.reachability import ContactRules, RequiredContact
from directflow_segments.data_sources import DataSource, Kind, Variable

_ID: Final = "[A-Za-z0-9][A-Za-z0-9_-]{0,62}"
_VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"

# Strict: pydantic would read the text "1" as an integer, and a default must reach PostgreSQL as it was written.
_Scalar = StrictBool | StrictInt | StrictFloat | StrictStr


class VariableSettings(SettingsModel):
    """`[[data_sources.variables]]`: a variable with a kind, a default or a description."""

    name: str = Field(pattern=_VARIABLE, max_length=128)
    kind: Kind = Kind.TEXT
    list: bool = False
    optional: bool = False
    """True without a default: NULL where nothing gives a value."""
    default: _Scalar | tuple[_Scalar, ...] | None = None
    """A default makes the variable optional."""
    description: str = ""

    def variable(self) -> Variable:
        """As the domain has it."""
        optional = self.optional or self.default is not None
        return Variable(self.name, self.kind, self.list, optional, self.default, self.description)


class ContactRulesSettings(SettingsModel):
    """`contact_rules` of a data source."""

    required_contact: RequiredContact = RequiredContact.ANY
    skip_format_check: bool = False
    """True: contact points are passed on as they are, malformed or not."""


class DataSourceSettings(SettingsModel):
    """`[[data_sources]]`: three queries over one connection."""

    name: str = Field(pattern=f"^workspaces/{_ID}/dataSources/{_ID}$")
    connection: str = Field(pattern=f"^workspaces/{_ID}/connections/{_ID}$")
    display_name: str = Field(default="", max_length=200)
    discovery_sql: str = ""
    generator_sql: str = Field(min_length=1)
    preload_sql: str = ""
    key_column: str = Field(default="id", min_length=1)
    bindings: dict[str, str] = {}
    contact_rules: ContactRulesSettings = ContactRulesSettings()
    variables: tuple[VariableSettings, ...] = ()

    @model_validator(mode="after")
    def _is_sound(self) -> "DataSourceSettings":
        if self.name.split("/")[1] != self.connection.split("/")[1]:
            raise ValueError("the connection must be in the data source's own workspace")
        names = [variable.name for variable in self.variables]
        if len(set(names)) != len(names):
            raise ValueError("a variable is declared twice")
        return self

    def data_source(self) -> DataSource:
        """As the domain has it."""
        rules = self.contact_rules
        return DataSource(
            name=self.name,
            connection=self.connection,
            display_name=self.display_name,
            discovery_sql=self.discovery_sql,
            generator_sql=self.generator_sql,
            preload_sql=self.preload_sql,
            key_column=self.key_column,
            bindings=self.bindings,
            variables=tuple(variable.variable() for variable in self.variables),
            contact_rules=ContactRules(rules.required_contact, not rules.skip_format_check),
        )


class AudienceSettings(SettingsModel):
    """`[audience]`: what remembering people may cost, all streams together. A person takes up to 24 bytes."""

    memory_bytes: int = Field(default=1 << 30, ge=1 << 24)
    """Beyond: files in `scratch_directory`."""
    scratch_directory: Path | None = None
    """None: no files; an audience beyond `memory_bytes` is refused then, unless it is asked for by key."""
    disk_bytes: int = Field(default=8 << 30, ge=0)


class DefinitionsSettings(SettingsModel):
    """`[definitions]`: where data sources come from."""

    from_store: bool = True
    """False: the settings file is all that there is. The gateway's store is not watched, and nothing can be saved."""


class SegmentsSettings(ServiceSettings):
    """Everything that this service can be told."""

    gateway: ChannelSettings
    audience: AudienceSettings = AudienceSettings()
    definitions: DefinitionsSettings = DefinitionsSettings()
    data_sources: tuple[DataSourceSettings, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> "SegmentsSettings":
        names = [data_source.name for data_source in self.data_sources]
        if len(set(names)) != len(names):
            raise ValueError("a data source is defined twice")
        return self
