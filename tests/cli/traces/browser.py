"""A real headless Chromium, driven through its DevTools protocol over a pipe: no port, no driver, no library."""

import contextlib
import fcntl
import itertools
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...tools import tool

REQUIRED = "DIRECTFLOW_BROWSER_REQUIRED"
"""Not DIRECTFLOW_TOOLS_REQUIRED: `make tools` does not bring the browser, 100 MB to download and 270 MB on disk."""
ANSWER_S = 20.0
FIRST_FREE = 10
"""Above 3 and 4, which the browser wants for itself."""


class Browser:
    """Opens pages. What a page told of itself until now is in its `events`."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._numbers = itertools.count(1)
        self._unread = b""
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        """Session, method and parameters."""

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """One command and its result; what happens meanwhile is kept."""
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._to, json.dumps(command).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") == number:
                assert "error" not in message, (method, message)
                return message["result"]  # type: ignore[no-any-return]
            self.events.append((message.get("sessionId", ""), message.get("method", ""), message.get("params", {})))

    def _message(self) -> dict[str, Any]:
        deadline = time.monotonic() + ANSWER_S
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            received = os.read(self._from, 1 << 16)
            assert received, "the browser has ended"
            self._unread += received
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)  # type: ignore[no-any-return]

    def open(self, file: Path, width: int = 1280, height: int = 800, dark: bool = False) -> "Page":
        """The file in a page of its own, once it has loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Target.activateTarget", targetId=target)
        page.call("Page.navigate", url=file.as_uri())
        page.until("document.readyState === 'complete' && location.protocol === 'file:'")
        return page


class Page:
    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def value(self, expression: str) -> Any:
        """What the page's JavaScript makes of the expression."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def until(self, expression: str) -> None:
        deadline = time.monotonic() + ANSWER_S
        while not self.value(expression):
            assert time.monotonic() < deadline, expression
            time.sleep(0.01)

    def click(self, selector: str) -> None:
        """With the mouse, where the element is."""
        where = f"document.querySelector({json.dumps(selector)})"
        box = self.value(f"(({where}).scrollIntoView(), (b => [b.x + b.width / 2, b.y + b.height / 2])"
                         f"({where}.getBoundingClientRect()))")  # fmt: skip
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def press(self, key: str, code: int, text: str = "") -> None:
        """A key by its name and Windows key code."""
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **more)

    def write(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def screenshot(self) -> str:
        """PNG, in base64."""
        return str(self.call("Page.captureScreenshot", format="png")["data"])

    def requests(self) -> list[str]:
        """Every address that the page asked for, its own included."""
        return [told["request"]["url"] for told in self._told("Network.requestWillBeSent")]

    def complaints(self) -> list[Any]:
        """What the browser's console says: errors, warnings, violations of the policy, messages."""
        return [*self._told("Runtime.exceptionThrown"), *self._told("Runtime.consoleAPICalled"),
                *self._told("Log.entryAdded")]  # fmt: skip

    def _told(self, method: str) -> list[dict[str, Any]]:
        self.value("1")  # whatever the page did before that has been told by now
        return [told for session, name, told in self._browser.events if (session, name) == (self._session, method)]


@contextlib.contextmanager
def running(profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own, gone with all its processes when the block ends."""
    ours_in, theirs_out = _pipe()
    theirs_in, ours_out = _pipe()
    # As root, or in a container, it cannot build its sandbox; the pages are our own.
    options = ["--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    # bash, for it takes descriptors of two digits.
    start = [
        "bash",
        "-c",
        f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}',
        str(tool("browser/run", "scripts/make_tools browser", REQUIRED)),
        *options,
    ]
    process = subprocess.Popen(
        start, pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(theirs_in)
    os.close(theirs_out)
    browser = Browser(ours_out, ours_in)
    try:
        yield browser
        browser.call("Browser.close")
        process.wait(ANSWER_S)
    finally:
        os.close(ours_out)
        os.close(ours_in)
        process.kill()
        process.wait()


def _pipe() -> tuple[int, int]:
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]
