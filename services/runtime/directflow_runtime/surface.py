"""What each role may call of one service's API. A method that is in no table is nobody's.

A service says it once, in its `surface.py`; an operator names a role and no methods.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from directflow_runtime.settings import CallerSettings, SettingsError

DEVELOPER: Final = "developer"
"""Writes definitions."""
PLATFORM: Final = "platform"
"""Calls what developers have defined."""

Roles = frozenset[str]


def _platform_or_developer(caller: CallerSettings) -> Roles:
    return frozenset({PLATFORM, DEVELOPER})


@dataclass(frozen=True, slots=True)
class Surface:
    """The methods of one service, and who they are for."""

    methods: Mapping[str, Roles]
    """By "package.Service/Method"."""
    without_role: Callable[[CallerSettings], Roles] = _platform_or_developer
    """What a caller is whose settings name no role: `services` says the rest."""

    def methods_of(self, caller: CallerSettings) -> frozenset[str]:
        """Everything that this caller may call. Raises SettingsError for a role that this service does not know."""
        known = frozenset[str]().union(*self.methods.values())
        if caller.role and caller.role not in known:
            told = f"identity.callers: role of {caller.name} must be one of {', '.join(sorted(known))}"
            raise SettingsError(told)
        roles = frozenset({caller.role}) if caller.role else self.without_role(caller)
        mine = (method for method, allowed in self.methods.items() if allowed & roles)
        # A role alone means all of its methods; without one nothing is meant that `services` does not say.
        prefixes = caller.services or (("",) if caller.role else ())
        return frozenset(method for method in mine if method.startswith(prefixes))


def methods(service: str, roles: Collection[str], *names: str) -> dict[str, Roles]:
    """A part of the table: some methods of a service ("package.Service") for the same roles."""
    return {f"{service}/{name}": frozenset(roles) for name in names}
