"""Certificates in files that are renewed under us: taken up whole or not at all."""

import os
from pathlib import Path
from typing import Any

import pytest
import structlog
from directflow_runtime.channel import open_channel
from directflow_runtime.settings import CallerSettings, ChannelSettings, IdentitySettings, SettingsError, TlsSettings
from directflow_runtime.tls import CertificateFiles
from google.protobuf.wrappers_pb2 import StringValue

from .. import certificates
from ..certificates import Authority, Issued, Mount

UNUSABLE = "renewed certificates cannot be used: the ones before stay in use"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("files") / "authority")


@pytest.fixture(scope="module")
def issued(authority: Authority) -> list[Issued]:
    return [authority.issue("DNS:localhost") for _ in range(2)]


@pytest.fixture
def mount(authority: Authority, issued: list[Issued], tmp_path: Path) -> Mount:
    mounted = Mount(tmp_path / "tls")
    mounted.put(issued[0], [authority.root])
    return mounted


def plain(folder: Path, one: Issued, root: bytes) -> TlsSettings:
    """Files without any links, for those who copy them one after the other."""
    folder.mkdir()
    for name, content in {"tls.crt": one.certificate, "tls.key": one.key, "ca.crt": root}.items():
        (folder / name).write_bytes(content)
    return TlsSettings.model_validate({"directory": folder})


def test_a_directory_stands_for_what_cert_manager_writes(tmp_path: Path) -> None:
    found = TlsSettings.model_validate({"directory": tmp_path, "ca_file": "/bundle/ca.crt"})
    assert (found.certificate_file, found.key_file) == (tmp_path / "tls.crt", tmp_path / "tls.key")
    assert found.ca_file == Path("/bundle/ca.crt")


@pytest.mark.parametrize("given", [["/a"], 5, {"a": "b"}])
def test_what_is_no_directory_is_told_as_such(given: object) -> None:
    with pytest.raises(ValueError, match="directory"):
        TlsSettings.model_validate({"directory": given})


def test_renewed_files_are_taken_up_once(mount: Mount, issued: list[Issued], authority: Authority) -> None:
    files = CertificateFiles(mount.settings)
    assert files.renewed() is None
    mount.put(issued[1], [authority.root])
    fresh = files.renewed()
    assert fresh is not None
    assert (fresh.certificate, fresh.key) == (issued[1].certificate, issued[1].key)
    assert files.renewed() is None


def test_an_expired_certificate_does_not_take_the_place_of_one_that_lives(mount: Mount, authority: Authority) -> None:
    files = CertificateFiles(mount.settings)
    with structlog.testing.capture_logs() as lines:
        mount.put(authority.issue("DNS:localhost", lasts_s=-60), [authority.root])
        assert [files.renewed() for _ in range(3)] == [None, None, None]
    assert [line["event"] for line in lines] == [UNUSABLE]
    assert "has expired" in lines[0]["problem"]
    mount.put(authority.issue("DNS:localhost"), [authority.root])
    assert files.renewed() is not None


def test_a_directory_that_is_a_link_is_renewed_by_another_link(
    tmp_path: Path, issued: list[Issued], authority: Authority
) -> None:
    for number, one in enumerate(issued):
        plain(tmp_path / f"release-{number}", one, authority.root)
    (tmp_path / "current").symlink_to("release-0")
    files = CertificateFiles(TlsSettings.model_validate({"directory": tmp_path / "current"}))
    (tmp_path / "next").symlink_to("release-1")
    (tmp_path / "next").replace(tmp_path / "current")
    fresh = files.renewed()
    assert fresh is not None
    assert (fresh.certificate, fresh.key) == (issued[1].certificate, issued[1].key)


def half_renewed(folder: Path, one: Issued) -> None:
    (folder / "tls.crt").write_bytes(one.certificate)


def truncated(folder: Path, one: Issued) -> None:
    (folder / "tls.key").write_bytes(one.key[: len(one.key) // 2])


def emptied(folder: Path, one: Issued) -> None:
    (folder / "ca.crt").write_bytes(b"")


def removed(folder: Path, one: Issued) -> None:
    (folder / "tls.key").unlink()


def replaced_by_a_directory(folder: Path, one: Issued) -> None:
    (folder / "tls.crt").unlink()
    (folder / "tls.crt").mkdir()


KINDS = {
    "ed25519": ["ed25519"],
    "P-521": ["ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "P-384": ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "RSA": ["rsa:2048"],
}


@pytest.mark.parametrize("kind", list(KINDS))
async def test_a_key_that_grpc_does_not_take_is_not_taken_up(
    world: Any, authority: Authority, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = authority.mount(tmp_path / "server", "DNS:localhost")
    client = authority.mount(tmp_path / "client", "URI:spiffe://one")
    callers = IdentitySettings(callers=(CallerSettings(name="one", peers=("spiffe://one",), services=("",)),))
    served = await world(_answer, identity=callers, tls=server.settings)
    monkeypatch.setattr(certificates, "KEY", ["-newkey", *KINDS[kind], "-nodes"])
    fresh = authority.issue("DNS:localhost")
    server.put(Issued(b"CN = localhost\n" + fresh.certificate, fresh.key), [authority.root])
    with structlog.testing.capture_logs() as lines:
        settings = ChannelSettings(target=f"localhost:{served.server.port}", tls=client.settings)
        async with open_channel(settings, served.tracer) as channel:
            assert (await served.stub_of(channel, "unary_unary")(StringValue(), timeout=10)).value == "served"
    refused = [line for line in lines if line["event"] == UNUSABLE and "key that gRPC does not take" in line["problem"]]
    assert bool(refused) == (kind in ("ed25519", "P-521"))


async def _answer(request: Any, context: Any) -> StringValue:
    return StringValue(value="served")


DAMAGES = [
    (half_renewed, "do not belong together"),
    (truncated, "are no PEM pair"),
    (emptied, "holds no certificate of an authority"),
    (removed, "No such file"),
    (replaced_by_a_directory, "directory"),
]


@pytest.mark.parametrize(("damage", "told"), DAMAGES)
def test_what_cannot_be_used_is_told_once_and_changes_nothing(
    tmp_path: Path, issued: list[Issued], authority: Authority, damage: Any, told: str
) -> None:
    files = CertificateFiles(plain(tmp_path / "tls", issued[0], authority.root))
    with structlog.testing.capture_logs() as lines:
        damage(tmp_path / "tls", issued[1])
        assert [files.renewed() for _ in range(3)] == [None, None, None]
    assert [line["event"] for line in lines] == [UNUSABLE]
    assert told in lines[0]["problem"]


def test_the_other_half_completes_a_renewal(tmp_path: Path, issued: list[Issued], authority: Authority) -> None:
    files = CertificateFiles(plain(tmp_path / "tls", issued[0], authority.root))
    half_renewed(tmp_path / "tls", issued[1])
    assert files.renewed() is None
    (tmp_path / "tls" / "tls.key").write_bytes(issued[1].key)
    fresh = files.renewed()
    assert fresh is not None
    assert fresh.key == issued[1].key


@pytest.mark.parametrize(("damage", "told"), DAMAGES)
def test_a_service_does_not_start_with_what_cannot_be_used(
    tmp_path: Path, issued: list[Issued], authority: Authority, damage: Any, told: str
) -> None:
    settings = plain(tmp_path / "tls", issued[0], authority.root)
    damage(tmp_path / "tls", issued[1])
    with pytest.raises(SettingsError, match=told):
        CertificateFiles(settings)


def test_an_encrypted_key_is_refused_without_a_question_at_the_terminal(
    tmp_path: Path, issued: list[Issued], authority: Authority
) -> None:
    settings = plain(tmp_path / "tls", issued[0], authority.root)
    settings.key_file.write_bytes(authority.encrypted(issued[0].key))
    with pytest.raises(SettingsError, match="no PEM pair"):
        CertificateFiles(settings)


def test_a_key_is_in_no_repr(mount: Mount, issued: list[Issued]) -> None:
    assert "PRIVATE KEY" not in repr(CertificateFiles(mount.settings).first)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_permissions_that_are_mended_are_noticed(tmp_path: Path, issued: list[Issued], authority: Authority) -> None:
    settings = plain(tmp_path / "tls", issued[0], authority.root)
    files = CertificateFiles(settings)
    settings.certificate_file.write_bytes(issued[1].certificate)
    settings.key_file.write_bytes(issued[1].key)
    settings.key_file.chmod(0)
    assert files.renewed() is None
    settings.key_file.chmod(0o600)
    assert files.renewed() is not None
