"""Drives a headless Chromium over its DevTools socket, with nothing but Python's own library.

The socket is the two pipes of --remote-debugging-pipe: messages are JSON that end with a zero byte, so that no port is open and no
WebSocket is needed. What a page asks for, logs and throws is collected while messages are read.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPEN_SECONDS = 60
ANSWER_SECONDS = 60
# Key → its code, its number in Windows, and the text that it types.
KEYS = {
    "Tab": ("Tab", 9, ""), "Enter": ("Enter", 13, "\r"), " ": ("Space", 32, " "), "Escape": ("Escape", 27, ""), "/": ("Slash", 191, "/"),
    "ArrowDown": ("ArrowDown", 40, ""), "ArrowUp": ("ArrowUp", 38, ""),
}


def find():
    """The program, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory(prefix="retrohunt-web-", ignore_cleanup_errors=True)
        to_browser, self.out = os.pipe()
        self.inp, from_browser = os.pipe()
        # The browser reads descriptor 3 and writes 4.
        shell = 'exec "$0" "$@" 3<&%d 4>&%d' % (to_browser, from_browser)
        arguments = [
            "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
            "--disable-dev-shm-usage", "--disable-extensions", "--mute-audio", "--user-data-dir=" + self.folder.name,
        ]
        self.process = subprocess.Popen(
            ["sh", "-c", shell, program, *arguments], pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.rest, self.number, self.session = b"", 0, None
        self.requests, self.dialogs, self.faults = [], [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Inspector"):
            self.call(domain + ".enable")

    def _message(self):
        while b"\0" not in self.rest:
            # A page that hangs must end the test and not hang it.
            if not select.select([self.inp], [], [], ANSWER_SECONDS)[0]:
                raise RuntimeError(f"the page does not answer within {ANSWER_SECONDS} s")
            data = os.read(self.inp, 1 << 20)
            if not data:
                raise RuntimeError("the browser went away")
            self.rest += data
        text, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(text)
        method, about = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(about["message"])
            self._send("Page.handleJavaScriptDialog", {"accept": False})
        elif method == "Runtime.exceptionThrown":
            self.faults.append(json.dumps(about["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.faults.append(json.dumps(about["args"])[:500])
        elif method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.faults.append(about["entry"]["text"][:500])
        elif method in ("Inspector.targetCrashed", "Inspector.detached", "Target.detachedFromTarget"):
            raise RuntimeError(f"the page is gone: {method} {about}")
        return message

    def _send(self, method, params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        return self.number

    def call(self, method, **params):
        number = self._send(method, params)
        while True:
            message = self._message()
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def run(self, script):
        """The value of an expression in the page; promises are waited for."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:800])
        return result["result"].get("value")

    def open(self, path):
        self.requests, self.dialogs, self.faults = [], [], []
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        # The page says itself when its list is drawn. It is asked and not waited for: a page that never gets there must fail the test.
        end = time.monotonic() + OPEN_SECONDS
        while time.monotonic() < end:
            ready = self.run("document.readyState === 'complete' ? document.documentElement.dataset.ready ?? '' : ''")
            if ready:
                return int(ready)
            time.sleep(0.02)
        raise RuntimeError(f"the page is not ready after {OPEN_SECONDS} s: {self.run('document.getElementById(`state`)?.textContent')} {self.faults}")

    def size(self, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)

    def media(self, media="", dark=False):
        # Without motion a page stands still when it is clicked or looked at.
        self.call("Emulation.setEmulatedMedia", media=media, features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}, {"name": "prefers-reduced-motion", "value": "reduce"}])

    def click(self, element):
        """Presses the middle of an element with the mouse: what lies over it would be hit in its place."""
        x, y = self.run(f"(() => {{ const one = {element}; one.scrollIntoView({{ block: 'center', behavior: 'instant' }}); "
                        "const { x, y, width, height } = one.getBoundingClientRect(); return [x + width / 2, y + height / 2]; })()")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def key(self, name):
        """Presses and releases a key where the focus is."""
        code, number, text = KEYS.get(name, (name, 0, name))
        key = {"key": name, "code": code, "windowsVirtualKeyCode": number, **({"text": text} if text else {})}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **key)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name, code=code, windowsVirtualKeyCode=number)

    def screenshot(self, path, whole=False):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def pdf(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"]))

    def close(self):
        try:
            self.session = None
            self._send("Browser.close", {})
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.out)
        os.close(self.inp)
        self.folder.cleanup()
