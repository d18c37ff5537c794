"""botocore and boto3 against a stand-in for the service: one leaf a call, and no parameter of it."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from fanlight import normalizers
from fanlight.recording.recorder import current

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "hunter2"


class Cloud(BaseHTTPRequestHandler):
    """Answers as S3 and SQS do, as far as these calls go; the first request for `busy` finds no answer."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, bool]]

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        times = sum(path == self.path for path, _ in self.asked)
        self.asked.append((self.path, "traceparent" in self.headers))
        status = 404 if "missing" in self.path else 503 if "busy" in self.path and not times else 200
        answer = b"" if self.command == "PUT" or status != 200 else b"fan"
        if b"QueueUrl" in body:
            answer = b'{"MessageId": "1"}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = do_POST = answer  # noqa: N815 the library's own spelling

    def log_message(self, *what: Any) -> None:
        pass


@pytest.fixture
def cloud() -> Iterator[str]:
    Cloud.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cloud)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def client(service: str, address: str) -> Any:
    """Answer a client that retries once."""
    return boto3.client(
        service,
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id=SECRET,
        aws_secret_access_key=SECRET,
        config=Config(
            retries={"mode": "legacy", "max_attempts": 1},
            s3={"addressing_style": "path"},
            connect_timeout=5,
            read_timeout=5,
        ),
    )


@pytest.fixture
def calls(traced: Any) -> Any:
    """Answer a function that runs another inside a trace and answers its spans."""

    def run(work: Any) -> list[Any]:
        leaves = traced(work).leaves()
        assert SECRET not in repr(leaves)
        return [normalizers.normalize(*leaf) for leaf in leaves]

    return run


def test_a_call_is_one_leaf_by_service_and_operation(cloud: str, calls: Any) -> None:
    s3, sqs = client("s3", cloud), client("sqs", cloud)

    def work() -> None:
        s3.put_object(Bucket=SECRET, Key=SECRET, Body=SECRET.encode())
        assert s3.get_object(Bucket=SECRET, Key="a")["Body"].read() == b"fan"
        assert sqs.send_message(QueueUrl=f"{cloud}/{SECRET}", MessageBody="a")["MessageId"] == "1"
        assert current() is not None

    assert calls(work) == [
        ("api.aws.s3", "s3 PutObject", "", {"status": 200}),
        ("api.aws.s3", "s3 GetObject", "", {"status": 200}),
        ("api.aws.sqs", "sqs SendMessage", "", {"status": 200}),
    ]
    # The requests are signed, and stay as the library made them.
    assert [path.rpartition("/")[2] for path, is_marked in Cloud.asked if not is_marked] == [SECRET, "a", ""]


def test_a_retry_is_told_and_counts_once(cloud: str, calls: Any) -> None:
    s3 = client("s3", cloud)
    assert calls(lambda: s3.get_object(Bucket="b", Key="busy")) == [
        ("api.aws.s3", "s3 GetObject", "", {"status": 200, "retries": 1})
    ]


def test_a_failed_call_is_recorded_and_raised(cloud: str, calls: Any) -> None:
    s3, nowhere = client("s3", cloud), client("s3", "http://127.0.0.1:9")

    def work() -> None:
        with pytest.raises(ClientError):
            s3.get_object(Bucket="b", Key="missing")
        with pytest.raises(EndpointConnectionError):
            nowhere.get_object(Bucket="b", Key="a")

    assert [span[1:] for span in calls(work)] == [
        ("s3 GetObject", "", {"status": 404, "error": "ClientError"}),
        ("s3 GetObject", "", {"error": "EndpointConnectionError"}),
    ]


def test_outside_of_a_trace_nothing_is_recorded(cloud: str, seen: Any) -> None:
    client("s3", cloud).put_object(Bucket="b", Key="a", Body=b"")
    assert not seen
