"""A clock that stands still until a test moves it."""


class Clock:
    """For whoever takes a clock as a function: `clock.now += 5`."""

    def __init__(self, now: float = 100.0) -> None:
        """`now` in seconds."""
        self.now = now

    def __call__(self) -> float:
        """Seconds."""
        return self.now
