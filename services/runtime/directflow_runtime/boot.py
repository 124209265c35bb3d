"""A service's `__main__`: `python -m directflow_gateway --config gateway.toml`."""

import argparse
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

from directflow_runtime import logging
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.lifecycle import App, run
from directflow_runtime.settings import LoggingSettings, ServiceSettings, SettingsError, load

_Settings = TypeVar("_Settings", bound=ServiceSettings)


def main(
    service: str,
    settings_model: type[_Settings],
    build: Callable[[_Settings, AsyncExitStack], Awaitable[App]],
    arguments: Sequence[str] | None = None,
) -> int:
    """Reads the settings, sets up logging, serves, and returns the exit code: 2 for settings that cannot be used.

    `service` is "directflow-gateway"; the variables that override its file begin with `DIRECTFLOW_GATEWAY__`.
    """
    options = _parser(service).parse_args(arguments)
    try:
        settings = load(settings_model, options.config, environment_prefix(service))
    except SettingsError as error:
        logging.configure(LoggingSettings(), service)
        return _unusable(error)
    logging.configure(settings.logging, service)
    return _run(service, settings, build)


def environment_prefix(service: str) -> str:
    """ "DIRECTFLOW_GATEWAY__" for "directflow-gateway"."""
    return service.upper().replace("-", "_") + "__"


def _run(service: str, settings: _Settings, build: Callable[[_Settings, AsyncExitStack], Awaitable[App]]) -> int:
    try:
        return run(lambda opened: build(settings, opened), settings.server, service)
    except SettingsError as error:  # what only shows when it is used, such as a key that is not the certificate's
        return _unusable(error)
    except (OSError, DirectFlowError) as error:  # an address that is taken; what a service refuses to start with
        logging.get_logger(__name__).error("the service did not start", problem=str(error), exc_info=error)
    except Exception as error:  # its message may hold anything, so that its type and stack have to do
        logging.get_logger(__name__).error("the service ended unexpectedly", exc_info=error)
    return 1


def _unusable(error: SettingsError) -> int:
    logging.get_logger(__name__).error("settings cannot be used", problem=str(error))
    return 2


def _parser(service: str) -> argparse.ArgumentParser:
    prefix = environment_prefix(service)
    parser = argparse.ArgumentParser(prog=service, description=f"Serves until SIGTERM. {prefix}* overrides the file.")
    parser.add_argument("--config", type=Path, help="TOML file with the service's settings")
    return parser
