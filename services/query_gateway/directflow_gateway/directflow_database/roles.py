"""The three logins to DirectFlow's own database."""

import enum


class DatabaseRole(enum.Enum):
    """Each may do what its work needs, and no more."""

    OWNER = "owner"
    WRITER = "writer"
    READER = "reader"
