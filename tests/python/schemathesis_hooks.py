"""What schemathesis does not know by itself: JSON lines."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    if isinstance(value, bytes):
        return value
    return json.dumps(value).encode() + b"\n"


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """A client that waits a millisecond is told, by a 504, that this was too short."""
    for part in (case.body, case.query):
        patience = part.get("timeout_ms") if isinstance(part, dict) else None
        if str(patience).isdigit() and 1 <= int(patience) <= 3_600_000:
            part["timeout_ms"] = 3_600_000
