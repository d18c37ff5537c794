"""botocore, hence boto3: calls of its clients by service and operation, with their retries."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.lanes import lane_here, set_lane
from fanlight.recording.recorder import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

NOTIFICATION = "aws.call"


def patch(module: ModuleType) -> None:
    """Record each call as a whole; what its requests' addresses say may name a bucket or a queue.

    Args:
        module: `botocore.client`.

    Raises:
        LookupError: there is no `BaseClient._make_api_call`, which all operations are.
    """
    client = getattr(module, "BaseClient", None)
    call = getattr(client, "_make_api_call", None)
    if client is None or call is None:
        raise LookupError("botocore has no BaseClient._make_api_call")

    @wraps(call)
    def recorded(self: Any, operation_name: Any, api_params: Any) -> Any:
        lane = current()
        if lane is None:
            return call(self, operation_name, api_params)
        # The requests that it makes are part of it, and signed: nothing is added to them.
        here = lane_here()
        set_lane(None)
        start_ns, error, answer = clock(), "", None
        try:
            answer = call(self, operation_name, api_params)
        except BaseException as raised:
            error, answer = type(raised).__name__, getattr(raised, "response", None)
            raise
        finally:
            set_lane(here)
            end_ns = clock()
            status, retries = outcome(answer)
            payload = (service(self), str(operation_name), status, retries, error)
            lane.leaf(NOTIFICATION, payload, start_ns, end_ns)
            if BUS.subscriptions:
                names = ("service", "operation", "status", "retries", "error")
                BUS.report(NOTIFICATION, dict(zip(names, payload, strict=True)), start_ns, end_ns)
        return answer

    client._make_api_call = recorded  # noqa: SLF001 as above


def service(client: Any) -> str:
    """Answer the name of a client's service, such as `s3`."""
    model = getattr(getattr(client, "meta", None), "service_model", None)
    name = getattr(model, "service_name", "")
    return name if isinstance(name, str) else ""


def outcome(answer: Any) -> tuple[int, int]:
    """Answer HTTP status and number of retries as the library tells them, 0 where it does not."""
    about = answer.get("ResponseMetadata") if isinstance(answer, dict) else None
    if not isinstance(about, dict):
        return 0, 0
    status, retries = about.get("HTTPStatusCode"), about.get("RetryAttempts")
    return status if isinstance(status, int) else 0, retries if isinstance(retries, int) else 0
