"""`directflow-segments`, or `python -m directflow_segments --config FILE`."""

import sys

from directflow_runtime import boot

from directflow_segments import app
from directflow_segments.config import SegmentsSettings


def main() -> None:
    """Serves until it is told to stop; exits with 0 after a clean drain, with 2 for settings that cannot be used."""
    sys.exit(boot.main(app.NAME, SegmentsSettings, app.build))


if __name__ == "__main__":
    main()
