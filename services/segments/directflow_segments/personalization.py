"""Personalization: the preload query's first row for each of some people."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from directflow_segments.data_sources import DataSource, Role, Value
from directflow_segments.mapping import PROFILE_ID, Given, Mapped, map_variables
from directflow_segments.proven import proven
from directflow_segments.queries import Header, PeopleRequest, PeopleRows, PeopleSummary, QueryGateway


def map_preload(data_source: DataSource, variables: Mapping[str, Value]) -> Mapped:
    """The values that are equal for all people. Raises what `map_variables` raises."""
    return map_variables(data_source, data_source.query(Role.PRELOAD), Given(caller=variables, has_person=True))


async def personalize(
    gateway: QueryGateway, data_source: DataSource, profile_ids: Sequence[str], mapped: Mapped
) -> AsyncGenerator[Header | PeopleRows | PeopleSummary]:
    """A header, rows in the order of the people, and a summary with an outcome each. Use it under `aclosing`."""
    request = PeopleRequest(data_source.query(Role.PRELOAD), PROFILE_ID, profile_ids, mapped.values)
    async with aclosing(proven(gateway.people(request))) as messages:
        async for message in messages:
            yield message
