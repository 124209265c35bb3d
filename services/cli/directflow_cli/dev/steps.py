"""The steps of the journey: what the documentation promises, in the order in which a newcomer meets it."""

from pathlib import Path

from directflow_cli.dev.journey import Step
from directflow_cli.dev.options import DevOptions

WINDOW_EXAMPLE = """SELECT u.id AS profile_id, u.email, \
ROW_NUMBER() OVER (PARTITION BY u.plan_type ORDER BY u.created_at) as user_rank
FROM users u WHERE user_rank <= 100"""


def steps(options: DevOptions, directory: Path) -> list[Step]:
    """The whole journey on the demo; on a database of the user's own only what needs none of the demo's tables.

    Files go into the run's `directory`.
    """
    return [OWN_DATABASE] if options.own_database else demo(directory / "people.parquet")


def _step(title: str, *arguments: str) -> Step:
    return Step(title, arguments)


def demo(file: Path) -> list[Step]:
    """The documented journey; the audience is written to `file`."""
    return [
        _step("The segments that marketers choose from", "segment", "list", "communities", "--limit", "5"),
        _step("One of them", "segment", "get", "communities", "2"),
        _step("Its first people", "audience", "preview", "communities", "--segment", "2", "--people", "3"),
        _step("How many people it reaches", "audience", "count", "communities", "--segment", "1"),
        _step(
            "All of them, streamed through segments and the gateway",
            *("audience", "stream", "communities", "--segment", "1", "-o", "parquet", "--output-file", str(file)),
        ),
        _step("What is known of three people, for templates", "personalization", "get", "communities", "7", "8", "9"),
        _step("A condition, for one person", "condition", "evaluate", "is_premium", "--profile", "7"),
        _step(
            "The documented window example, which PostgreSQL itself refuses",
            *("query", "describe", "--connection", "customer", "--role", "generator", "--sql", WINDOW_EXAMPLE),
        ),
        _step("Its people: the first hundred of each plan", "audience", "count", "first_of_each_plan"),
    ]


OWN_DATABASE = _step(
    "Your database answers", "query", "describe", "--connection", "customer", "--sql", "SELECT 1 AS connected"
)
