"""The files of the pages: what is in them, and what may not be."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

import pytest

from fanlight.web.assets import NAMES, assets
from fanlight.web.refusal import closed

ROOM = files("fanlight.web")
SCRIPT = "".join((ROOM / "static" / name).read_text("utf-8") for name in NAMES if name.endswith(".js"))
SHEET = (ROOM / "static" / "fanlight.css").read_text("utf-8")
TEMPLATES = {each.name: each.read_text("utf-8") for each in (ROOM / "templates").iterdir()}


def test_an_address_changes_with_its_file():
    for href, asset in assets().items():
        assert hashlib.sha256(asset.body).hexdigest()[:16] in href


def test_only_listed_files_lie_in_the_folder():
    """Nothing is vendored; what will be gets a pin and its licence beside it."""
    assert sorted(each.name for each in (ROOM / "static").iterdir()) == sorted(NAMES)


@pytest.mark.parametrize(
    "sink",
    [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "srcdoc",
        "DOMParser",
        'setTimeout("',
        "javascript:",
        "createContextualFragment",
        "localStorage",
    ],
)
def test_the_script_has_no_way_to_make_markup_of_text(sink):
    assert sink not in SCRIPT


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_a_template_escapes_everything_and_holds_no_script_or_style(name):
    text = TEMPLATES[name]
    assert not re.search(r"\|\s*(safe|tojson|urlize|xmlattr)\b|autoescape|Markup", text)
    assert not re.search(r"<[^>]*\son[a-z]+\s*=", text), "no inline handler"
    assert not re.search(r"<[^>]*\sstyle\s*=", text), "no inline style"
    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "no inline script"
    assert name == "closed.html" or "<style" not in text
    assert not re.search(r"""=\{\{|=[^"'\s>{]*\{\{""", text), "every attribute with a value of ours is quoted"


def test_no_module_makes_markup_by_hand():
    for path in (*ROOM.iterdir(), *(ROOM / "pages").iterdir()):
        if path.name.endswith(".py"):
            text = path.read_text("utf-8")
            assert "Markup" not in text
            assert "</" not in text.replace("</style>", ""), path.name


def test_nothing_names_another_host():
    for text in (SCRIPT, SHEET, *TEMPLATES.values()):
        found = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text))
        assert not found
    assert "url(" not in SHEET
    assert "@import" not in SHEET


def test_the_closed_page_allows_its_one_style_by_hash():
    page = closed(401)
    style = page.body.decode().partition("<style>")[2].partition("</style>")[0]
    pin = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{pin}'" in dict(page.headers)[b"content-security-policy"].decode()


def luminance(colour):
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_told_apart(scheme):
    pairs = re.findall(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{3,6}), (#[0-9a-f]{3,6})\);", SHEET)
    colours = {name: both[scheme] for name, *both in pairs}
    for text in ("ink", "soft", "link", "bad", "good", "warn"):
        for back in ("paper", "card", "sunk", "warn-back"):
            assert contrast(colours[text], colours[back]) >= 4.5, (text, back)
    for mark in (
        "brand",
        "pain",
        "p50",
        "p95",
        "latency",
        "edge",
        "app-own",
        "view-own",
        "db-own",
        "api-own",
        "cache-own",
        "job-own",
        "noise-own",
        "other-own",
    ):
        assert contrast(colours[mark], colours["paper"]) >= 3, mark
    for tier in ("app", "view", "db", "api", "cache", "job", "noise", "other"):
        assert contrast(colours[tier], colours[f"{tier}-own"]) >= 2.4, (
            f"own time of {tier} is seen in its bar"
        )
