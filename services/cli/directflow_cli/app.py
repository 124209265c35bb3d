"""Where the `directflow` command is put together: each group registers itself, in the order that --help shows."""

import typer

from directflow_cli.commands import audience, condition, personalization, query, segment
from directflow_cli.commands.engagement import command as engagement
from directflow_cli.dev import command as dev
from directflow_cli.traces import command as trace


def build() -> typer.Typer:
    """The whole command line. A function, so that importing a command builds nothing."""
    app = typer.Typer(
        name="directflow",
        help="Audiences, personalization and conditions straight from a customer's own PostgreSQL.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # a traceback with locals would print values and passwords
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_only_groups)
    # One line a group, in directflow_cli/commands/<group>.py: `def register(app: typer.Typer) -> None`.
    dev.register(app)
    segment.register(app)
    audience.register(app)
    personalization.register(app)
    condition.register(app)
    engagement.register(app)
    query.register(app)
    trace.register(app)
    return app


def _only_groups() -> None:
    """Keeps `directflow dev` a subcommand: typer runs an only command without its name."""
