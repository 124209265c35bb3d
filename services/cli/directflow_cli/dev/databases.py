"""The databases of a local run: the customer's, which is the user's own or the demo's, and DirectFlow's own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from rich.console import Console

from directflow_cli.dev import postgres_binaries, report
from directflow_cli.dev.customer import CustomerDatabase, from_url
from directflow_cli.dev.demo_database import demo_databases
from directflow_cli.dev.directflow_database import DirectFlowDatabase, private_database
from directflow_cli.dev.options import DevOptions
from directflow_cli.dev.postgres_binaries import Installation, PostgresUnavailable


@dataclass(frozen=True, slots=True)
class Databases:
    """What a run works on."""

    customer: CustomerDatabase
    directflow: DirectFlowDatabase | None
    """None where there is no PostgreSQL to start one with."""


@contextmanager
def serving(options: DevOptions, console: Console) -> Iterator[Databases]:
    """The databases of one run, while the block lasts."""
    with ExitStack() as stack:
        if options.own_database:
            customer = from_url(options.database_url)
            yield Databases(customer, _beside_the_users_own(stack, options, console))
        else:
            yield _demo(stack, options, console)


def _demo(stack: ExitStack, options: DevOptions, console: Console) -> Databases:
    installation = _installation(options)
    name = _name(installation)
    with report.working(console, name) as say:
        customer, directflow = stack.enter_context(demo_databases(installation, options.users, say))
    where = f"{customer.host}:{customer.port}"
    report.done(console, f"{name} on {where}, with a demo customer with {options.users:,} people")
    return Databases(customer, directflow)


def _beside_the_users_own(stack: ExitStack, options: DevOptions, console: Console) -> DirectFlowDatabase | None:
    try:
        installation = _installation(options)
    except PostgresUnavailable as problem:
        report.left_out(console, f"No engagement: DirectFlow's own database needs a PostgreSQL to run here. {problem}")
        return None
    with report.working(console, _name(installation)) as say:
        say("starting it for DirectFlow's own database")
        found = stack.enter_context(private_database(installation))
    where = f"{found.host}:{found.port}"
    report.done(console, f"{_name(installation)} on {where}, for engagement: nothing is written to yours")
    return found


def _installation(options: DevOptions) -> Installation:
    programs = options.postgres_bin
    return postgres_binaries.at(programs) if programs else postgres_binaries.choose("embedded-first")


def _name(installation: Installation) -> str:
    return f"PostgreSQL {installation.version}{' (embedded)' if installation.embedded else ''}"
