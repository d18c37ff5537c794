"""The proxy is the one that everybody else would take, and none for this machine."""

from __future__ import annotations

import pytest

from fanlight.agent.destination import parse
from fanlight.agent.proxies import proxy

FAR, PLAIN, HERE = "https://t@reports.example:7700", "http://t@reports.example", "http://127.0.0.1:7700"


@pytest.mark.parametrize(
    ("address", "environ", "expected"),
    [
        (FAR, {}, None),
        (FAR, {"HTTPS_PROXY": "http://proxy:3128"}, ("proxy", 3128, "")),
        (FAR, {"HTTPS_PROXY": "proxy"}, ("proxy", 80, "")),
        (FAR, {"https_proxy": "http://small", "HTTPS_PROXY": "http://large"}, ("small", 80, "")),
        (FAR, {"HTTP_PROXY": "http://proxy"}, None),
        (FAR, {"ALL_PROXY": "http://proxy:1/"}, ("proxy", 1, "")),
        (FAR, {"HTTPS_PROXY": "http://u:p%40@[::1]:9"}, ("::1", 9, "u:p@")),
        (FAR, {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "*"}, None),
        (FAR, {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "reports.example"}, None),
        (FAR, {"HTTPS_PROXY": "http://proxy", "no_proxy": "a.b, .example"}, None),
        (FAR, {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "*.example"}, None),
        (FAR, {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "reports.example:7700"}, None),
        (FAR, {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "reports.example:1"}, ("proxy", 80, "")),
        (FAR, {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "ports.example,ample"}, ("proxy", 80, "")),
        (PLAIN, {"HTTP_PROXY": "http://proxy"}, ("proxy", 80, "")),
        (PLAIN, {"HTTP_PROXY": "http://attacker", "REQUEST_METHOD": "GET"}, None),
        (HERE, {"HTTP_PROXY": "http://proxy", "ALL_PROXY": "http://proxy"}, None),
    ],
)
def test_which(address, environ, expected):
    found = proxy(parse(address), environ)
    assert (found and (found.host, found.port, found.credentials)) == expected


@pytest.mark.parametrize("text", ["socks5://proxy", "https://proxy", "http://:3", "http://proxy:x"])
def test_one_that_we_cannot_speak_to_is_refused(text):
    with pytest.raises(ValueError, match="proxy"):
        proxy(parse(FAR), {"HTTPS_PROXY": text})
