"""The trust boundary and the layering of ARCHITECTURE, read off the import statements of every module."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICES = Path(__file__).parents[2] / "services"
PACKAGES = {
    "directflow_runtime": SERVICES / "runtime",
    "directflow_gateway": SERVICES / "query_gateway",
    "directflow_segments": SERVICES / "segments",
    "directflow_conditions": SERVICES / "conditions",
    "directflow_cli": SERVICES / "cli",
}
SERVERS = {"directflow_gateway", "directflow_segments", "directflow_conditions"}
SECRET_HOLDERS = {"psycopg", "psycopg_pool", "hvac"}
WIRE = {"grpc", "google", "directflow", "grpc_status", "grpc_health", "grpc_reflection"}
ADAPTERS = {"servicer", "app", "gateway", "__main__", "config", "wire"}
"""Modules of a server that may know gRPC or protobuf; every other one is domain."""


def modules(package: str) -> list[Path]:
    return sorted((PACKAGES[package] / package).rglob("*.py"))


def every_module() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in modules(package):
            yield package, path


def imported(path: Path) -> set[str]:
    """Dotted names of everything a module imports, function-level imports included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def label(path: Path) -> str:
    return str(path.relative_to(SERVICES))


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_every_package_has_modules_to_check(package: str) -> None:
    assert modules(package)


@pytest.mark.parametrize("package", sorted(set(PACKAGES) - {"directflow_gateway"}))
def test_only_the_gateway_imports_a_database_driver_or_a_vault_client(package: str) -> None:
    guilty = [label(path) for path in modules(package) if roots(path) & SECRET_HOLDERS]
    assert guilty == []


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_no_service_imports_another_service(package: str) -> None:
    others = (set(PACKAGES) - {package, "directflow_runtime"}) if package != "directflow_cli" else SERVERS
    guilty = [label(path) for path in modules(package) if roots(path) & others]
    assert guilty == []


def test_the_runtime_knows_no_stub_but_the_sql_values() -> None:
    guilty = [
        f"{label(path)} imports {name}"
        for path in modules("directflow_runtime")
        for name in imported(path)
        if name.startswith("directflow.") and not name.startswith("directflow.sql")
    ]
    assert guilty == []


@pytest.mark.parametrize("package", sorted(SERVERS))
def test_domain_modules_know_neither_grpc_nor_protobuf(package: str) -> None:
    guilty = [label(path) for path in modules(package) if path.stem not in ADAPTERS and roots(path) & WIRE]
    assert guilty == []


def test_the_sql_core_is_plain_values() -> None:
    forbidden = WIRE | SECRET_HOLDERS | {"asyncio"}
    core = PACKAGES["directflow_gateway"] / "directflow_gateway" / "sql"
    guilty = [label(path) for path in sorted(core.rglob("*.py")) if roots(path) & forbidden]
    assert guilty == []


def test_one_module_alone_knows_the_sql_grammar() -> None:
    guilty = [label(path) for _, path in every_module() if "postgast" in roots(path)]
    assert guilty == ["query_gateway/directflow_gateway/sql/parser.py"]


def test_one_module_alone_talks_to_vault() -> None:
    """Only there can tokens and paths get into a library's exceptions."""
    guilty = [label(path) for _, path in every_module() if roots(path) & {"hvac", "requests", "urllib3"}]
    assert guilty == ["query_gateway/directflow_gateway/vault/wire.py"]


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "common", "helpers", "helper", "base", "misc"}
    guilty = [label(path) for _, path in every_module() if {part.removesuffix(".py") for part in path.parts} & drawers]
    assert guilty == []


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    sizes = {label(path): path.read_text().count("\n") for _, path in every_module()}
    assert {name: size for name, size in sizes.items() if size > 400} == {}


def test_no_function_is_longer_than_sixty_lines() -> None:
    long = [
        f"{label(path)}:{node.lineno} {node.name}"
        for _, path in every_module()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= 60
    ]
    assert long == []


def test_nothing_swallows_an_exception_in_silence() -> None:
    guilty = [
        f"{label(path)}:{node.lineno}"
        for _, path in every_module()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and all(isinstance(part, ast.Pass) for part in node.body)
    ]
    assert guilty == []
