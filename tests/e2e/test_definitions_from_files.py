"""The documented product from an empty system: the files of examples/definitions and one `apply`; then changed, diffed,
rolled back. The real services, processes as anywhere."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from directflow_cli.app import build
from directflow_cli.dev import directflow_database, vault_custody
from directflow_cli.dev.background import BackgroundLoop
from directflow_cli.dev.processes import ServiceProcess
from directflow_cli.dev.settings_files import SettingsFiles
from typer.testing import CliRunner, Result

EXAMPLES = Path(__file__).parents[2] / "examples" / "definitions"
NO_PORTS = {"gateway": 0, "segments": 0, "conditions": 0, "otlp": 0}
Directflow = Callable[..., Result]


@pytest.fixture(scope="module")
def endpoints(platform: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Three services that know nothing yet; the password of the demo customer is in a Vault, as the files say."""
    own = directflow_database.create(platform.server, "directflow_files")
    directory = tmp_path_factory.mktemp("empty")
    with vault_custody.serving(directory) as custody, BackgroundLoop() as loop:
        files = SettingsFiles(directory, NO_PORTS, platform.otlp, custody)
        plan = files.empty_gateway({("demo", "customer"): platform.password}, own)
        with ExitStack() as stack:
            addresses = {"GATEWAY": stack.enter_context(loop.entered(ServiceProcess(plan))).address}
            for follower in (files.segments, files.conditions):
                plan = follower(addresses["GATEWAY"], None)
                addresses[plan.name.upper()] = stack.enter_context(loop.entered(ServiceProcess(plan))).address
            yield addresses


@pytest.fixture(scope="module")
def definitions(platform: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, with the address of the demo customer."""
    folder = tmp_path_factory.mktemp("examples") / "definitions"
    shutil.copytree(EXAMPLES, folder)
    file = folder / "connections" / "customer.yaml"
    text = file.read_text().replace("db.customer.example", platform.server.host)
    text = text.replace("database: customer", f"database: {platform.database}")
    text = text.replace("user: directflow_readonly", f"user: {platform.role}")
    file.write_text(f"{text}  port: {platform.server.port}\n  tls:\n    mode: DISABLE\n")
    return folder


@pytest.fixture
def directflow(
    endpoints: dict[str, str], definitions: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Directflow:
    monkeypatch.chdir(definitions.parent)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("DIRECTFLOW_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DIRECTFLOW_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("DIRECTFLOW_WORKSPACE", "demo")
    for name, address in endpoints.items():
        monkeypatch.setenv(f"DIRECTFLOW_{name}", address)
    return lambda *arguments: CliRunner().invoke(build(), list(arguments), catch_exceptions=False)


def applied(directflow: Directflow) -> None:
    ran = directflow("apply", "-f", "definitions")
    assert ran.exit_code == 0, ran.output


def test_one_apply_sets_the_documented_product_up_and_a_second_one_finds_nothing_to_do(directflow: Directflow) -> None:
    first = directflow("apply", "-f", "definitions")
    assert first.exit_code == 0, first.output
    assert first.stdout.splitlines()[-1] == "13 created", first.output
    assert directflow("apply", "-f", "definitions").stdout.splitlines()[-1] == "13 unchanged"
    assert directflow("diff", "-f", "definitions").exit_code == 0
    assert directflow("export", "-o", "exported").exit_code == 0
    assert directflow("apply", "-f", "exported").stdout.splitlines()[-1] == "13 unchanged"


def test_the_product_runs_on_what_was_applied(directflow: Directflow) -> None:
    applied(directflow)
    segments = json.loads(directflow("segment", "list", "communities", "--limit", "1", "-o", "json").stdout)
    counted = directflow("audience", "count", "communities", "--segment", segments[0]["key"])
    assert counted.exit_code == 0, counted.output
    decided = directflow("condition", "evaluate", "premium_to_win_back", "--profile", "2", "--flow", "welcome")
    assert decided.exit_code in (0, 1), decided.output


def test_changed_diffed_and_rolled_back(directflow: Directflow, definitions: Path) -> None:
    applied(directflow)
    before = json.loads(directflow("describe", "data-source", "communities", "-o", "json").stdout)
    text = (definitions / "data-sources" / "communities.yaml").read_text()
    Path("changed.yaml").write_text(text.replace("u.email, u.phone,", "u.email,"))
    changed = directflow("diff", "-f", "changed.yaml")
    assert changed.exit_code == 1
    assert "-    SELECT u.id AS profile_id, u.email, u.phone, u.first_name, u.last_name\n" in changed.stdout
    assert directflow("apply", "-f", "changed.yaml").stdout.splitlines()[-1] == "1 updated"
    assert directflow("rollback", "data-source", "communities", "--to", str(before["revision"])).exit_code == 0
    after = json.loads(directflow("describe", "data-source", "communities", "-o", "json").stdout)
    assert after["spec"] == before["spec"]
    assert [one["author"] for one in after["revisions"]] == ["development"] * 3
    assert directflow("diff", "-f", "definitions").exit_code == 0


def test_a_connection_that_moves_is_confirmed_before_its_credential_goes_anywhere(
    directflow: Directflow, definitions: Path
) -> None:
    applied(directflow)
    moved = (definitions / "connections" / "customer.yaml").read_text().replace("host: 127.0.0.1", "host: localhost")
    changed = (definitions / "data-sources" / "communities.yaml").read_text().replace("u.phone, ", "")
    Path("moved.yaml").write_text(f"{moved}---\n{changed}")
    ran = directflow("apply", "-f", "moved.yaml")
    assert ran.exit_code == 10, ran.output
    assert "[CREDENTIAL_UNBOUND]" in ran.stderr
    assert "directflow connection confirm" in ran.stderr
    assert json.loads(directflow("list", "connections", "-o", "json").stdout)[0]["credential"] == "unbound"
    assert directflow("connection", "confirm", "customer").exit_code == 0
    assert directflow("apply", "-f", "moved.yaml").stdout.splitlines()[-1] == "1 unchanged, 1 updated"
    assert directflow("apply", "-f", "definitions/connections").exit_code == 0
    assert directflow("connection", "confirm", "customer").exit_code == 0


def test_what_is_used_is_not_deleted_and_all_of_it_is_when_its_users_go_first(directflow: Directflow) -> None:
    applied(directflow)
    refused = directflow("delete", "connection", "customer")
    assert refused.exit_code == 4
    assert "dataSources/communities" in refused.stderr
    assert directflow("delete", "-f", "definitions").exit_code == 0
    assert json.loads(directflow("list", "conditions", "-o", "json").stdout) == []


GENERATOR = """\
kind: DataSource
id: mistake
spec:
  connection: customer
  generator_sql: |
    SELECT u.id AS profile_id, u.email
    FROM users u
    WHERE u.plan_type = 'pro'
"""
RESULT = """\
kind: Condition
id: mistake
spec:
  sql:
    connection: customer
    sql: |
      SELECT plan_type AS result FROM users WHERE id = '<%= profile_id %>'
"""
MISTAKES = {
    "a misspelt column": (
        GENERATOR.replace("u.email", "u.emial"),
        "6:32: error: The column u.emial does not exist. [UNDEFINED_COLUMN]",
        "                                ^^^^^^^",
    ),
    "no profile_id": (
        GENERATOR.replace(" AS profile_id", ""),
        "6:5: error: A generator must have the column profile_id. [PROFILE_ID_MISSING]",
        "     ^",
    ),
    "a volatile function": (
        GENERATOR.replace("u.id", "nextval('s')"),
        "6:12: error: Function nextval is not allowed: it works on sequences. [FUNCTION_NOT_ALLOWED]",
        "            ^^^^^^^",
    ),
    "a variable that nothing gives": (
        GENERATOR.replace("'pro'", "'<%= plan %>'"),
        "8:26: warning: Nothing but the caller gives plan its value: every call must. [VARIABLE_FROM_CALLER]",
        "                          ^^^^^^^^^^^",
    ),
    "a result that is text": (
        RESULT,
        "7:14: error: The column result of a condition must be boolean; it is text. [RESULT_NOT_BOOLEAN]",
        "              ^^^^^^^^^",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_at_its_place_in_the_file_with_a_way_out(directflow: Directflow, mistake: str) -> None:
    """As docs/definitions.md shows them."""
    applied(directflow)
    text, said, caret = MISTAKES[mistake]
    Path("mistake.yaml").write_text(text)
    ran = directflow("validate", "-f", "mistake.yaml")
    assert f"mistake.yaml:{said}\n" in ran.stderr
    assert caret in ran.stderr
    assert "  hint: " in ran.stderr
    assert ran.exit_code == (0 if "warning" in said else 4)


def test_a_connection_that_does_not_work_is_told_apart_from_a_definition_that_is_wrong(directflow: Directflow) -> None:
    connection = "kind: Connection\nid: other\nspec: {host: 127.0.0.1, port: 1, database: d, user: u}\n"
    Path("mistake.yaml").write_text(f"{connection}---\n{GENERATOR.replace('customer', 'other')}")
    ran = directflow("apply", "-f", "mistake.yaml")
    assert ran.exit_code == 5
    assert "mistake.yaml:3:14: warning: Nothing listens on port 1. [CONNECTION_TCP]\n" in ran.stderr
    assert "mistake.yaml:6:5: unchecked: the data source mistake could not be checked: " in ran.stderr
    tested = directflow("connection", "test", "other")
    assert tested.exit_code == 1
    assert "✗ tcp           Nothing listens on port 1.\n" in tested.stdout
