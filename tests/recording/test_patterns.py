"""Routes written as regular expressions, as an endpoint shows them."""

import pytest

from fanlight.recording.patterns import readable


@pytest.mark.parametrize(
    ("route", "shown"),
    [
        (r"^articles/(?P<year>[0-9]{4})/$", "articles/<year>/"),
        (r"^a/(?P<b>x(y|[)z])+)/(\d+)/(?i:c)?\.json\Z", "a/<b>/<var>/.json"),
        (r"^half/(?P<open", "half/<open>"),
        (r"^(?:de|en)/x$", "de|en/x"),
    ],
)
def test_a_regular_expression_is_made_readable(route: str, shown: str) -> None:
    assert readable(route) == shown
