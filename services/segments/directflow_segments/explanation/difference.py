"""Whom a changed generator would add and remove: people of both versions, counted as StreamAudience counts them."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from directflow_segments.audience.contacts import ContactKind
from directflow_segments.audience.reader import KEY_COLUMN
from directflow_segments.data_sources import DataSource, Role, Value
from directflow_segments.explanation.questions import DifferenceHeader, DifferenceQuestion, ExplainingGateway
from directflow_segments.explanation.sides import SidesReader
from directflow_segments.proven import proven
from directflow_segments.queries import QueryGateway, Rows
from directflow_segments.segments import find_segment
from directflow_segments.targets import Target, resolve

CONTACTS = tuple(kind.value for kind in ContactKind)


@dataclass(frozen=True, slots=True)
class Difference:
    """How many people are in both, only in the changed one, only in the saved one; and some of the latter two."""

    kept: int
    added: int
    removed: int
    added_ids: tuple[str, ...] = field(repr=False)
    removed_ids: tuple[str, ...] = field(repr=False)


async def diff_audience(
    gateway: QueryGateway, explaining: ExplainingGateway, target: Target, generator_sql: str, sample_size: int
) -> Difference:
    """Raises what a stream of either version raises. The contact rules are the saved ones for both."""
    changed = replace(target.data_source, generator_sql=generator_sql)
    saved_target, changed_target = await _both(gateway, target, changed)
    saved_values = (await resolve(gateway, saved_target)).values
    changed_values = (await resolve(gateway, changed_target)).values
    question = DifferenceQuestion(
        target.data_source.query(Role.GENERATOR),
        changed.query(Role.GENERATOR),
        {**saved_values, **changed_values},  # one segment and one caller: what is in both is equal
        KEY_COLUMN,
        CONTACTS,
    )
    return await _counted(explaining, question, target.data_source, sample_size)


async def _counted(
    explaining: ExplainingGateway, question: DifferenceQuestion, data_source: DataSource, sample_size: int
) -> Difference:
    async with aclosing(proven(explaining.difference(question))) as messages:
        header = await anext(messages)
        assert isinstance(header, DifferenceHeader)  # `proven` lets nothing else come first
        reader = SidesReader(header, data_source.contact_rules, sample_size)
        async for message in messages:
            if isinstance(message, Rows):
                reader.read(message.rows)
    sides = reader.end()
    return Difference(sides.both, sides.second, sides.first, tuple(sides.second_ids), tuple(sides.first_ids))


async def _both(gateway: QueryGateway, target: Target, changed: DataSource) -> tuple[Target, Target]:
    """The target for each version: of one segment's row, which is looked up once, and each with the caller's values
    for variables that it knows. A name that neither knows stays in both, to be refused."""
    own, others = target.data_source.known_variables, changed.known_variables
    saved = replace(target, variables=_without(target.variables, others - own))
    if saved.segment_key is not None:
        discovery, segment = await find_segment(gateway, saved.data_source, saved.segment_key, saved.variables)
        saved = replace(saved, segment_key=None, segment_row=discovery.row(segment))
    variables = _without(target.variables, own - others)
    return saved, replace(saved, data_source=changed, variables=variables)


def _without(values: Mapping[str, Value], names: frozenset[str]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name not in names}
