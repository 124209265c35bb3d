"""The last thing that is done to a release."""

import time

from .release import Release

GONE_S = 150.0
"""Pods serve on for a while before they stop: callers do not know yet."""


def test_uninstalling_leaves_nothing(release: Release) -> None:
    assert release.left()
    release.uninstall()
    ends_at = time.monotonic() + GONE_S
    while (left := release.left()) and time.monotonic() < ends_at:
        time.sleep(1)
    assert left == []
