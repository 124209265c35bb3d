"""Two Helms, and what they render."""

import importlib.util
from collections.abc import Callable, Iterator

import pytest

from tests.chart.cases import CASES
from tests.chart.kubernetes_schemas import NEWEST
from tests.chart.rendering import Engine, HelmEngine, HelmProgram, Manifests, Values
from tests.tools import tool

PROGRAM, ENGINE = "helm 3", "helm 4"


@pytest.fixture(scope="session")
def helm_program() -> HelmProgram:
    """The helm that `make tools` has built; skips where it has not."""
    return HelmProgram(tool("helm"), NEWEST)


@pytest.fixture(scope="session")
def helm_engine() -> Iterator[HelmEngine]:
    """The engine from PyPI; skips on machines for which nobody has built it."""
    if importlib.util.find_spec("helm_python") is None:  # where its wheel is, the lock file has it
        pytest.skip("nobody has built helm-python-sdk for this machine: the chart is rendered by `helm` alone")
    engine = HelmEngine()
    yield engine
    engine.close()


@pytest.fixture(scope="session", params=[ENGINE, PROGRAM])
def each_helm(request: pytest.FixtureRequest) -> Engine:
    """Both, one after the other: for what helm itself says and does."""
    found: Engine = request.getfixturevalue("helm_program" if request.param == PROGRAM else "helm_engine")
    return found


@pytest.fixture(scope="session")
def helm(request: pytest.FixtureRequest) -> Engine:
    """Either: for what the chart says. test_render.py has both agree."""
    has_engine = importlib.util.find_spec("helm_python") is not None
    found: Engine = request.getfixturevalue("helm_engine" if has_engine else "helm_program")
    return found


@pytest.fixture(scope="session")
def rendered(helm: Engine) -> Callable[[str], Manifests]:
    """A case of CASES, rendered once for all tests."""
    known: dict[str, Manifests] = {}

    def render(name: str) -> Manifests:
        if name not in known:
            known[name] = helm.render(CASES[name])
        return known[name]

    return render


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, rendered: Callable[[str], Manifests]) -> Manifests:
    """Every case, one after the other."""
    return rendered(request.param)


@pytest.fixture(scope="session")
def defaults(rendered: Callable[[str], Manifests]) -> Manifests:
    return rendered("defaults")


@pytest.fixture(scope="session")
def render(helm: Engine) -> Callable[[Values], Manifests]:
    """Any other values."""
    return helm.render
