"""Guard: which requests the page answers, and what every answer tells the browser."""

import re
import sys
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - addresses to listen on
UPLOAD = "/gradio_api/upload"
ELSEWHERE = re.compile("/gradio_api/file[=/]https?:")  # Gradio would fetch it
OTHERS = 100_000  # bytes of any other body; a question only names its file, in about 500
TOLD = {
    "content-security-policy": (  # the page may load nothing from elsewhere
        "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        "style-src 'self' 'unsafe-inline'; frame-ancestors 'self' https://huggingface.co"
    ),
    "x-content-type-options": "nosniff",
}


class Guard:
    """Refuses requests under a name other than this machine's, `host` and those in `allowed`; requests from other
    sites' pages; requests for files elsewhere; and bodies over `largest` bytes for an upload, over OTHERS for anything
    else.

    A server that listens everywhere also answers to any IP address: another site can point a name at this machine (DNS
    rebinding), but not an address.
    """

    def __init__(self, app: ASGIApp, host: str, allowed: Iterable[str], largest: int):
        self.app, self.largest = app, largest
        self.names = {*THIS_MACHINE, host.lower(), *map(name_of, allowed)} - {""}
        self.any_address = host in EVERYWHERE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.largest if scope["path"].startswith(UPLOAD) else OTHERS
        exchange = Exchange(scope, receive, send, limit)
        if refusal := self.refusal(scope["path"], Headers(scope=scope), limit):
            exchange.is_refused = True
            await refusal(scope, receive, exchange.send)
            return
        # Told the origin, Gradio would let its pages read the answer.
        headers = [(name, value) for name, value in scope["headers"] if name != b"origin"]
        try:
            await self.app(scope | {"headers": headers}, exchange.receive, exchange.send)
        except Exception as error:
            await exchange.fail(error)

    def refusal(self, path: str, headers: Headers, limit: int) -> PlainTextResponse | None:
        if not self.knows(headers.get("host", "")):
            return PlainTextResponse("The page is not served under this name: allow it with --allow-host.", 421)
        if not self.knows(headers.get("origin", headers["host"])):
            return PlainTextResponse("The page does not answer requests from other sites.", 403)
        if ELSEWHERE.match(path):
            return PlainTextResponse("The page does not fetch files from elsewhere.", 403)
        if int(headers.get("content-length", 0)) > limit:
            return PlainTextResponse(too_large(limit), 413)
        return None

    def knows(self, header: str) -> bool:
        name = name_of(header)
        return name in self.names or (self.any_address and is_address(name))


class Exchange:
    """A request and its answer: counts the bytes of the request, completes the headers of the answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int):
        self.scope, self.limit = scope, limit
        self.receive_next, self.send_next = receive, send
        self.size, self.is_refused, self.is_dropped, self.is_done = 0, False, False, False

    async def receive(self) -> Message:
        """Raises an error that becomes an answer with code 413 if the body grows too large."""
        message = await self.receive_next()
        self.is_dropped = message["type"] == "http.disconnect"
        self.size += len(message.get("body", b""))
        if self.size > self.limit:
            self.is_refused = True
            if self.scope["path"].startswith(UPLOAD):  # on this exception Gradio deletes the partial upload
                raise MultiPartException(too_large(self.limit))
            raise HTTPException(413, too_large(self.limit))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(TOLD)
        self.is_done = message["type"] == "http.response.body" and not message.get("more_body", False)
        if self.is_done and self.is_refused:  # or a client that sends everything before it reads loses the answer
            await self.send_next(message | {"more_body": True})
            while (await self.receive_next()).get("more_body", False):
                pass
            message = {"type": "http.response.body"}
        await self.send_next(message)

    async def fail(self, error: Exception) -> None:
        """End the answer, and print a line about the error; none if the client has left or a stream has no question,
        since Gradio raises errors then too.
        """
        if not self.is_done:
            await self.send({"type": "http.response.body"})
        if not (self.is_dropped or isinstance(error, ClientDisconnect) or isinstance(error.__cause__, HTTPException)):
            print(f"app: {self.scope['method']} {self.scope['path']!r}: {error!r:.200}", file=sys.stderr)


def too_large(limit: int) -> str:
    return f"The request exceeds the maximum allowed size of {limit / 1e6:.1f} MB."


def name_of(text: str) -> str:
    """The name or address in a Host or Origin header; "" if there is none."""
    try:
        return urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""


def is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
