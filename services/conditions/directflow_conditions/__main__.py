"""`directflow-conditions`, or `python -m directflow_conditions --config FILE`."""

import sys

from directflow_runtime import boot

from directflow_conditions import app
from directflow_conditions.config import ConditionsSettings


def main() -> None:
    """Serves until it is told to stop, and ends the process with its exit code."""
    sys.exit(boot.main(app.NAME, ConditionsSettings, app.build))


if __name__ == "__main__":
    main()
