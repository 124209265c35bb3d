"""What the demo customer's people did with a welcome mail: a few thousand events, the same in each run but for the day.

Person 7 opened it three times and clicked nothing since entering the flow; person 6 opened it twice and clicked.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

FLOW: Final = "welcome"
PEOPLE: Final = 1_000
TRUE_OF: Final = "7"
FALSE_OF: Final = "6"
"""For the question: opened at least twice in the last 30 days, but has not clicked since entering the flow?"""


def write(file: Path, now: datetime | None = None) -> None:
    """The events as JSON lines, their times counted back from `now`. The file is its owner's only."""
    file.touch(mode=0o600)
    with file.open("w") as lines:
        lines.writelines(f"{json.dumps(event)}\n" for event in events(now or datetime.now(UTC)))


def events(now: datetime) -> Iterator[dict[str, Any]]:
    """All of them, person by person."""
    for person in range(1, PEOPLE + 1):
        for what, days_ago, more in _history(person):
            moment = now - timedelta(days=days_ago, minutes=person % 600)
            yield {
                "event_id": f"demo-{person}-{what.lower()}-{days_ago}",
                "type": what,
                "profile_id": str(person),
                "occur_time": moment.isoformat(timespec="seconds"),
                **more,
            }


def _history(person: int) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Type, days ago, and the rest."""
    flow = {"flow_id": FLOW, "flow_run_id": f"{FLOW}-1"}
    mail = {"channel": "email", "message_id": "welcome-mail", **flow}
    if person % 3 == 1:  # before entering the flow: it does not count as a click since
        yield "CLICKED", 20, {"channel": "email", "message_id": "newsletter-9", "link_id": "read-more"}
    yield "FLOW_ENTERED", 10, flow
    yield "SENT", 9, mail
    if person % 50 == 0:
        yield "BOUNCED", 8, {**mail, "bounce_kind": "HARD"}
        return
    yield "DELIVERED", 8, mail
    if person % 10 == 4:
        yield "OPENED", 8, {**mail, "machine_open": True}  # a mail scanner: not counted unless one asks for it
    for opened in range(person % 4):
        yield "OPENED", 7 - opened, mail
    if person % 3 == 0:
        yield "CLICKED", 4, {**mail, "link_id": "get-started"}
    if person % 40 == 9:
        yield "UNSUBSCRIBED", 3, {"channel": "email"}
