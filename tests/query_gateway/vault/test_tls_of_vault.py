"""Vault is believed by its certificate: signed by our authority, for its name, and in date."""

import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from directflow_gateway.vault import FailureKind

from .scripted_vault import ScriptedVault, data
from .sessions import app_role, opened

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
PATH = "secret/data/one"


@dataclass(frozen=True)
class Authority:
    """Signs certificates of servers."""

    directory: Path

    @property
    def file(self) -> str:
        return str(self.directory / "ca.pem")

    @property
    def pem(self) -> str:
        return (self.directory / "ca.pem").read_text()

    def create(self) -> "Authority":
        self.directory.mkdir()
        self._openssl("req", "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", *KEY)
        return self

    def server(self, name: str = "IP:127.0.0.1", expired: bool = False) -> ssl.SSLContext:
        self._openssl("req", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=vault", *KEY)
        (self.directory / "extensions").write_text(f"subjectAltName={name}")
        dates = ("-days", "-1" if expired else "2")
        self._openssl(
            "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-extfile", "extensions", "-out", "server.pem", *dates,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "server.pem", self.directory / "server.key")
        return context

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def make_authority(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Authority]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl program to make certificates with")
    return lambda: Authority(tmp_path_factory.mktemp("tls") / "authority").create()


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
    vault = serving(authority.server())
    async with opened(app_role(vault.address, tmp_path, ca_file=authority.file)) as heard:
        assert (await heard.session.read(PATH)).data == {"password": "x"}


async def test_another_authority_is_not(
    authority: Authority, make_authority: Callable[[], Authority], serving: Serving, tmp_path: Path
) -> None:
    vault = serving(authority.server())
    unknown = (FailureKind.UNREACHABLE, "certificate of an unknown authority")
    assert await failure(vault, make_authority().file, tmp_path) == unknown
    assert await failure(vault, "", tmp_path) == unknown


async def test_another_name_is_not(authority: Authority, serving: Serving, tmp_path: Path) -> None:
    vault = serving(authority.server("DNS:vault.elsewhere"))
    told = await failure(vault, authority.file, tmp_path)
    assert told == (FailureKind.UNREACHABLE, "certificate of another host")


async def test_a_certificate_out_of_date_is_not(authority: Authority, serving: Serving, tmp_path: Path) -> None:
    told = await failure(serving(authority.server(expired=True)), authority.file, tmp_path)
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
    vault, file = serving(authority.server()), tmp_path / "ca.pem"
    file.write_text(make_authority().pem)
    async with opened(app_role(vault.address, tmp_path, ca_file=str(file))) as heard:
        assert (await heard.failure(PATH)).detail == "certificate of an unknown authority"
        file.write_text(file.read_text() + authority.pem)
        assert (await heard.session.read(PATH)).data == {"password": "x"}
