"""The settings files that a local run writes: readable TOML, the password in one private file and nowhere else."""

import json
import os
import tomllib
from pathlib import Path

from directflow_cli.dev import toml
from directflow_cli.dev.customer import CustomerDatabase
from directflow_cli.dev.directflow_database import ROLES, DirectFlowDatabase
from directflow_cli.dev.psql import Role
from directflow_cli.dev.settings_files import SettingsFiles

PORTS = {"gateway": 7400, "segments": 0, "conditions": 0, "otlp": 0}
DATABASE = CustomerDatabase("127.0.0.1", 5433, 'cust"omer', "directflow_readonly", "s3cret\\", "disable")


def test_text_survives_with_quotes_control_characters_and_other_scripts() -> None:
    values: dict[str, toml.Setting] = {
        "a": 'q"uo\\te',
        "b": "\x7f\n\t\x00",
        "c": "Łódź 𝄞",
        "d": 1.5,
        "e": True,
        "f": ["x", "y"],
    }
    read = tomllib.loads(toml.section("s", values) + toml.element("l", {"a": 1}) + toml.element("l", {"a": 2}))
    assert read == {"s": values, "l": [{"a": 1}, {"a": 2}]}


def test_the_password_is_in_the_credential_file_only(tmp_path: Path) -> None:
    plan = SettingsFiles(tmp_path, PORTS, "127.0.0.1:4317").gateway(DATABASE, own_database=False)
    holders = [file for file in tmp_path.rglob("*") if file.is_file() and DATABASE.password in file.read_text()]
    assert holders == [tmp_path / "credentials" / "demo" / "customer"]
    assert {file.stat().st_mode & 0o777 for file in (*holders, plan.config)} == {0o600}
    written = tomllib.loads(plan.config.read_text())
    assert written["connections"][0]["database"] == 'cust"omer'
    assert written["server"]["parent_pid"] == os.getpid()
    assert written["server"]["port"] == 7400


def test_each_login_of_directflows_own_database_is_in_a_private_file_that_the_settings_name(tmp_path: Path) -> None:
    roles = {name: Role(f"directflow_{name}", f"s3cret-{name}") for name in ROLES}
    own = DirectFlowDatabase("127.0.0.1", 5433, "directflow", roles)
    plan = SettingsFiles(tmp_path, PORTS, "127.0.0.1:4317").gateway(DATABASE, own_database=False, directflow=own)
    assert "s3cret" not in plan.config.read_text()
    written = tomllib.loads(plan.config.read_text())["directflow_database"]
    for name, role in roles.items():
        file = Path(written.pop(f"{name}_credential"))
        assert json.loads(file.read_text()) == {"username": role.name, "password": role.password}
        assert file.stat().st_mode & 0o777 == 0o600
    place = {"host": "127.0.0.1", "port": 5433, "database": "directflow", "sslmode": "disable", "require_scram": True}
    assert written == place


def test_without_directflows_own_database_the_settings_have_no_such_section(tmp_path: Path) -> None:
    plan = SettingsFiles(tmp_path, PORTS, "127.0.0.1:4317").gateway(DATABASE, own_database=True)
    assert "directflow_database" not in tomllib.loads(plan.config.read_text())


def test_only_a_database_of_the_users_own_may_be_reached_as_superuser(tmp_path: Path) -> None:
    files = SettingsFiles(tmp_path, PORTS, "127.0.0.1:4317")
    demo = tomllib.loads(files.gateway(DATABASE, own_database=False).config.read_text())["connections"][0]
    own = tomllib.loads(files.gateway(DATABASE, own_database=True).config.read_text())["connections"][0]
    assert ("role_policy" in demo, own["role_policy"], own["require_scram"]) == (False, "dev", False)


def test_the_definitions_stand_in_the_services_own_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[[conditions]]\nname = "x"\n')
    files = SettingsFiles(tmp_path, PORTS, "127.0.0.1:4317")
    written = tomllib.loads(files.conditions("127.0.0.1:7400", tmp_path / "mine.toml").config.read_text())
    assert (written["conditions"], written["gateway"]) == ([{"name": "x"}], {"target": "127.0.0.1:7400"})
    assert "conditions" not in tomllib.loads(files.conditions("127.0.0.1:7400", None).config.read_text())
