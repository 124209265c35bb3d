"""Where a person stands when a predicate is asked."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Anchor:
    """What "since flow entry" and "this message" mean for one person. Texts that are not known are empty."""

    flow_id: str = field(default="", repr=False)
    flow_run_id: str = field(default="", repr=False)
    """Empty: the newest run that the person entered."""
    entered_us: int | None = None
    """When the person entered the run, where the caller knows; else the newest FLOW_ENTERED event says it."""
    message_id: str = field(default="", repr=False)

    @property
    def has_flow(self) -> bool:
        """True when it says since when."""
        return self.entered_us is not None or bool(self.flow_id)


NOWHERE = Anchor()
