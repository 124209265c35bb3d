"""The settings file of segments: data sources until the definition store serves them."""

from pathlib import Path

import pytest
from directflow_runtime.settings import SettingsError, load
from directflow_segments.audience.reachability import ContactRules, RequiredContact
from directflow_segments.config import SegmentsSettings
from directflow_segments.data_sources import Kind, Variable

FILE = """
[gateway]
target = "127.0.0.1:7400"

[[data_sources]]
name = "workspaces/acme/dataSources/communities"
connection = "workspaces/acme/connections/main"
discovery_sql = "SELECT slug FROM communities"
generator_sql = "SELECT id AS profile_id, email FROM users WHERE community = '<%= community_id %>'"
key_column = "slug"
bindings = { community_id = "slug" }
contact_rules = { required_contact = "email", skip_format_check = true }

[[data_sources.variables]]
name = "days"
kind = "integer"
default = 30
description = "How far to look back"

[[data_sources.variables]]
name = "plans"
list = true
default = ["1", 2]
"""


def read(tmp_path: Path, text: str) -> SegmentsSettings:
    file = tmp_path / "segments.toml"
    file.write_text(text)
    return load(SegmentsSettings, file, "DIRECTFLOW_SEGMENTS__", {})


def test_a_data_source_as_the_file_has_it(tmp_path: Path) -> None:
    (source,) = [item.data_source() for item in read(tmp_path, FILE).data_sources]
    assert (source.name, source.key_column) == ("workspaces/acme/dataSources/communities", "slug")
    assert source.bindings == {"community_id": "slug"}
    assert source.contact_rules == ContactRules(RequiredContact.EMAIL, check_format=False)
    assert source.variables == (
        Variable("days", Kind.INTEGER, optional=True, default=30, description="How far to look back"),
        Variable("plans", is_list=True, optional=True, default=("1", 2)),
    )
    assert source.known_variables == {"community_id", "days", "plans"}


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    file = tmp_path / "segments.toml"
    file.write_text(FILE)
    variables = {"DIRECTFLOW_SEGMENTS__AUDIENCE__SCRATCH_DIRECTORY": "/scratch"}
    assert load(SegmentsSettings, file, "DIRECTFLOW_SEGMENTS__", variables).audience.scratch_directory == Path(
        "/scratch"
    )


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("dataSources/communities", "dataSources/", "name"),
        ("acme/connections", "other/connections", "own workspace"),
        ('name = "plans"', 'name = "days"', "declared twice"),
        ('name = "plans"', 'name = "pl ans"', "variables"),
        ("generator_sql", "generated_sql", "unknown setting data_sources.0.generated_sql"),
        ('kind = "integer"', 'kind = "int"', "kind"),
        ("skip_format_check", "skip", "unknown setting"),
    ],
)
def test_what_cannot_be_used_is_named(before: str, after: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=told):
        read(tmp_path, FILE.replace(before, after))


def test_two_data_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="defined twice"):
        read(tmp_path, FILE + FILE[FILE.index("[[data_sources]]") :])
