"""The steps of the journey: what the documentation promises, in the order in which a newcomer meets it."""

from pathlib import Path
from typing import Any, Final

from directflow_cli.definitions.files import sources
from directflow_cli.definitions.kinds import DATA_SOURCE
from directflow_cli.definitions.manifests import read_all
from directflow_cli.dev import demo_engagement
from directflow_cli.dev.demo_engagement import FALSE_OF, FLOW, TRUE_OF
from directflow_cli.dev.journey import Step
from directflow_cli.dev.options import DevOptions
from directflow_cli.dev.settings_files import WORKSPACE

EVERYONE: Final = "1"
NEWSLETTER: Final = "2"
"""Keys of the demo's two large segments: all of its people, and six in ten."""
TRUE_OR_FALSE: Final = frozenset({0, 1})
FALSE_ONLY: Final = frozenset({1})
MOST_EVALUATED: Final = 100_000
MOST_DATA_SOURCES: Final = 3
WINDOW_EXAMPLE: Final = """SELECT u.id AS profile_id, u.email, \
ROW_NUMBER() OVER (PARTITION BY u.plan_type ORDER BY u.created_at) as user_rank
FROM users u WHERE user_rank <= 100"""


def preparation(options: DevOptions, definitions: Path | None) -> list[Step]:
    """What is saved before anything is asked: the demo's definitions from an empty system, or the user's own."""
    if definitions is None:
        return []
    whole = demo_definitions(definitions) if options.applies_connection else own_definitions(definitions)
    return whole if options.tour else whole[:1]


def steps(options: DevOptions, directory: Path) -> list[Step]:
    """The whole journey on the demo; elsewhere a look at the connection. Files go into the run's `directory`."""
    if not options.tour:
        return []
    if options.applies_connection:
        return [*demo(directory / "everyone.parquet"), *demo_conditions(directory, min(options.users, MOST_EVALUATED))]
    return own_database()


def demo_definitions(definitions: Path) -> list[Step]:
    """The documented product, set up from an empty system."""
    return [
        Step(
            "The documented product, from files, checked on the customer's server", _words("apply -f", str(definitions))
        ),
        Step("Its connection, step by step", _words("connection test customer")),
        Step("What was saved, and where each variable comes from", _words("describe data-source communities")),
    ]


def demo(file: Path) -> list[Step]:
    """The documented journey; the large audience is written to `file`."""
    stream = _words("audience stream communities -o parquet --segment", EVERYONE, "--output-file", str(file))
    window = _words("query describe --connection customer --role generator --sql", WINDOW_EXAMPLE)
    return [
        Step("The segments that marketers choose from", _words("segment list communities --limit 5")),
        Step("One of them", _words("segment get communities", NEWSLETTER)),
        Step("Its first people", _words("audience preview communities --people 3 --segment", NEWSLETTER)),
        Step("How many people it reaches", _words("audience count communities --segment", NEWSLETTER)),
        Step("Everyone, streamed through segments and the gateway", stream, note=lambda took: _rate(file, took)),
        Step("What is known of one person, for templates", _words("personalization get communities 7")),
        Step("Of several at once; the last one has no profile", _words("personalization get communities 7 8 9 10")),
        Step("The documented window example, which PostgreSQL itself refuses", window),
        Step("Its people: the first hundred of each plan", _words("audience count first_of_each_plan")),
        Step("The documented jsonb example", _words("audience preview with_preferences --people 3")),
        Step("The documented example of dates and intervals", _words("audience preview active_lately --people 3")),
    ]


def demo_conditions(directory: Path, people: int) -> list[Step]:
    """Conditions for one person and for many, on the customer's data and on engagement; its files are written here."""
    profiles, events = directory / "profiles.txt", directory / "engagement.jsonl"
    profiles.write_text("".join(f"{person}\n" for person in range(1, people + 1)))
    demo_engagement.write(events)
    lately = f"condition evaluate opened_but_not_clicked --flow {FLOW} --explain --profile"

    def rate(took: float) -> str:
        return f"{people:,} people, {people / took:,.0f} a second"

    return [
        Step("A condition, for one person", _words("condition evaluate is_premium --profile 7"), TRUE_OR_FALSE),
        Step(f"For {people:,}", _words("condition evaluate-many is_premium -f", str(profiles)), note=rate),
        Step("What people did with messages is recorded", _words("engagement record", str(events))),
        Step("What one of them did", _words("engagement list --limit 5", TRUE_OF)),
        Step(
            "Opened at least twice in the last 30 days, but has not clicked since entering the flow: true of one",
            _words(lately, TRUE_OF),
        ),
        Step("And not of another", _words(lately, FALSE_OF), FALSE_ONLY),
        Step(
            f"The same for {people:,}, in one pass a batch",
            _words(f"condition evaluate-many opened_but_not_clicked --flow {FLOW} -f", str(profiles)),
            note=rate,
        ),
    ]


def own_database() -> list[Step]:
    """What can be asked of any database."""
    return [
        Step("Your database answers", _words("query describe --connection customer --sql", "SELECT 1 AS connected"))
    ]


def own_definitions(definitions: Path) -> list[Step]:
    """The user's own files, applied, and what their first data sources have."""
    manifests = read_all(sources([str(definitions)]), WORKSPACE).manifests
    data_sources = [manifest for manifest in manifests if manifest.kind is DATA_SOURCE][:MOST_DATA_SOURCES]
    return [
        Step("Your definitions, checked on your server", _words("apply -f", str(definitions))),
        *(_own_data_source(manifest.name, manifest.message) for manifest in data_sources),
    ]


def _own_data_source(name: str, data_source: Any) -> Step:
    if data_source.discovery_sql:
        return Step("Your segments", _words("segment list --limit 5", name))
    return Step("Your audience", _words("audience preview --people 3", name))


def _rate(file: Path, took: float) -> str:
    import pyarrow.parquet as parquet  # here: whoever asks for --help needs no Arrow

    people = parquet.read_metadata(file).num_rows
    return f"{people:,} people, {people / took:,.0f} a second"


def _words(command: str, *arguments: str) -> tuple[str, ...]:
    return (*command.split(), *arguments)
