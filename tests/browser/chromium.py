"""A headless Chromium steered over its debugging pipe: open a page, ask it questions, take its picture."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import queue
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FIRST_FREE_DESCRIPTOR = 20
SECONDS_FOR_AN_ANSWER = 60.0


class ChromiumMissingError(Exception):
    """No Chromium is installed."""

    def __init__(self) -> None:
        super().__init__(
            f"the browser tests need a Chromium; none of {', '.join(PROGRAMS)} is on PATH "
            "(Debian and Ubuntu: apt-get install chromium), and the variable CHROMIUM names no program"
        )


def find_chromium() -> str:
    """The program that `CHROMIUM` names, or the first that is installed.

    Raises:
        ChromiumMissingError: There is none.
    """
    names = [os.environ["CHROMIUM"]] if "CHROMIUM" in os.environ else PROGRAMS
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise ChromiumMissingError
    return found


class Chromium:
    """One browser with one page.

    Args:
        profile: An empty folder for what the browser keeps.
        width: Width of the page in pixels.
        height: Height of the page in pixels.
    """

    def __init__(self, profile: Path, *, width: int = 1600, height: int = 1000) -> None:
        to_browser, self._requests = os.pipe()
        self._answers, from_browser = os.pipe()

        def connect_pipes() -> None:
            # The browser reads requests from descriptor 3 and answers on 4, which may be taken here.
            reading = fcntl.fcntl(to_browser, fcntl.F_DUPFD, FIRST_FREE_DESCRIPTOR)
            writing = fcntl.fcntl(from_browser, fcntl.F_DUPFD, FIRST_FREE_DESCRIPTOR)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self._process = subprocess.Popen(
            [
                find_chromium(),
                "--headless=new",
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
                "--force-device-scale-factor=1",
                f"--window-size={width},{height}",
                f"--user-data-dir={profile}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=connect_pipes,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._events: list[dict[str, Any]] = []
        self._number = 0
        self._session: str | None = None
        threading.Thread(target=self._listen, daemon=True).start()
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.resize(width, height)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one request of the debugging protocol and wait for its answer."""
        self._number += 1
        request = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            request["sessionId"] = self._session
        os.write(self._requests, json.dumps(request).encode() + b"\0")
        while True:
            message = self._messages.get(timeout=SECONDS_FOR_AN_ANSWER)
            assert message is not None, "the browser ended"
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                result: dict[str, Any] = message["result"]
                return result
            self._events.append(message)

    def resize(self, width: int, height: int) -> None:
        """Set the size of the page in pixels."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def open(self, address: str) -> None:
        """Go to a page; forget what earlier pages reported."""
        self.evaluate("1")
        self._events.clear()
        self.ask("Page.navigate", url=address)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, f"{expression}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def wait_for(self, expression: str, *, seconds: float = 30.0) -> Any:
        """The first value of an expression that counts as true."""
        end = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, f"after {seconds} s still not: {expression}\n{self.text()[:2000]}"
            time.sleep(0.2)
        return value

    def wait_for_text(self, *texts: str, seconds: float = 30.0) -> str:
        """All the text of the page, once every one of `texts` is part of it."""
        for text in texts:
            self.wait_for(f"document.body?.innerText.includes({json.dumps(text)})", seconds=seconds)
        return self.text()

    def text(self) -> str:
        """The text that the page shows."""
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def click(self, selector: str, *, text: str = "") -> None:
        """Click the first element that matches `selector` and contains `text`, once it is there and rests."""
        found = (
            f"Array.from(document.querySelectorAll({json.dumps(selector)}))"
            f".find(element => element.textContent.includes({json.dumps(text)}))"
        )
        self.wait_for(f"!!{found}")
        box = f"{found}.getBoundingClientRect()"
        place = f"(box => ({{x: box.x + box.width / 2, y: box.y + box.height / 2}}))({box})"
        self._wait_until_rests(place)
        # Not before: a page that is still being laid out would be scrolled to where the element does not stay.
        self.evaluate(f"{found}.scrollIntoView({{block: 'center'}})")
        spot = self._wait_until_rests(place)
        for action in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=action, **spot, button="left", clickCount=1)

    def _wait_until_rests(self, expression: str) -> Any:
        """The value of an expression, once it is the same twice."""
        value, before = self.evaluate(expression), None
        while value != before:
            time.sleep(0.3)
            value, before = self.evaluate(expression), value
        return value

    def run_before_every_page(self, script: str) -> None:
        """Run JavaScript in each new page before the page's own."""
        self.ask("Page.addScriptToEvaluateOnNewDocument", source=script)

    def errors(self) -> list[str]:
        """What the page reported as an error: uncaught exceptions, console errors, failed requests."""
        self.evaluate("1")
        found = []
        for event in self._events:
            parameters = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(parameters["exceptionDetails"])[:500])
            elif event.get("method") == "Runtime.consoleAPICalled" and parameters["type"] == "error":
                found.append(json.dumps(parameters["args"])[:500])
            elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                found.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
        return found

    def take_picture(self, path: Path, *, around: str = "", margin: float = 20.0, scale: float = 1.0) -> None:
        """Write what the page shows as PNG.

        Args:
            path: The file.
            around: Selector of what is wanted; everything if empty.
            margin: Pixels left around it.
            scale: Pixels of the picture per pixel of the page.
        """
        box = f"""(() => {{
            const boxes = Array.from(document.querySelectorAll({json.dumps(around or "html")}))
                .map(element => element.getBoundingClientRect());
            const [left, top] = [Math.min(...boxes.map(box => box.left)), Math.min(...boxes.map(box => box.top))];
            return {{x: left, y: top, width: Math.max(...boxes.map(box => box.right)) - left,
                height: Math.max(...boxes.map(box => box.bottom)) - top}};
        }})()"""
        clip = self.evaluate(box)
        if around:
            clip = {
                name: value + (2 if name in ("width", "height") else -1) * margin
                for name, value in clip.items()
            }
        answer = self.ask("Page.captureScreenshot", format="png", clip={**clip, "scale": scale})
        path.write_bytes(base64.b64decode(answer["data"]))

    def close(self) -> None:
        """End the browser."""
        self._session = None
        try:
            self.ask("Browser.close")
            self._process.wait(timeout=10)
        except (AssertionError, OSError, queue.Empty, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._requests)

    def _listen(self) -> None:
        waiting = b""
        while part := os.read(self._answers, 1 << 16):
            *messages, waiting = (waiting + part).split(b"\0")
            for message in messages:
                self._messages.put(json.loads(message))
        self._messages.put(None)
        os.close(self._answers)
