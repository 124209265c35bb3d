"""The last thing that is done to a release."""

from .release import Release


def test_uninstalling_leaves_nothing(release: Release) -> None:
    assert release.left()
    release.uninstall()
    assert release.left() == []
