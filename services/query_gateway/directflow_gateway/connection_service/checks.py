"""What can be said of a connection without connecting: every violation at once, with the field's path."""

import re
from collections.abc import Callable, Iterator

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

from directflow_gateway.connection_service.certificates import PemRefused, certificates_in
from directflow_gateway.connection_service.draft import LIMIT_FIELDS, Draft
from directflow_gateway.connections import GREATEST, EgressPolicy, EgressRefused, HostRefused, SslMode, check_host
from directflow_gateway.connections.connection import LONGEST_IDENTIFIER, RESOURCE_ID
from directflow_gateway.connections.host import literal_address

MOST_FUNCTIONS = 200
LONGEST_ENTRY = 200
_PART = r'(?:[^\W\d][\w$]*|"[^"]+")'
FUNCTION = re.compile(rf"(?:relation:|column:)?{_PART}(?:\.{_PART})?(?:\([^()]*\))?|operator:(?:{_PART}\.)?[^\s\w]+")
ID_RULE = "1 to 63 lower-case letters, digits and inner hyphens: it becomes part of the path of its credential"

Violations = Iterator[FieldViolation]


def check(draft: Draft, policy: EgressPolicy, at: str) -> None:
    """Raises INVALID_REQUEST with all violations. `at` is the path of the connection in the request: "connection"."""
    refuse(violations(draft, policy, at))


def violations(draft: Draft, policy: EgressPolicy, at: str) -> list[FieldViolation]:
    """Everything about the draft that no connection may have, but its id."""
    groups: tuple[Callable[[Draft, EgressPolicy], Violations], ...] = (_host, _names, _tls, _limits, _functions)
    found = [violation for group in groups for violation in group(draft, policy)]
    return [FieldViolation(f"{at}.{one.field}", one.description, one.reason) for one in found]


def id_violations(workspace: str, workspace_at: str, connection_id: str, id_at: str) -> list[FieldViolation]:
    """Ids that the API allows elsewhere, and that cannot become part of a file name or a Vault path."""
    given = ((workspace, workspace_at, "the workspace's id: "), (connection_id, id_at, ""))
    return [
        FieldViolation(at, whose + ID_RULE, "CONNECTION_ID")
        for id_, at, whose in given
        if not RESOURCE_ID.fullmatch(id_)
    ]


def refuse(found: list[FieldViolation]) -> None:
    """Raises INVALID_ARGUMENT (INVALID_REQUEST) where there are violations."""
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        message = f"{found[0].field}: {found[0].description}{more}"
        raise DirectFlowError(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", message, violations=found)


def _host(draft: Draft, policy: EgressPolicy) -> Violations:
    try:
        check_host(draft.host)
        address = literal_address(draft.host)
        if address is not None:
            policy.check(address, draft.sslmode)
    except HostRefused as refused:
        yield FieldViolation("host", str(refused), "HOST")
    except EgressRefused as refused:
        yield FieldViolation("host", f"it is {refused}, where this gateway does not connect to", "HOST_REFUSED")
    if not 0 <= draft.port < 65536:
        yield FieldViolation("port", "1 to 65535, or 0 for 5432", "OUT_OF_RANGE")


def _names(draft: Draft, policy: EgressPolicy) -> Violations:
    if not draft.database:
        yield FieldViolation("database", "must be set", "REQUIRED")
    for name in ("database", "user"):
        value = getattr(draft, name)
        if len(value.encode()) > LONGEST_IDENTIFIER:
            yield FieldViolation(name, f"PostgreSQL's names have at most {LONGEST_IDENTIFIER} bytes", "TOO_LONG")
        if any(ord(character) < 32 for character in value):
            yield FieldViolation(name, "must not contain control characters", "CONTROL_CHARACTER")


def _tls(draft: Draft, policy: EgressPolicy) -> Violations:
    if draft.ca_pem:
        try:
            certificates_in(draft.ca_pem)
        except PemRefused as refused:
            yield FieldViolation("tls.ca_pem", str(refused), "PEM")
    elif draft.sslmode is SslMode.VERIFY_CA:
        # The system's authorities sign for everybody: without the host's name that would verify nothing.
        yield FieldViolation("tls.ca_pem", "VERIFY_CA needs the authority's certificate", "REQUIRED")


def _limits(draft: Draft, policy: EgressPolicy) -> Violations:
    for name, value in draft.limits.items():
        if not 0 <= value <= GREATEST[name]:
            unit = " seconds" if name.endswith("_s") else ""
            description = f"0 for the default, at most {GREATEST[name]:,}{unit}"
            yield FieldViolation(f"limits.{LIMIT_FIELDS[name]}", description, "OUT_OF_RANGE")


def _functions(draft: Draft, policy: EgressPolicy) -> Violations:
    if len(draft.allowed_functions) > MOST_FUNCTIONS:
        yield FieldViolation("allowed_functions", f"at most {MOST_FUNCTIONS}", "TOO_MANY")
        return
    for index, name in enumerate(draft.allowed_functions):
        if len(name) > LONGEST_ENTRY or not FUNCTION.fullmatch(name):
            yield FieldViolation(f"allowed_functions[{index}]", "a name: `function` or `schema.function`", "NAME")
