"""The addresses people reach us by."""

import os
import socket
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from fanlight.config import read_address
from fanlight.errors import ConfigError
from fanlight.pipeline import directory, listening


def test_a_taken_port_is_an_error_that_names_a_way_out():
    with listening.bind_page(read_address("127.0.0.1:0"), any_port=False) as first:
        address = read_address(listening.bound_address(first))
        with pytest.raises(ConfigError, match=r"is taken by another program\n.*--listen 127\.0\.0\.1:"):
            listening.bind_page(address, any_port=False)
        with listening.bind_page(address, any_port=True) as second:
            assert listening.bound_address(second) != listening.bound_address(first)


def test_an_address_that_its_holder_is_about_to_leave_is_waited_for():
    first = listening.bind_page(read_address("127.0.0.1:0"), any_port=True)
    address = read_address(listening.bound_address(first))
    with ThreadPoolExecutor(1) as pool, first:
        found = pool.submit(listening.bind_page, address, any_port=True, wait_s=30)
        first.close()
        with found.result(30) as second:
            assert listening.bound_address(second) == str(address)


@pytest.mark.parametrize("address", ["192.0.2.1:0", "no-such-host.invalid:0", "127.0.0.1:1"])
def test_an_address_that_is_not_ours_is_said(address, monkeypatch):
    if address.endswith(":1"):
        refuse = PermissionError(13, "Permission denied")
        monkeypatch.setattr(socket.socket, "bind", lambda *_: (_ for _ in ()).throw(refuse))
    with pytest.raises(ConfigError, match=f"cannot listen on {address}"):
        listening.bind_page(read_address(address), any_port=True)


@pytest.mark.parametrize("depth", [0, 12])
def test_our_own_socket_is_the_owners_however_deep_the_directory(tmp_path, depth):
    data = str(tmp_path.joinpath(*["deep-in-the-tree"] * depth, "data"))
    directory.prepare(data)
    here = os.getcwd()
    before = os.umask(0)
    try:
        listener = listening.bind_owner(data)
    finally:
        os.umask(before)
    with listener:
        assert stat.S_IMODE(os.stat(directory.run_file(data, "server.sock")).st_mode) == 0o600
        assert listening.is_running(data)
        listening.connect_owner(data, 1.0).close()
    assert not listening.is_running(data)
    assert os.getcwd() == here
    # What a killed predecessor left is replaced.
    listening.bind_owner(data).close()


def test_an_overlong_socket_path_is_an_error_that_names_the_option():
    listening.check_socket("/" + "a" * 106)
    with pytest.raises(ConfigError, match=r"has 108 bytes.*\n.*--socket PATH"):
        listening.check_socket("/" + "a" * 107)
