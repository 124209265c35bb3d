"""`directflow-gateway`, or `python -m directflow_gateway --config FILE`."""

import sys

from directflow_runtime import boot

from directflow_gateway import app
from directflow_gateway.config import GatewaySettings


def main() -> None:
    """Serves until it is told to stop; exit code 0 after a clean drain, 2 for settings that cannot be used."""
    sys.exit(boot.main(app.NAME, GatewaySettings, app.build))


if __name__ == "__main__":
    main()
