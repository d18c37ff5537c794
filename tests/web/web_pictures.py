"""Takes the pictures of docs/screenshots: `python tests/web/web_pictures.py [PAGE…]`."""

from __future__ import annotations

import base64
import socket
import struct
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright
from web_shop import HOSTILE, Shop, ident

from fanlight.web.app import create
from fanlight.web.gate import Gate
from fanlight.web.listen import Listening

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
PAGES = {
    "endpoints": "/",
    "endpoint": "/endpoint?service=shop&endpoint=POST+/checkout&segment=html",
    "explore": "/explore?q=duration:>100ms&limit=12",
    "trace": f"/trace/{ident(1)}",
    "compare": "/compare?service=shop&endpoint=POST+/checkout&segment=html&last=2h"
    "&release=2026.9.2&against_release=2026.9.1",
    "servers": "/servers?service=shop",
    "status": "/status",
}
LOOKS = {"light": ("light", 1280, 800), "dark": ("dark", 1280, 800), "phone": ("light", 390, 844)}
POLITE = dict(
    zip(
        HOSTILE,
        ("SELECT tax.rate FROM tax WHERE tax.region = ?", "SELECT FROM tax", "shop/receipt.py:31"),
        strict=True,
    )
)

READ = """async (data) => {
    const image = await createImageBitmap(await (await fetch("data:image/png;base64," + data)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const bytes = context.getImageData(0, 0, image.width, image.height).data;
    let text = "";
    for (let at = 0; at < bytes.length; at += 32768)
        text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return [image.width, image.height, btoa(text)];
}"""


BOTTOM = "Math.ceil(document.body.getBoundingClientRect().bottom)"
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


class PoliteShop(Shop):
    """The shop of the tests with the attackers sent home."""

    def endpoints(self, *asked):
        return polite(super().endpoints(*asked)[:9])

    def endpoint(self, *asked):
        found = polite(super().endpoint(*asked))
        for each in (*found["releases"][1:], *found["deploys"]):
            each["release"] = "2026.9.2"
        # Those that fail are of the segment `error`.
        for number, each in enumerate(found["samples"]):
            each["error"] = False
            if number % 2:
                each["duration"] = round(found["p50"] * (0.94 + number / 200))
        for each in found["deploys"]:
            each["before"]["errors"] = each["after"]["errors"] = 0
        for each in found["findings"]:
            own = [node["total"] for node in found["tree"] if node["title"] == each["title"]]
            each["total"] = sum(own) // found["count"]
        return found

    def environments(self, *asked):
        return [each for each in super().environments(*asked) if each["service"] not in HOSTILE]

    def servers(self, *asked):
        found = super().servers(*asked)
        words = {"host": "cedar", "server": "gunicorn"}
        told = [
            each | words | ({"worker_class": "gthread"} if each["workers"] else {})
            for each in found["servers"]
        ]
        for each in told:
            own = {"workers.busy_threads": 1, "workers.max_threads": 4, "queue.backlog": 0}
            for worker in each["workers"]:
                known = worker["values"]
                known |= {name: value for name, value in own.items() if name in known}
                known["workers.stalled"] = 0
        return found | {"servers": told}

    def trace(self, *asked):
        found = polite(super().trace(*asked))
        said = ("mail.internal is slow", "no receipt was sent", '"POST /checkout HTTP/1.1" 200 0.244')
        for line, words in zip(found["log"], said, strict=True):
            line["message"] = words
        return found

    def compare(self, *asked):
        status, found = super().compare(*asked)
        return status, polite(found)

    def query(self, question):
        status, found = super().query(question)
        strange = {*HOSTILE}
        rows = [row for row in found["rows"] if not strange.intersection(str(each) for each in row)]
        return status, found | {"rows": rows}

    def status(self):
        found = super().status()
        found["collector"]["clients"][0]["host"] = "cedar"
        found["collector"]["targets"][1]["error"] = "connection refused"
        return found


def polite(value):
    """Answer a document with harmless names in place of the hostile ones."""
    if isinstance(value, dict):
        return {key: polite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [polite(each) for each in value]
    return POLITE.get(value, value) if isinstance(value, str) else value


def apart(packed):
    """Answer colours as rows of red, green, blue."""
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1)


def palette_of(colours, many):
    """Answer 256 colours: the most frequent ones, then whichever is farthest from all chosen so far."""
    rows = apart(colours)
    chosen = list(np.argsort(-many)[:192])
    distance = ((rows[:, None, :] - rows[chosen][None, :, :]) ** 2).sum(axis=2).min(axis=1)
    while len(chosen) < min(256, len(colours)):
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, ((rows - rows[chosen[-1]]) ** 2).sum(axis=1))
    return rows[chosen]


def small(page, picture):
    """Answer a picture with 256 colours, which is all that a page of flat ones needs."""
    width, height, data = page.evaluate(READ, base64.b64encode(picture).decode())
    pixels = np.frombuffer(base64.b64decode(data), np.uint8).reshape(-1, 4)[:, :3].astype(np.int32)
    packed = pixels[:, 0] << 16 | pixels[:, 1] << 8 | pixels[:, 2]
    colours, where, many = np.unique(packed, return_inverse=True, return_counts=True)
    palette = palette_of(colours, many)
    distance = ((apart(colours)[:, None, :] - palette[None, :, :]) ** 2).sum(axis=2)
    indices = distance.argmin(axis=1)[where].astype(np.uint8).reshape(height, width)
    rows = np.hstack([np.zeros((height, 1), np.uint8), indices]).tobytes()
    parts = (
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        chunk(b"PLTE", palette.astype(np.uint8).tobytes()),
        chunk(b"IDAT", zlib.compress(rows, 9)),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(kind, content):
    """Answer a part of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def show_whole(page, width):
    """Make the window as high as its page: rows out of sight have a guessed height and no content."""
    page.set_viewport_size({"width": width, "height": 4_000})
    page.evaluate(DRAWN)
    page.set_viewport_size({"width": width, "height": page.evaluate(BOTTOM)})
    page.evaluate(DRAWN)


def main():
    """Write every page in every look."""
    # The commit builder of what Explore asks is the stores' own.
    sys.path.append(str(Path(__file__).parents[1] / "stores"))
    tcp = socket.create_server(("127.0.0.1", 0))
    port = tcp.getsockname()[1]
    gate = Gate(f"127.0.0.1:{port}")
    listening = Listening(create(PoliteShop(time.time_ns()), gate), [tcp])
    thread = threading.Thread(target=listening.run, daemon=True)
    thread.start()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as started:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        chromium = started.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        blank = chromium.new_page()
        for look, (scheme, width, height) in LOOKS.items():
            page = chromium.new_context(
                color_scheme=scheme, viewport={"width": width, "height": height}
            ).new_page()
            page.goto(gate.link())
            for name, address in PAGES.items():
                if sys.argv[1:] and name not in sys.argv[1:]:
                    continue
                page.goto(f"http://127.0.0.1:{port}{address}")
                page.set_viewport_size({"width": width, "height": height})
                if look != "phone":
                    show_whole(page, width)
                picture = small(blank, page.screenshot())
                (FOLDER / f"{name}-{look}.png").write_bytes(picture)
                sys.stderr.write(f"{name}-{look}.png {len(picture):,} bytes\n")
        chromium.close()
    listening.stop()
    thread.join(60)


if __name__ == "__main__":
    main()
