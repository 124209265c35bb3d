"""Settings: file first, environment over it, unknown keys refused by name, no value in any message."""

from pathlib import Path

import pytest
from directflow_runtime.secrets import Secret
from directflow_runtime.settings import ServiceSettings, SettingsError, SettingsModel, load
from pydantic import ValidationError

PREFIX = "DIRECTFLOW_TEST__"


class Limits(SettingsModel):
    max_rows: int = 10
    names: tuple[str, ...] = ()


class Settings(ServiceSettings):
    limits: Limits = Limits()
    token: Secret = Secret("")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "service.toml"
    path.write_text(
        'token = "hush-hush"\n[server]\nport = 7001\nhost = "127.0.0.2"\n[limits]\nmax_rows = 5\n'
        '[[identity.callers]]\nname = "segments"\nworkspaces = ["*"]\n'
    )
    return path


def test_without_file_and_variables_the_defaults_count() -> None:
    assert load(Settings, None, PREFIX, {}) == Settings()


def test_the_file_is_read(file: Path) -> None:
    settings = load(Settings, file, PREFIX, {})
    assert (settings.server.port, settings.limits.max_rows) == (7001, 5)
    assert settings.identity.callers[0].workspaces == ("*",)
    assert settings.token.reveal() == "hush-hush"


def test_a_variable_overrides_one_value_and_leaves_its_neighbours(file: Path) -> None:
    settings = load(Settings, file, PREFIX, {"DIRECTFLOW_TEST__SERVER__PORT": "7002"})
    assert (settings.server.port, settings.server.host) == (7002, "127.0.0.2")


def test_lists_and_top_level_values_come_from_variables_too() -> None:
    variables = {"DIRECTFLOW_TEST__LIMITS__NAMES": '["a", "b"]', "DIRECTFLOW_TEST__TOKEN": "hush-hush"}
    settings = load(Settings, None, PREFIX, variables)
    assert settings.limits.names == ("a", "b")
    assert settings.token == Secret("hush-hush")


def test_the_processs_own_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIRECTFLOW_TEST__SERVER__PORT", "7003")
    assert load(Settings, None, PREFIX).server.port == 7003


def test_what_kubernetes_injects_for_a_service_is_no_setting() -> None:
    assert load(Settings, None, PREFIX, {"DIRECTFLOW_TEST_PORT": "tcp://10.0.0.1:80", "DIRECTFLOW_TEST_": "x"})


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"DIRECTFLOW_TEST__SERVER__PROT": "1"}, "server.prot"),
        ({"DIRECTFLOW_TEST__SERVR__PORT": "1"}, "DIRECTFLOW_TEST__SERVR__PORT"),
        ({"DIRECTFLOW_TEST__SERVER__PORT": "hush-hush"}, "server.port"),
        ({"DIRECTFLOW_TEST__SERVER__PORT": "70000"}, "server.port"),
        ({"DIRECTFLOW_TEST__LIMITS": "hush-hush"}, "limits"),
        ({"DIRECTFLOW_TEST__LIMITS__NAMES": "hush-hush"}, "limits"),
        ({"DIRECTFLOW_TEST__LOGGING__LEVEL": "hush-hush"}, "logging.level"),
    ],
)
def test_a_wrong_variable_is_named_and_its_value_is_not(variables: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(Settings, None, PREFIX, variables)
    assert named in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[server]\nprot = 1", "server.prot"),
        ("[sever]\nport = 1", "sever"),
        ('[server]\nport = "hush"', "server.port"),
        ("token = 5", "token"),
        ("token = hush", "line 1"),
        ('token = "hush', "end of document"),
        ("server = 3", "server"),
    ],
)
def test_a_wrong_file_is_told_where_and_shows_no_value(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "service.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(Settings, path, PREFIX, {})
    assert named in str(caught.value)
    assert "hush" not in str(caught.value)


def test_all_wrong_keys_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "service.toml"
    path.write_text("[server]\nprot = 1\n[limits]\nmax_row = 2\n")
    with pytest.raises(SettingsError, match=r"server\.prot.*limits\.max_row"):
        load(Settings, path, PREFIX, {})


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "service.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"service\.toml"):
        load(Settings, path, PREFIX, {})


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().server.port = 1  # type: ignore[misc]


def test_secrets_are_absent_from_the_repr_and_the_dump_of_settings(file: Path) -> None:
    settings = load(Settings, file, PREFIX, {})
    shown = f"{settings!r} {settings} {settings.model_dump_json()} {settings.model_dump()!r}"
    assert "hush" not in shown
