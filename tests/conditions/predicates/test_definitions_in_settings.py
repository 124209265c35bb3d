"""Engagement conditions and expressions in the settings file: what is read, and what is refused by name."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from directflow_conditions.config import ConditionsSettings
from directflow_conditions.expressions.expression import AllOf, AnyOf, Named, Negation
from directflow_conditions.predicates.predicate import (
    BounceKind,
    BucketPredicate,
    CountComparison,
    EventPredicate,
    EventType,
    Scope,
    SubscriptionPredicate,
    SubscriptionState,
    Window,
)
from directflow_runtime.settings import SettingsError, load

PREFIX = "workspaces/acme/conditions/"


def read(tmp_path: Path, *definitions: str) -> dict[str, object]:
    """Definitions `c0`, `c1`, ... as the file holds them."""
    file = tmp_path / "conditions.toml"
    parts = [
        f'[[conditions]]\nname = "{PREFIX}c{number}"\n{definition}\n' for number, definition in enumerate(definitions)
    ]
    file.write_text("\n".join(['[gateway]\ntarget = "127.0.0.1:1"\n', *parts]))
    settings = load(ConditionsSettings, file, "DIRECTFLOW_CONDITIONS__", {})
    return {one.name.removeprefix(PREFIX): one.condition().definition for one in settings.conditions}


def refusal(tmp_path: Path, *definitions: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, *definitions)
    return str(caught.value)


EVENT = 'engagement = { event = { type = "OPENED" } }'


@pytest.mark.parametrize(
    ("written", "predicate"),
    [
        (EVENT, EventPredicate(EventType.OPENED)),
        (
            'engagement = { event = { type = "OPENED", channel = "email", comparison = "AT_LEAST", count = 2, '
            'window = { last = "30 days" }, scope = "SINCE_FLOW_ENTRY", include_machine_opens = true } }',
            EventPredicate(
                EventType.OPENED,
                channel="email",
                comparison=CountComparison.AT_LEAST,
                count=2,
                window=Window(last=timedelta(days=30)),
                scope=Scope.SINCE_FLOW_ENTRY,
                include_machine_opens=True,
            ),
        ),
        (
            'engagement.event = { type = "BOUNCED", bounce_kind = "HARD", message_id = "m", campaign_id = "c", '
            'link_id = "l", window = { begin = 2026-01-01T00:00:00Z, end = 2026-02-01T00:00:00Z } }',
            EventPredicate(
                EventType.BOUNCED,
                message_id="m",
                campaign_id="c",
                link_id="l",
                bounce_kind=BounceKind.HARD,
                window=Window(begin=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 2, 1, tzinfo=UTC)),
            ),
        ),
        (
            'engagement = { event = { type = "SENT", window = { last = "1 hour" } } }',
            EventPredicate(EventType.SENT, window=Window(last=timedelta(hours=1))),
        ),
        (
            'engagement = { subscription = { channel = "email", state = "AVAILABLE" } }',
            SubscriptionPredicate("email", SubscriptionState.AVAILABLE),
        ),
        ('engagement = { bucket = { salt = "x", first = 0, last = 4999 } }', BucketPredicate("x", 0, 4999)),
        ('engagement = { bucket = { salt = "x", last = 0 } }', BucketPredicate("x", 0, 0)),
    ],
)
def test_an_engagement_condition_is_read_as_it_stands(tmp_path: Path, written: str, predicate: object) -> None:
    assert read(tmp_path, written) == {"c0": predicate}


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ('engagement = { event = { type = "OPENED", chanel = "email" } }', "engagement.event.chanel"),
        ('engagement = { event = { type = "OPEND" } }', "engagement.event.type"),
        ("engagement = { event = {} }", "engagement.event.type"),
        ('engagement = { event = { type = "OPENED", count = -1 } }', "engagement.event.count"),
        ('engagement = { event = { type = "OPENED", count = "2" } }', "engagement.event.count"),
        ('engagement = { event = { type = "OPENED", window = { last = "30 d" } } }', "minutes"),
        ('engagement = { event = { type = "OPENED", window = { last = "0 days" } } }', "minutes"),
        ('engagement = { event = { type = "OPENED", window = { begin = 2026-01-01T00:00:00 } } }', "window.begin"),
        (
            "engagement.event = { type = 'SENT', window = { begin = 2026-01-02T00:00:00Z, "
            "end = 2026-01-01T00:00:00Z } }",
            "begin must be before end",
        ),
        ('engagement = { event = { type = "SENT", bounce_kind = "HARD" } }', "BOUNCED"),
        ('engagement = { event = { type = "SENT", include_machine_opens = true } }', "OPENED"),
        ('engagement = { subscription = { channel = "", state = "AVAILABLE" } }', "subscription.channel"),
        ('engagement = { subscription = { channel = "email", state = "OK" } }', "subscription.state"),
        ('engagement = { bucket = { salt = "x", first = 0, last = 10000 } }', "bucket.last"),
        ('engagement = { bucket = { salt = "x", first = 5, last = 4 } }', "greater than last"),
        ("engagement = {}", "exactly one of event, subscription and bucket"),
        (
            'engagement = { event = { type = "SENT" }, bucket = { salt = "x", last = 1 } }',
            "exactly one of event, subscription and bucket",
        ),
        ("", "exactly one of connection with sql, engagement, and expression"),
        (EVENT + '\nsql = "SELECT true AS result"', "exactly one of"),
        (EVENT + '\nexpression = "c0"', "exactly one of"),
        ('sql = "SELECT true AS result"', "connection and sql belong together"),
        (EVENT + '\nvariables = [{ name = "plan" }]', "variables belong to sql"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path: Path, written: str, complaint: str) -> None:
    assert complaint in refusal(tmp_path, written)


def named(name: str) -> Named:
    return Named(PREFIX + name)


@pytest.mark.parametrize(
    ("written", "expression"),
    [
        ('"c1"', named("c1")),
        (f'"{PREFIX}c1"', named("c1")),
        ('{ negation = "c1" }', Negation(named("c1"))),
        (
            '{ all_of = ["c1", { any_of = ["c1", { negation = "c1" }] }] }',
            AllOf((named("c1"), AnyOf((named("c1"), Negation(named("c1")))))),
        ),
    ],
)
def test_an_expression_is_read_as_it_stands(tmp_path: Path, written: str, expression: object) -> None:
    assert read(tmp_path, f"expression = {written}", EVENT)["c0"] == expression


DEEP = "{ negation = " * 64 + '"c1"' + " }" * 64


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("{}", "exactly one of a condition"),
        ("7", "exactly one of a condition"),
        ('{ all_off = ["c1"] }', "unknown setting expression.all_off"),
        ('{ all_of = ["c1"], any_of = ["c1"] }', "exactly one of a condition"),
        ("{ all_of = [] }", "expression.all_of: a list of 1 to 64 operands"),
        ('{ all_of = "c1" }', "expression.all_of: a list of 1 to 64 operands"),
        ("{ any_of = [" + '"c1", ' * 65 + "] }", "1 to 64 operands"),
        ('{ any_of = ["c1", { negation = "c 1" }] }', "expression.any_of.1.negation: is no id"),
        ('"workspaces/other/conditions/c1"', "another workspace"),
        ('"gone"', f"{PREFIX}c0: there is no condition {PREFIX}gone"),
        ('{ negation = "c0" }', f"{PREFIX}c0: the expression refers to itself: {PREFIX}c0 -> {PREFIX}c0"),
        (DEEP, "nests deeper than 64"),
    ],
)
def test_an_expression_that_cannot_be_planned_is_refused_before_the_service_starts(
    tmp_path: Path, written: str, complaint: str
) -> None:
    assert complaint in refusal(tmp_path, f"expression = {written}", EVENT)


def test_a_cycle_through_others_is_refused_and_shown(tmp_path: Path) -> None:
    complaint = refusal(tmp_path, 'expression = "c1"', 'expression = { negation = "c2" }', 'expression = "c0"')
    assert f"refers to itself: {PREFIX}c0 -> {PREFIX}c1 -> {PREFIX}c2 -> {PREFIX}c0" in complaint
