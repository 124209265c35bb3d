"""What a check of the files finds flawless and every handshake refuses: with real servers, clients and handshakes."""

import codecs
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from directflow_runtime import tls
from directflow_runtime.channel import open_channel
from directflow_runtime.settings import CallerSettings, ChannelSettings, IdentitySettings, SettingsError
from directflow_runtime.tls import CertificateFiles
from google.protobuf.wrappers_pb2 import StringValue

from ..certificates import HOUR_S, Authority, Issued, Mount

UNUSABLE = "renewed certificates cannot be used: the ones before stay in use"
CALLERS = IdentitySettings(callers=(CallerSettings(name="one", peers=("spiffe://one",), services=("",)),))
SERVER, CLIENT = "DNS:localhost", "URI:spiffe://one"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("untimely") / "authority")


@pytest.fixture
def server(authority: Authority, tmp_path: Path) -> Mount:
    return authority.mount(tmp_path / "server", SERVER)


@pytest.fixture
def client(authority: Authority, tmp_path: Path) -> Mount:
    return authority.mount(tmp_path / "client", CLIENT)


async def answer(request: Any, context: Any) -> StringValue:
    return StringValue(value="served")


async def asked(served: Any, client: Mount) -> str:
    """With a handshake of its own."""
    settings = ChannelSettings(target=f"localhost:{served.server.port}", tls=client.settings)
    async with open_channel(settings, served.tracer) as channel:
        return str((await served.stub_of(channel, "unary_unary")(StringValue(), timeout=10)).value)


def told(lines: list[Any]) -> list[str]:
    return [line["problem"] for line in lines if line["event"] == UNUSABLE]


@contextmanager
def clock(monkeypatch: pytest.MonkeyPatch, ahead_s: float) -> Iterator[None]:
    """Ours, and nobody else's, is so much ahead."""
    right = tls.time.time
    with monkeypatch.context() as changed:
        changed.setattr(tls.time, "time", lambda: right() + ahead_s)
        yield


async def test_a_server_keeps_its_certificate_until_the_renewed_one_is_valid(
    world: Any, authority: Authority, server: Mount, client: Mount
) -> None:
    """The issuer's clock is ahead of the clients'."""
    served = await world(answer, identity=CALLERS, tls=server.settings)
    with structlog.testing.capture_logs() as lines:
        server.put(authority.issue(SERVER, begins_in_s=60), [authority.root])
        assert await asked(served, client) == "served"
    assert "is not valid yet" in told(lines)[0]


def test_a_certificate_that_was_not_valid_yet_is_taken_up_when_it_is(
    authority: Authority, server: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = CertificateFiles(server.settings)
    server.put(authority.issue(SERVER, begins_in_s=60), [authority.root])
    with structlog.testing.capture_logs() as lines:
        assert [files.renewed() for _ in range(3)] == [None, None, None]
    assert len(told(lines)) == 1
    with clock(monkeypatch, ahead_s=61):
        assert files.renewed() is not None


def test_a_certificate_that_is_not_valid_yet_is_better_than_one_that_has_expired(
    authority: Authority, server: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put(authority.issue(SERVER, lasts_s=-5), [authority.root])
    files = CertificateFiles(server.settings)
    server.put(authority.issue(SERVER, begins_in_s=60), [authority.root])
    assert files.renewed() is not None


def test_a_certificate_that_seemed_to_have_expired_is_taken_up_when_the_clock_is_right(
    authority: Authority, server: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = CertificateFiles(server.settings)
    server.put(authority.issue(SERVER), [authority.root])
    with clock(monkeypatch, ahead_s=2 * HOUR_S):
        assert files.renewed() is None
    assert files.renewed() is not None


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["former first", "former last"])
async def test_an_authority_that_was_renewed_with_its_key_counts_whatever_stands_before_it(
    world: Any, authority: Authority, server: Mount, client: Mount, order: tuple[int, int]
) -> None:
    both = [authority.former_root(), authority.root]
    bundle = [both[number] for number in order]
    served = await world(answer, identity=CALLERS, tls=server.settings)
    server.put(authority.issue(SERVER), bundle)
    assert await asked(served, client) == "served"
    client.put(authority.issue(CLIENT), bundle)
    assert await asked(served, client) == "served"


async def test_authorities_that_have_expired_do_not_take_the_place_of_one_that_lives(
    world: Any, authority: Authority, server: Mount, client: Mount
) -> None:
    served = await world(answer, identity=CALLERS, tls=server.settings)
    with structlog.testing.capture_logs() as lines:
        server.put(authority.issue(SERVER), [authority.former_root()])
        assert await asked(served, client) == "served"
    assert "holds only authorities that have expired" in told(lines)[0]


def test_that_a_certificate_ended_in_use_is_told_once(authority: Authority, server: Mount) -> None:
    server.put(authority.issue(SERVER, lasts_s=-5), [authority.root])
    files = CertificateFiles(server.settings)
    with structlog.testing.capture_logs() as lines:
        assert [files.renewed() for _ in range(3)] == [None, None, None]
        server.put(authority.issue(SERVER), [authority.root])
        assert files.renewed() is not None
        assert files.renewed() is None
    assert [line["event"] for line in lines] == [
        "the certificate in use has expired, and no other is there",
        "certificates renewed",
    ]


@contextmanager
def no_more_files() -> Iterator[None]:
    """This process may open none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_could_not_be_read_for_a_moment_is_taken_up_after_it(authority: Authority, server: Mount) -> None:
    files = CertificateFiles(server.settings)
    server.put(authority.issue(SERVER), [authority.root])
    with structlog.testing.capture_logs() as lines, no_more_files():
        assert [files.renewed() for _ in range(2)] == [None, None]
    assert "Too many open files" in told(lines)[0]
    assert files.renewed() is not None


@pytest.mark.parametrize("comment", ["# Česká pošta\n".encode(), b"# Universit\xe9\n"], ids=["UTF-8", "Latin-1"])
async def test_comments_between_authorities_are_in_any_language(
    world: Any, authority: Authority, server: Mount, client: Mount, comment: bytes
) -> None:
    served = await world(answer, identity=CALLERS, tls=server.settings)
    for mount, name in ((server, SERVER), (client, CLIENT)):
        mount.put(authority.issue(name), [comment, authority.root])
    with structlog.testing.capture_logs() as lines:
        assert await asked(served, client) == "served"
    assert [line["event"] for line in lines] == ["certificates renewed"]


async def test_a_request_that_was_left_before_the_certificate_is_passed_over(
    world: Any, authority: Authority, server: Mount, client: Mount
) -> None:
    request = b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"
    served = await world(answer, identity=CALLERS, tls=server.settings)
    for mount, name in ((server, SERVER), (client, CLIENT)):
        fresh = authority.issue(name)
        mount.put(Issued(request + fresh.certificate, fresh.key), [authority.root])
    with structlog.testing.capture_logs() as lines:
        assert await asked(served, client) == "served"
    assert [line["event"] for line in lines] == ["certificates renewed"]


async def test_files_out_of_an_editor_of_windows_are_good_for_every_handshake(
    world: Any, authority: Authority, server: Mount, client: Mount
) -> None:
    for mount, name in ((server, SERVER), (client, CLIENT)):
        fresh, mark = authority.issue(name), codecs.BOM_UTF8
        mount.put(Issued(mark + fresh.certificate, mark + fresh.key), [mark + authority.root])
    served = await world(answer, identity=CALLERS, tls=server.settings)
    assert await asked(served, client) == "served"


@pytest.mark.parametrize("written", [10, 20, 200])
def test_a_bundle_that_is_half_written_changes_nothing(authority: Authority, server: Mount, written: int) -> None:
    files, fresh = CertificateFiles(server.settings), authority.issue(SERVER)
    with structlog.testing.capture_logs() as lines:
        server.put(fresh, [authority.root, authority.root[:written]])
        assert files.renewed() is None
        server.put(Issued(fresh.certificate + authority.root[:written], fresh.key), [authority.root])
        assert files.renewed() is None
    assert ["is cut short" in problem for problem in told(lines)] == [True, True]
    server.put(fresh, [authority.root, authority.root])
    assert files.renewed() is not None


def test_a_pipe_is_not_waited_for(server: Mount) -> None:
    files = CertificateFiles(server.settings)
    (server.folder / "tls.key").unlink()
    os.mkfifo(server.folder / "tls.key")
    with structlog.testing.capture_logs() as lines:
        assert files.renewed() is None
    assert "a pipe" in told(lines)[0]


def test_a_file_without_an_end_is_not_read(server: Mount) -> None:
    (server.folder / "ca.crt").unlink()
    (server.folder / "ca.crt").symlink_to("/dev/zero")
    with pytest.raises(SettingsError, match="is no file"):
        CertificateFiles(server.settings)
    (server.folder / "ca.crt").unlink()
    with (server.folder / "ca.crt").open("wb") as sparse:
        sparse.truncate(2**40)
    with pytest.raises(SettingsError, match="is larger than"):
        CertificateFiles(server.settings)
