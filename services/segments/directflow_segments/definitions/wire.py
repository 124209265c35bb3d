"""Between the messages of DataSourceService, the documents that hold data sources, and data sources."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from directflow.segments.v1 import data_source_service_pb2 as pb
from directflow.sql.v1 import sql_pb2
from directflow_runtime.definitions.cache import Saved
from directflow_runtime.definitions.document import Document
from directflow_runtime.definitions.resources import Revision
from directflow_runtime.errors import FieldViolation
from directflow_runtime.status import report_of
from google.protobuf.message import DecodeError

from directflow_segments.audience.reachability import ContactRules, RequiredContact
from directflow_segments.data_sources import DataSource, Kind, Variable
from directflow_segments.definitions.report import FIELDS, QueryReport, Report
from directflow_segments.definitions.soundness import NEW_ID, violations
from directflow_segments.values.wire import invalid, value_from, value_message

CONTENT_TYPE: Final = "application/x-protobuf; message=directflow.segments.v1.DataSource"
DEFAULT_KEY: Final = "id"
BODY_BYTES: Final = 512 * 1024
REPORT_BYTES: Final = 128 * 1024
"""Of problems."""
DOCUMENT_BYTES: Final = 1_000_000
"""The gateway's store takes 1 MiB."""

_KINDS: Final[Mapping[int, Kind]] = {
    sql_pb2.VARIABLE_KIND_UNSPECIFIED: Kind.TEXT,
    sql_pb2.VARIABLE_KIND_TEXT: Kind.TEXT,
    sql_pb2.VARIABLE_KIND_INTEGER: Kind.INTEGER,
    sql_pb2.VARIABLE_KIND_NUMBER: Kind.NUMBER,
    sql_pb2.VARIABLE_KIND_BOOLEAN: Kind.BOOLEAN,
    sql_pb2.VARIABLE_KIND_DATE: Kind.DATE,
    sql_pb2.VARIABLE_KIND_TIMESTAMP: Kind.TIMESTAMP,
    sql_pb2.VARIABLE_KIND_UUID: Kind.UUID,
}
_KIND_NUMBERS: Final[Mapping[Kind, Any]] = {kind: number for number, kind in _KINDS.items()}
_CONTACTS: Final[Mapping[int, RequiredContact]] = {
    pb.REQUIRED_CONTACT_UNSPECIFIED: RequiredContact.ANY,
    pb.REQUIRED_CONTACT_ANY: RequiredContact.ANY,
    pb.REQUIRED_CONTACT_EMAIL: RequiredContact.EMAIL,
    pb.REQUIRED_CONTACT_PHONE: RequiredContact.PHONE,
}
_CONTACT_NUMBERS: Final[Mapping[RequiredContact, Any]] = {contact: number for number, contact in _CONTACTS.items()}


# --- requests ---------------------------------------------------------------------------------------------------------


def new_id(data_source_id: str) -> list[FieldViolation]:
    """What is wrong with the last part of a new name."""
    if NEW_ID.fullmatch(data_source_id):
        return []
    told = "a letter, then letters, digits, - and _; at most 63 characters"
    return [FieldViolation("data_source_id", told, "RESOURCE_NAME")]


def definition_from(
    message: pb.DataSource, name: str, *before: FieldViolation, field: str = "data_source"
) -> DataSource:
    """What a request asks to save under `name`. Raises INVALID_REQUEST with all violations, those of `before` first."""
    data_source = _definition(message, name)
    found = [*before, *_of_message(message, data_source, field), *violations(data_source, field)]
    if found:
        raise invalid(found)
    return data_source


def _of_message(message: pb.DataSource, data_source: DataSource, field: str) -> Iterable[FieldViolation]:
    """What does not show in a data source any more."""
    if _message(data_source).ByteSize() > BODY_BYTES:  # without the report of an earlier save, which may come along
        yield FieldViolation(field, "at most 512 KiB, with everything in it", "TOO_LONG")
    for index, variable in enumerate(message.variables):
        if any(element.WhichOneof("kind") == "list" for element in variable.default_value.list.values):
            where = f"{field}.variables[{index}].default_value"
            yield FieldViolation(where, "a list may hold scalars only", "NESTED_LIST")


def _definition(message: pb.DataSource, name: str, revision: int = 0) -> DataSource:
    rules = message.contact_rules
    return DataSource(
        name=name,
        connection=message.connection,
        generator_sql=message.generator_sql,
        discovery_sql=message.discovery_sql,
        preload_sql=message.preload_sql,
        display_name=message.display_name,
        key_column=message.key_column or DEFAULT_KEY,
        variables=tuple(_variable(variable) for variable in message.variables),
        bindings=dict(message.bindings),
        contact_rules=ContactRules(_CONTACTS[rules.required_contact], not rules.skip_format_check),
        revision=revision,
    )


def _variable(message: pb.DataSourceVariable) -> Variable:
    has_default = message.HasField("default_value")
    return Variable(
        message.variable.name,
        _KINDS[message.variable.kind],
        message.variable.list,
        message.optional or has_default,
        value_from(message.default_value) if has_default else None,
        message.description,
    )


# --- documents --------------------------------------------------------------------------------------------------------


def body(data_source: DataSource, report: Report) -> bytes:
    """What a document holds; equal definitions with equal reports are equal bytes."""
    message = _message(data_source)
    message.validation_report.CopyFrom(report_message(report))
    if message.ByteSize() > DOCUMENT_BYTES:  # thousands of columns: no reason to refuse a definition that works
        del message.validation_report.queries[:]
    return message.SerializeToString(deterministic=True)


def read(document: Document) -> DataSource:
    """The data source in a document. Raises ValueError where this version cannot read it."""
    try:
        return _definition(_body_of(document), document.name, document.revision)
    except KeyError as unknown:
        raise ValueError(f"{document.name} holds a value that this version does not know: {unknown}") from None


def _body_of(document: Document) -> pb.DataSource:
    if document.content_type != CONTENT_TYPE:
        raise ValueError(f"{document.name} is {document.content_type}")
    try:
        return pb.DataSource.FromString(document.body)
    except DecodeError:
        raise ValueError(f"{document.name} is no data source") from None


def _message(data_source: DataSource) -> pb.DataSource:
    """Without what every revision has anew: name, etag, revision, update time."""
    rules = data_source.contact_rules
    return pb.DataSource(
        display_name=data_source.display_name,
        connection=data_source.connection,
        discovery_sql=data_source.discovery_sql,
        generator_sql=data_source.generator_sql,
        preload_sql=data_source.preload_sql,
        variables=[_variable_message(variable) for variable in data_source.variables],
        bindings=data_source.bindings,
        key_column=data_source.key_column,
        contact_rules=pb.ContactRules(
            required_contact=_CONTACT_NUMBERS[rules.required], skip_format_check=not rules.check_format
        ),
    )


def _variable_message(variable: Variable) -> pb.DataSourceVariable:
    return pb.DataSourceVariable(
        variable=sql_pb2.Variable(name=variable.name, kind=_KIND_NUMBERS[variable.kind], list=variable.is_list),
        optional=variable.optional,
        default_value=None if variable.default is None else value_message(variable.default),
        description=variable.description,
    )


# --- responses --------------------------------------------------------------------------------------------------------


def resource_message(saved: Saved[DataSource]) -> pb.DataSource:
    """A saved data source, one of the settings file, or one that was checked and not saved."""
    return _resource(saved.definition, saved.document)


def revision_message(revision: Revision[DataSource]) -> pb.DataSourceRevision:
    """One saved state; without the data source where it was deleted, or cannot be read any more."""
    document = revision.document
    message = pb.DataSourceRevision(revision=document.revision, author=document.author, deleted=document.deleted)
    if revision.definition is not None:
        message.data_source.CopyFrom(_resource(revision.definition, document))
    if document.save_time is not None:
        message.save_time.FromDatetime(document.save_time)
    return message


def _resource(data_source: DataSource, document: Document) -> pb.DataSource:
    # The body, for its report; one of the settings file has none.
    message = _body_of(document) if document.body else _message(data_source)
    message.name = document.name
    if document.revision:  # else nothing was saved, and the etag is that of before
        message.etag, message.revision = document.etag, document.revision
    if document.save_time is not None:
        message.update_time.FromDatetime(document.save_time)
    return message


def report_message(report: Report) -> sql_pb2.ValidationReport:
    """A report on the wire."""
    message = report_of(report.problems, REPORT_BYTES)
    message.queries.extend(_query_message(query) for query in report.queries)
    return message


def _query_message(query: QueryReport) -> sql_pb2.QueryReport:
    message = sql_pb2.QueryReport.FromString(query.described.encoded)
    message.field = FIELDS[query.role]
    for use in message.variable_uses:
        use.source = query.sources.get(use.name, "")
    return message
