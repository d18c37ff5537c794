"""The same messages through protobuf's own library, compiled from our `.proto`."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import fanlight.wire

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = os.path.dirname(fanlight.wire.__file__)


@pytest.fixture(scope="session")
def proto(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Message classes by the names of our schemas: `HELLO`, `STATUS_REQUEST`."""
    out: Path = tmp_path_factory.mktemp("proto") / "fanlight.pb"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{FOLDER}",
            f"--descriptor_set_out={out}",
            "fanlight.proto",
        ],
        check=True,
        capture_output=True,
    )
    files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    classes = {}
    for message in files.file[0].message_type:
        described = pool.FindMessageTypeByName(f"fanlight.wire.{message.name}")
        name = "".join(f"_{letter}" if letter.isupper() else letter for letter in message.name)
        classes[name.lstrip("_").upper()] = message_factory.GetMessageClass(described)
    return classes
