"""The response headers that every answer leaves with, refusals, errors and files included."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

POLICY = (
    "default-src 'self'{style}; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    # Loopback ports change hands: what a cache kept of us must not greet the next tenant, or us.
    (b"cache-control", b"no-store"),
)


def policy(style_pin: str = "") -> bytes:
    """Answer the content policy; `style_pin` is the base64 SHA-256 of the one inline style allowed."""
    style = f"; style-src 'self' 'sha256-{style_pin}'" if style_pin else ""
    return POLICY.format(style=style).encode()


def armour(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Answer a response's headers with the protecting ones, which win over the page's own."""
    own = {name for name, _ in HEADERS}
    kept = [(name, value) for name, value in headers if name not in own]
    if not any(name == b"content-security-policy" for name, _ in kept):
        kept.append((b"content-security-policy", policy()))
    return [*kept, *HEADERS]
