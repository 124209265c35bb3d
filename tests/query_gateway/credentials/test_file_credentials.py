"""Credentials from files: what a file may hold, where it lies, and what is never shown."""

import json
from pathlib import Path

import pytest
from directflow_gateway.connections import Connection
from directflow_gateway.credentials import Credential, FileCredentialSource
from directflow_runtime.errors import DirectFlowError, StatusCode


def connection(workspace: str = "acme", user: str = "reader") -> Connection:
    return Connection(workspace=workspace, id="main", host="db.example.com", database="app", user=user)


@pytest.fixture
def source(tmp_path: Path) -> FileCredentialSource:
    (tmp_path / "acme").mkdir()
    return FileCredentialSource(f"{tmp_path}/{{workspace}}/{{connection}}.json")


async def read(source: FileCredentialSource, tmp_path: Path, content: str | bytes, user: str = "reader") -> Credential:
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "acme" / "main.json").write_bytes(data)
    return await source.read(connection(user=user))


@pytest.mark.parametrize(
    ("content", "user", "password"),
    [
        ('{"username": "other", "password": "p w"}', "other", "p w"),
        ('  {"password": "pw", "ttl": 3600}\n', "reader", "pw"),
        ("plain", "reader", "plain"),
        ("plain\n", "reader", "plain"),
        ("plain\r\n", "reader", "plain"),
        (" with blanks ", "reader", " with blanks "),
        ("[1]", "reader", "[1]"),
        ('"quoted"', "reader", '"quoted"'),
        ("pässwörd", "reader", "pässwörd"),
    ],
)
async def test_a_file_holds_json_or_a_password_alone(
    source: FileCredentialSource, tmp_path: Path, content: str, user: str, password: str
) -> None:
    credential = await read(source, tmp_path, content)
    assert (credential.user, credential.password.reveal()) == (user, password)
    assert credential.expires_at is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        '{"password": ""}',
        '{"username": "u"}',
        '{"password": 5}',
        '{"password": "hunter2"',
        "{half a json",
        '{"a":' * 50_000,
        "a\0b",
        b"\xff\xfehunter2",
        "hunter2" * 20_000,
        '{"password": "hunter2\\ud800"}',
        '{"username": "\\udfff", "password": "hunter2"}',
    ],
)
async def test_anything_else_is_unavailable_and_tells_neither_content_nor_path(
    source: FileCredentialSource, tmp_path: Path, content: str | bytes
) -> None:
    with pytest.raises(DirectFlowError) as refused:
        await read(source, tmp_path, content)
    error = refused.value
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "CREDENTIALS_UNAVAILABLE")
    assert error.retry_after
    assert error.__cause__ is None
    for secret in ("hunter2", str(tmp_path), "main.json"):
        assert secret not in str(error) + repr(error)


async def test_a_missing_file_is_unavailable_and_its_path_is_not_told(
    source: FileCredentialSource, tmp_path: Path
) -> None:
    with pytest.raises(DirectFlowError) as refused:
        await source.read(connection())
    assert refused.value.reason == "CREDENTIALS_UNAVAILABLE"
    assert refused.value.__cause__ is None
    assert str(tmp_path) not in str(refused.value)


async def test_somebody_has_to_name_the_user(source: FileCredentialSource, tmp_path: Path) -> None:
    with pytest.raises(DirectFlowError, match="user"):
        await read(source, tmp_path, "pw", user="")
    assert (await read(source, tmp_path, '{"username": "u", "password": "pw"}', user="")).user == "u"


async def test_the_generation_changes_with_user_and_password_and_with_nothing_else(
    source: FileCredentialSource, tmp_path: Path
) -> None:
    contents = ["pw", "pw\n", json.dumps({"username": "reader", "password": "pw"})]
    assert len({(await read(source, tmp_path, content)).generation for content in contents}) == 1
    others = [
        "pw2",
        json.dumps({"username": "reader2", "password": "pw"}),
        json.dumps({"username": "readerp", "password": "w"}),  # the same letters, divided otherwise
    ]
    generations = {(await read(source, tmp_path, content)).generation for content in [contents[0], *others]}
    assert len(generations) == 4


async def test_the_generation_cannot_be_recomputed_elsewhere(source: FileCredentialSource, tmp_path: Path) -> None:
    mine = await read(source, tmp_path, "pw")
    elsewhere = FileCredentialSource(f"{tmp_path}/{{workspace}}/{{connection}}.json")
    assert (await elsewhere.read(connection())).generation != mine.generation


async def test_each_workspace_has_its_own_file(source: FileCredentialSource, tmp_path: Path) -> None:
    await read(source, tmp_path, "acme's")
    with pytest.raises(DirectFlowError, match="cannot be read"):
        await source.read(connection("umbrella"))


@pytest.mark.parametrize(
    "template",
    [
        "/secrets/{connection}",
        "/secrets/{workspace}",
        "/secrets/fixed",
        "{workspace}/{connection}",
        "/secrets/{workspace}/{connection}/{user}",
        "/secrets/{workspace}/{}/{connection}",
        "/secrets/{workspace}-{connection}",
        "/secrets/{workspace}{connection}.json",
        "/secrets/{connection}-of-{workspace}",
    ],
)
def test_a_template_that_would_share_a_file_between_connections_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="workspace"):
        FileCredentialSource(template)


async def test_repr_shows_neither_user_nor_password(source: FileCredentialSource, tmp_path: Path) -> None:
    credential = await read(source, tmp_path, '{"username": "v-token-reader", "password": "hunter2"}')
    assert "hunter2" not in repr(credential) + str(credential)
    assert "v-token-reader" not in repr(credential)
