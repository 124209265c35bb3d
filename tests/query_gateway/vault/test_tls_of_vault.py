"""Vault is believed by its certificate: signed by our authority, for its name, and in date."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from directflow_gateway.vault import FailureKind

from ...certificates import Authority
from .scripted_vault import ScriptedVault, data
from .sessions import app_role, opened

PATH = "secret/data/one"


def proven(authority: Authority, folder: Path, name: str = "IP:127.0.0.1", **more: Any) -> ssl.SSLContext:
    """A server that shows a certificate of this authority."""
    key, certificate = authority.issue(name, **more).files(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.fixture(scope="module")
def make_authority(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Authority]:
    return lambda: Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def authority(make_authority: Callable[[], Authority]) -> Authority:
    return make_authority()


@pytest.fixture
def serving() -> Iterator[Callable[[ssl.SSLContext], ScriptedVault]]:
    made: list[ScriptedVault] = []

    def serve(context: ssl.SSLContext) -> ScriptedVault:
        made.append(ScriptedVault(context).__enter__())
        made[-1].on(PATH, data(password="x"))
        return made[-1]

    yield serve
    for vault in made:
        vault.__exit__()


Serving = Callable[[ssl.SSLContext], ScriptedVault]


async def failure(vault: ScriptedVault, ca_file: str, directory: Path) -> tuple[FailureKind, str]:
    async with opened(app_role(vault.address, directory, ca_file=ca_file)) as heard:
        failed = await heard.failure(PATH)
    assert vault.asked == []
    return failed.kind, failed.detail


async def test_the_own_authority_is_believed(authority: Authority, serving: Serving, tmp_path: Path) -> None:
    vault = serving(proven(authority, tmp_path))
    async with opened(app_role(vault.address, tmp_path, ca_file=str(authority.file))) as heard:
        assert (await heard.session.read(PATH)).data == {"password": "x"}


async def test_another_authority_is_not(
    authority: Authority, make_authority: Callable[[], Authority], serving: Serving, tmp_path: Path
) -> None:
    vault = serving(proven(authority, tmp_path))
    unknown = (FailureKind.UNREACHABLE, "certificate of an unknown authority")
    assert await failure(vault, str(make_authority().file), tmp_path) == unknown
    assert await failure(vault, "", tmp_path) == unknown


async def test_another_name_is_not(authority: Authority, serving: Serving, tmp_path: Path) -> None:
    vault = serving(proven(authority, tmp_path, "DNS:vault.elsewhere"))
    told = await failure(vault, str(authority.file), tmp_path)
    assert told == (FailureKind.UNREACHABLE, "certificate of another host")


async def test_a_certificate_out_of_date_is_not(authority: Authority, serving: Serving, tmp_path: Path) -> None:
    told = await failure(serving(proven(authority, tmp_path, lasts_s=-1)), str(authority.file), tmp_path)
    assert told == (FailureKind.UNREACHABLE, "certificate expired")


async def test_a_server_without_tls_gets_no_request(tmp_path: Path) -> None:
    with ScriptedVault() as vault:
        async with opened(app_role(vault.address.replace("http:", "https:"), tmp_path)) as heard:
            assert (await heard.failure()).detail == "no TLS"
        assert vault.asked == []


@pytest.mark.parametrize("content", [None, "no PEM"])
async def test_an_authority_that_cannot_be_read_is_told(content: Any, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    async with opened(app_role("https://127.0.0.1:1", tmp_path, ca_file=str(file))) as heard:
        failed = await heard.failure()
    assert (failed.kind, failed.detail) == (FailureKind.UNREACHABLE, "ca_file cannot be read")


async def test_a_new_authority_is_believed_without_a_restart(
    authority: Authority, make_authority: Callable[[], Authority], serving: Serving, tmp_path: Path
) -> None:
    vault, file = serving(proven(authority, tmp_path)), tmp_path / "ca.pem"
    file.write_text(make_authority().pem)
    async with opened(app_role(vault.address, tmp_path, ca_file=str(file))) as heard:
        assert (await heard.failure(PATH)).detail == "certificate of an unknown authority"
        file.write_text(file.read_text() + authority.pem)
        assert (await heard.session.read(PATH)).data == {"password": "x"}
