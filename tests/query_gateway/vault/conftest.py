"""Vault servers, real and stand-in, and a place in front of them where faults happen."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .faults import FaultyVault
from .identities import Issuer, TokenReviews, self_signed
from .servers import Certificate, RealVault, StandIn, Vault, real_vault_program


@pytest.fixture(params=["stand-in", "real"])
def encrypted_vault(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Vault]:
    """One that speaks TLS; its authority is `.tls.authority`. Takes a second to start."""
    key, certificate = self_signed(tmp_path, "vault")
    tls = Certificate(certificate, key, authority=certificate)
    server: StandIn | RealVault
    if request.param == "real":
        server = RealVault(real_vault_program(), tls)
    else:
        server = StandIn(request.getfixturevalue("postgres_installation").program("psql"), tls)
    yield server
    server.close()


@pytest.fixture
def in_front_of() -> Iterator[Callable[[Vault], FaultyVault]]:
    """`in_front_of(vault)`: a proxy whose faults a test switches on and off; healthy at first."""
    made: list[FaultyVault] = []

    def put(vault: Vault) -> FaultyVault:
        made.append(FaultyVault(vault.address))
        return made[-1]

    yield put
    for proxy in made:
        proxy.close()


@pytest.fixture
def faulty(vault: Vault, in_front_of: Callable[[Vault], FaultyVault]) -> FaultyVault:
    """A proxy in front of `vault`."""
    return in_front_of(vault)


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """Signs JWTs with a key of its own (RS256)."""
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture
def token_reviews(tmp_path: Path) -> Iterator[TokenReviews]:
    """The one call of a Kubernetes API server that Vault makes."""
    server = TokenReviews(tmp_path)
    yield server
    server.close()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """Where a projected token lies."""
    return tmp_path / "token"
