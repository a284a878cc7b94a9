"""Debian's chromium, driven as a reader would use it, and what it has asked for and complained about."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from .net import require

PHONE = (390, 844)
DESK = (1280, 900)


class Browser:
    """A window without a screen."""

    def __init__(self, chrome: Chrome) -> None:
        self.chrome = chrome

    def open(self, url: str) -> None:
        """Load a page, up to its `load` event."""
        self.chrome.get(url)

    def run(self, script: str, *values: Any) -> Any:
        """What a script in the page returns."""
        return self.chrome.execute_script(script, *values)

    def texts(self) -> dict[str, str]:
        """What the page shows of /status: by place, as /status says it."""
        script = "return Object.fromEntries([...document.querySelectorAll('data')].map(e => [e.dataset.key, e.value]))"
        found: dict[str, str] = self.run(script)
        return found

    def complaints(self) -> list[str]:
        """The errors in the console since the last call."""
        return [entry["message"] for entry in self.chrome.get_log("browser")]  # type: ignore[no-untyped-call]

    def asked(self) -> list[str]:
        """The URLs that the pages have asked for since the last call."""
        found = []
        for entry in self.chrome.get_log("performance"):  # type: ignore[no-untyped-call]
            message: Mapping[str, Any] = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found

    def looks(self, size: tuple[int, int] = DESK, dark: bool = False) -> None:
        """Change the window, and what the reader prefers."""
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
        self.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def picture(self, path: Path, size: tuple[int, int] | None = None) -> None:
        """The page as PNG: so much of it, or the whole."""
        whole = self.chrome.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        width, height = size or (whole["width"], whole["height"])
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        words = {"format": "png", "captureBeyondViewport": True, "clip": clip}
        path.write_bytes(base64.b64decode(self.chrome.execute_cdp_cmd("Page.captureScreenshot", words)["data"]))


@contextmanager
def browser(script: bool = True) -> Iterator[Browser]:
    """A browser that asks no server of its maker. Without `script`, it runs none."""
    options = ChromeOptions()
    options.binary_location = require("chromium")
    for word in ("--headless=new", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"):
        options.add_argument(word)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    if not script:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = Chrome(options=options, service=Service(require("chromedriver")))
    try:
        yield Browser(chrome)
    finally:
        chrome.quit()
