"""The gateway with the choice of the form taken away from it: `SETS_FORM=lateral python -m forced_form --config FILE`.

On a small table the measured guard keeps to the single form, and nothing would be judged. Here every batch runs in the
form asked for, wherever the statement has it; `join` is the semi-join where there is one. This is the one place that
knows the set form's insides.
"""

import os
import sys

from directflow_gateway.__main__ import main
from directflow_gateway.queries.sets.costs import Costs, Form, Step

MOST = 256


def forced(self: Costs, rest: int, statement_timeout_s: float) -> Step:
    """The last form is the most daring one."""
    form = Form.LATERAL if os.environ["SETS_FORM"] == "lateral" and Form.LATERAL in self._forms else self._forms[-1]
    return Step(form, min(rest, MOST), statement_timeout_s)


if __name__ == "__main__":
    Costs.next = forced
    sys.exit(main())
