"""Events as a mail campaign makes them, and how often each person opened and clicked: what predicates must find."""

import random
import time
import uuid
from collections import Counter

from directflow.conditions.v1 import engagement_service_pb2 as pb
from directflow.engagement.v1 import engagement_pb2 as engagement
from google.protobuf.timestamp_pb2 import Timestamp

from benchmarks.conditions.tables import WORKSPACE

PEOPLE = 200_000
DAYS = 60
DAY_S = 86_400
TYPES = {
    engagement.EVENT_TYPE_SENT: 45,
    engagement.EVENT_TYPE_DELIVERED: 40,
    engagement.EVENT_TYPE_OPENED: 10,
    engagement.EVENT_TYPE_CLICKED: 4,
    engagement.EVENT_TYPE_UNSUBSCRIBED: 1,
}


class Campaign:
    """Makes events that nobody has seen before, of the last 60 days."""

    def __init__(self) -> None:
        self.now = int(time.time())
        self.recorded = 0
        self.opened: Counter[str] = Counter()
        """Opens by person, of events that were acknowledged."""
        self.clicked: Counter[str] = Counter()
        """The same of clicks."""
        self._counted = {
            engagement.EVENT_TYPE_OPENED: self.opened,
            engagement.EVENT_TYPE_CLICKED: self.clicked,
        }
        self._random = random.Random(11)

    def request(self, size: int) -> pb.RecordEngagementRequest:
        """That many new events."""
        return pb.RecordEngagementRequest(parent=WORKSPACE, events=[self._event(kind) for kind in self._kinds(size)])

    def acknowledged(self, request: pb.RecordEngagementRequest) -> None:
        """These are recorded now, for the first time."""
        self.recorded += len(request.events)
        for kind, people in self._counted.items():
            people.update(event.profile_id for event in request.events if event.type == kind)

    def _kinds(self, size: int) -> list[engagement.EventType]:
        return self._random.choices(list(TYPES), weights=list(TYPES.values()), k=size)

    def _event(self, kind: engagement.EventType) -> engagement.Event:
        pick = self._random.randrange
        return engagement.Event(
            event_id=str(uuid.UUID(int=self._random.getrandbits(128))),
            type=kind,
            profile_id=str(pick(PEOPLE)),
            channel="email",
            message_id=f"message-{pick(200)}",
            campaign_id=f"campaign-{pick(20)}",
            flow_id="welcome",
            flow_run_id="run-1",
            link_id=f"link-{pick(10)}" if kind == engagement.EVENT_TYPE_CLICKED else "",
            occur_time=Timestamp(seconds=self.now - pick(DAYS * DAY_S), nanos=pick(1_000_000) * 1_000),
        )
