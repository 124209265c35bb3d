"""Where the credential of a connection lies: a text of the settings, filled with the connection's name."""

import re

from directflow_gateway.connections import Connection

PLACEHOLDER = re.compile(r"\{(\w*)\}")
RUN_TOGETHER = re.compile(r"\}[a-z0-9-]*\{")
"""Nothing between two names that an id could not hold as well: `{workspace}-{connection}` is one place for connection
`b-c` of workspace `a` and for `c` of `a-b`."""
BOTH = ("workspace", "connection")
ID = r"[a-z0-9-]+"


class Template:
    """Gives each connection a place of its own."""

    def __init__(self, text: str, names: tuple[str, ...] = BOTH) -> None:
        """All of `names` are required, and no other: or one workspace's connection would be handed another's password.
        Raises ValueError."""
        needed = " and ".join(f"{{{name}}}" for name in names)
        if set(PLACEHOLDER.findall(text)) != set(names):
            raise ValueError(f"holds {needed}, and no other name in braces")
        if RUN_TOGETHER.search(text):
            raise ValueError(f"keeps {needed} apart by a slash, a dot or an underscore: names hold hyphens themselves")
        self.text = text

    def of(self, connection: Connection) -> str:
        """The connection's place."""
        # Resource ids have neither dot nor slash (Connection checks), so nothing leads out of the directory.
        values = {"workspace": connection.workspace, "connection": connection.id, "role": connection.id}
        return PLACEHOLDER.sub(lambda found: values[found[1]], self.text)

    def may_give(self, place: str) -> bool:
        """True when some connection's place is this one."""
        parts = re.split(PLACEHOLDER.pattern.replace("(", "").replace(")", ""), self.text)
        return re.fullmatch(ID.join(map(re.escape, parts)), place) is not None
