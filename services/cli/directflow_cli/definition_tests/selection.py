"""Which definitions a test file needs: those that its tests name, and what these use."""

from collections.abc import Iterable

from directflow.gateway.v1 import connection_service_pb2 as connections_wire

from directflow_cli.definition_tests.case_file import AudienceCase, Case, CaseFile, ConditionCase
from directflow_cli.definitions.kinds import CONDITION, CONNECTION, DATA_SOURCE, kind_of
from directflow_cli.definitions.manifests import Manifest
from directflow_cli.definitions.notes import did_you_mean
from directflow_cli.definitions.places import Finding
from directflow_cli.definitions.references import referenced, short


def definition_of_case(case: Case, workspace: str) -> str:
    """The full name of what a test is about."""
    if isinstance(case, ConditionCase):
        return CONDITION.full_name(workspace, case.condition)
    return DATA_SOURCE.full_name(workspace, case.audience if isinstance(case, AudienceCase) else case.personalization)


def needed(file: CaseFile, workspace: str, manifests: Iterable[Manifest]) -> list[Manifest] | list[Finding]:
    """The definitions, connections left out; or the tests of what no file defines."""
    known = {manifest.name: manifest for manifest in manifests}
    wanted = [definition_of_case(case, workspace) for case in file.content.tests]
    strangers = [
        Finding(
            f"no file defines the {kind_of(name).title} {short(name)}", at, rule="TEST_FILE", hint=_near(name, known)
        )
        for name, at in zip(wanted, file.places, strict=True)
        if name not in known
    ]
    if strangers:
        return strangers
    found: dict[str, Manifest] = {}
    while wanted:
        name = wanted.pop()
        if name in known and name not in found and kind_of(name) is not CONNECTION:
            found[name] = known[name]
            wanted.extend(referenced(known[name].message))
    return list(found.values())


def connection_ids(manifests: Iterable[Manifest]) -> set[str]:
    """Ids of the connections that these use: each becomes the throw-away database."""
    names = {name for manifest in manifests for name in referenced(manifest.message)}
    return {short(name) for name in names if kind_of(name) is CONNECTION}


def stand_in(
    workspace: str, connection_id: str, host: str, port: int, database: str, user: str
) -> connections_wire.Connection:
    """The connection as it is saved for a test."""
    return connections_wire.Connection(
        name=CONNECTION.full_name(workspace, connection_id),
        host=host,
        port=port,
        database=database,
        user=user,
        tls=connections_wire.ConnectionTls(mode=connections_wire.TLS_MODE_DISABLE),
        credential_kind=connections_wire.CREDENTIAL_KIND_FILE,
    )


def _near(name: str, known: Iterable[str]) -> str:
    return did_you_mean(
        short(name), [short(other) for other in known if kind_of(other) is kind_of(name)] or ["nothing"]
    )
