"""The order in which definitions are written: what is used before what uses it; and who uses itself in the end."""

from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

from directflow_cli.definitions.kinds import KINDS, kind_of
from directflow_cli.definitions.manifests import Manifest
from directflow_cli.definitions.places import Finding
from directflow_cli.definitions.problems import reference_places
from directflow_cli.definitions.references import referenced, short
from directflow_cli.definitions.steps import Step

_T = TypeVar("_T")


def in_order(steps: Iterable[Step]) -> list[Step]:
    """Connections, data sources, conditions; among them the used before their users, else as the files have them."""
    by_name = {step.name: step for step in steps}
    ranked = sorted(by_name, key=lambda name: KINDS.index(kind_of(name)))
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name in ranked:
        sorter.add(name, *sorted(by_name[name].uses & by_name.keys()))
    return sorted(map(by_name.__getitem__, sorter.static_order()), key=lambda step: KINDS.index(step.manifest.kind))


def cycles(manifests: Sequence[Manifest]) -> list[Finding]:
    """The first cycle among the expressions of the set. With one there is no order to write them in."""
    uses = {manifest.name: set(referenced(manifest.message)) for manifest in manifests}
    try:
        TopologicalSorter({name: sorted(used & uses.keys()) for name, used in uses.items()}).prepare()
    except CycleError as error:
        # graphlib names each node before the one that uses it; people read it the other way.
        path: list[str] = error.args[1][::-1]
        first = next(manifest for manifest in manifests if manifest.name == path[0])
        at = next(reference_places(first, path[1]), first.place)
        message = f"the condition uses itself: {' → '.join(map(short, path))}"
        return [Finding(message, at, rule="EXPRESSION_CYCLE", resource=first.name)]
    return []
