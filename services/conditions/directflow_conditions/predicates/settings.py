"""`engagement = {...}` of a condition in the settings file."""

import re
from datetime import timedelta
from typing import Annotated, Final

from directflow_runtime.settings import SettingsModel
from pydantic import AwareDatetime, BeforeValidator, Field, StrictBool, StrictInt, model_validator

from directflow_conditions.predicates.predicate import (
    LAST_BUCKET,
    MAX_COUNT,
    BounceKind,
    BucketPredicate,
    CountComparison,
    EventPredicate,
    EventType,
    Predicate,
    Scope,
    SubscriptionPredicate,
    SubscriptionState,
    Window,
)

_SPAN: Final = re.compile(r"([1-9][0-9]{0,6}) (minute|hour|day)s?")
_UNITS: Final = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_Text = Annotated[str, Field(max_length=128)]


def span(text: object) -> timedelta:
    """ "30 days" and the like as a duration."""
    read = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if read is None:
        raise ValueError('write it as "<n> minutes", "<n> hours" or "<n> days"')
    return int(read[1]) * _UNITS[read[2]]


class WindowSettings(SettingsModel):
    """`window`: `last`, or `begin` and `end` as TOML datetimes with an offset; they hold together."""

    last: Annotated[timedelta, BeforeValidator(span)] | None = None
    begin: AwareDatetime | None = None
    end: AwareDatetime | None = None

    @model_validator(mode="after")
    def _is_not_empty(self) -> "WindowSettings":
        if self.begin is not None and self.end is not None and self.begin >= self.end:
            raise ValueError("begin must be before end")
        return self

    def window(self) -> Window:
        return Window(self.last, self.begin, self.end)


class EventSettings(SettingsModel):
    """`event`: how often something happened."""

    type: EventType
    channel: _Text = ""
    message_id: _Text = ""
    campaign_id: _Text = ""
    link_id: _Text = ""
    comparison: CountComparison = CountComparison.AT_LEAST
    count: StrictInt = Field(default=0, ge=0, le=MAX_COUNT)
    window: WindowSettings = WindowSettings()
    scope: Scope = Scope.ALL_TIME
    include_machine_opens: StrictBool = False
    bounce_kind: BounceKind | None = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> "EventSettings":
        if self.bounce_kind is not None and self.type is not EventType.BOUNCED:
            raise ValueError("bounce_kind is for events of type BOUNCED")
        if self.include_machine_opens and self.type is not EventType.OPENED:
            raise ValueError("include_machine_opens is for events of type OPENED")
        return self

    def predicate(self) -> Predicate:
        return EventPredicate(
            type=self.type,
            channel=self.channel,
            message_id=self.message_id,
            campaign_id=self.campaign_id,
            link_id=self.link_id,
            comparison=self.comparison,
            count=self.count,
            window=self.window.window(),
            scope=self.scope,
            include_machine_opens=self.include_machine_opens,
            bounce_kind=self.bounce_kind,
        )


class SubscriptionSettings(SettingsModel):
    """`subscription`: whether the person may be written to."""

    channel: _Text = Field(min_length=1)
    state: SubscriptionState

    def predicate(self) -> Predicate:
        return SubscriptionPredicate(self.channel, self.state)


class BucketSettings(SettingsModel):
    """`bucket`: whether the person's stable random bucket lies in a range, both ends included."""

    salt: _Text = Field(min_length=1)
    first: StrictInt = Field(default=0, ge=0, le=LAST_BUCKET)
    last: StrictInt = Field(ge=0, le=LAST_BUCKET)

    @model_validator(mode="after")
    def _is_not_empty(self) -> "BucketSettings":
        if self.first > self.last:
            raise ValueError("first must not be greater than last")
        return self

    def predicate(self) -> Predicate:
        return BucketPredicate(self.salt, self.first, self.last)


class PredicateSettings(SettingsModel):
    """`engagement`: exactly one of `event`, `subscription` and `bucket`."""

    event: EventSettings | None = None
    subscription: SubscriptionSettings | None = None
    bucket: BucketSettings | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "PredicateSettings":
        if sum(one is not None for one in (self.event, self.subscription, self.bucket)) != 1:
            raise ValueError("exactly one of event, subscription and bucket")
        return self

    def predicate(self) -> Predicate:
        (given,) = (one for one in (self.event, self.subscription, self.bucket) if one is not None)
        return given.predicate()
