"""Renders charts with the Helm engine from PyPI, asked over standard input: one JSON line a question and one an answer.

A process of its own: a Go runtime has ideas about signals and forks that the tests of servers should not have to share.
"""

import json
import sys
from typing import Any

import helm_python


def answer(charts: dict[str, helm_python.Chart], asked: dict[str, Any]) -> dict[str, Any]:
    path = asked["chart"]
    if path not in charts:
        charts[path] = helm_python.Chart.load(path)
    try:
        files = charts[path].render(asked["values"], name=asked["release"], namespace=asked["namespace"])
    except helm_python.HelmError as error:
        return {"error": str(error)}
    return {"files": files}


def main() -> None:
    charts: dict[str, helm_python.Chart] = {}
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(charts, json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
