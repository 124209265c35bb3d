"""The built-in receiver of spans, which here keeps all of each export: the store keeps the latest, cut to a length."""

import threading
from typing import Any

from directflow_cli.traces.receiver import Receiver
from directflow_cli.traces.store import SpanStore


class KeepingReceiver(Receiver):
    """Remembers every export whole, as bytes."""

    def __init__(self) -> None:
        self.spans = SpanStore()
        self._exports: list[bytes] = []
        self._lock = threading.Lock()
        super().__init__(self.spans)

    def Export(self, request: Any, context: Any) -> Any:
        with self._lock:
            self._exports.append(request.SerializeToString())
        return super().Export(request, context)

    def exported(self) -> list[bytes]:
        with self._lock:
            return list(self._exports)
