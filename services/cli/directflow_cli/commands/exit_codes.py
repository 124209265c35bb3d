"""Exit codes that scripts can rely on.

| code | meaning |
| --- | --- |
| 0 | done, and the answer is yes: the condition is TRUE, the profile has data, the file is checked |
| 1 | done, and the answer is no: the condition is FALSE, the profile has no data, a check missed, a diff differs |
| 2 | the command line cannot be used |
| 3 | there is no such resource, segment or file |
| 4 | the request, the definition or a line of the file is wrong; the error names place and hint |
| 5 | a service or the customer's database cannot be reached: try again |
| 6 | out of time |
| 7 | this identity may not do that |
| 8 | a limit was reached, or everything is busy |
| 9 | something changed in between: start over |
| 10 | the customer's database does not go along: its data, its permissions, its login |
| 11 | done, and undecided: the condition, or a profile, came to ERROR |
| 12 | the stream ended without its proof of completeness; nothing was kept |
| 13 | this version of the service cannot do that |
| 70 | a defect of ours; the trace id leads to its cause |
| 130 | interrupted |
| 141 | whoever read our output stopped reading |
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from directflow_runtime.errors import StatusCode


class ExitCode(enum.IntEnum):
    """What the process says when it ends."""

    OK = 0
    NEGATIVE = 1
    USAGE = 2
    NOT_FOUND = 3
    INVALID = 4
    UNAVAILABLE = 5
    DEADLINE = 6
    PERMISSION = 7
    LIMIT = 8
    CHANGED = 9
    DATABASE = 10
    UNDECIDED = 11
    INCOMPLETE = 12
    UNIMPLEMENTED = 13
    DEFECT = 70
    INTERRUPTED = 130
    BROKEN_PIPE = 141


_BY_CODE: Final[Mapping[StatusCode, ExitCode]] = MappingProxyType(
    {
        StatusCode.CANCELLED: ExitCode.INTERRUPTED,
        StatusCode.INVALID_ARGUMENT: ExitCode.INVALID,
        StatusCode.OUT_OF_RANGE: ExitCode.INVALID,
        StatusCode.ALREADY_EXISTS: ExitCode.INVALID,
        StatusCode.DEADLINE_EXCEEDED: ExitCode.DEADLINE,
        StatusCode.NOT_FOUND: ExitCode.NOT_FOUND,
        StatusCode.PERMISSION_DENIED: ExitCode.PERMISSION,
        StatusCode.UNAUTHENTICATED: ExitCode.PERMISSION,
        StatusCode.RESOURCE_EXHAUSTED: ExitCode.LIMIT,
        StatusCode.FAILED_PRECONDITION: ExitCode.DATABASE,
        StatusCode.ABORTED: ExitCode.CHANGED,
        StatusCode.UNIMPLEMENTED: ExitCode.UNIMPLEMENTED,
        StatusCode.UNAVAILABLE: ExitCode.UNAVAILABLE,
    }
)
_BY_REASON: Final[Mapping[str, ExitCode]] = MappingProxyType(
    {
        # A broken definition is its author's business, whatever the code is that it comes with.
        "DEFINITION_BROKEN": ExitCode.INVALID,
        "CONTRACT_BROKEN": ExitCode.INVALID,
        "STATEMENT_REFUSED": ExitCode.INVALID,
        "REFERENCE_NOT_FOUND": ExitCode.INVALID,
        "RESOURCE_IN_USE": ExitCode.INVALID,
        "STREAM_INCOMPLETE": ExitCode.INCOMPLETE,
    }
)


def exit_code_of(code: StatusCode, reason: str) -> ExitCode:
    """The exit code of a failed call."""
    return _BY_REASON.get(reason) or _BY_CODE.get(code, ExitCode.DEFECT)
