"""Request ids as the document store gets them: one caller's, for one request."""

import hashlib
from typing import Any

from directflow_runtime.calls import current_call


def repetition_of(request: Any) -> str:
    """What is equal for a request and for its repetition under the same `request_id`, and for nothing else; empty
    without a `request_id`.

    A client that sends something else under an id that was used, or another caller who happens on the same one, must
    not be told that it was saved: to the store it is a new request.
    """
    if not request.request_id:
        return ""
    digest = hashlib.blake2b(current_call().identity.encode() + b"\0", digest_size=16)
    digest.update(request.SerializeToString(deterministic=True))
    return digest.hexdigest()
