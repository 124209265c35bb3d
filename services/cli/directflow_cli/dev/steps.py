"""The steps of the journey: what the documentation promises, in the order in which a newcomer meets it."""

from directflow_cli.dev.journey import Step
from directflow_cli.dev.options import DevOptions


DEMO: list[Step] = []


def steps(options: DevOptions) -> list[Step]:
    """The whole journey on the demo; on a database of the user's own only what needs none of the demo's tables."""
    return [] if options.own_database else DEMO


def _step(title: str, *arguments: str) -> Step:
    return Step(title, arguments)
