"""Resource names from what a person types: `members` is `workspaces/{workspace}/dataSources/members`."""

import typer

WORKSPACE_NEEDED = "no workspace: give --workspace, set DIRECTFLOW_WORKSPACE, or start `directflow dev`"


def resource_name(given: str, collection: str, workspace: str) -> str:
    """The full name of a resource: a full name stays as it is, an id gets its workspace."""
    if given.startswith("workspaces/"):
        return given
    if not workspace:
        raise typer.BadParameter(WORKSPACE_NEEDED)
    return f"workspaces/{workspace}/{collection}/{given}"
