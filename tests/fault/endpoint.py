"""An AWS endpoint on 127.0.0.1 before a World, with faults by seed: calls are throttled, connections reset, replies are
HTTP 500 or never come. It runs in a thread of its own and outlives every riposte that talks to it."""

import asyncio
import email.utils
import hashlib
import json
import re
import socket
import struct
import threading
import urllib.parse
from xml.sax.saxutils import escape

from world import Refused

# In a hundred. "before" and "after" the effect; what is throttled has none.
FAULTS = (("throttled", 20), ("reset before", 2.5), ("reset after", 2.5), ("500 before", 2.5), ("500 after", 2.5),
          ("silence after", 2))


def xml(value, item):
    if isinstance(value, dict):
        return "".join(f"<{name}>{xml(each, item)}</{name}>" for name, each in value.items())
    if isinstance(value, list):
        return "".join(f"<{item}>{xml(each, item)}</{item}>" for each in value)
    return escape(str(value))


def ok_body(service, operation, members):
    if service == "ecs":
        return json.dumps(members)
    if service == "ec2":
        return f"<{operation}Response><requestId>r</requestId>{xml(members, 'item')}</{operation}Response>"
    return (f"<{operation}Response><{operation}Result>{xml(members, 'member')}</{operation}Result>"
            f"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{operation}Response>")


def error_body(service, code, message):
    if service == "ecs":
        return json.dumps({"__type": code, "message": message})
    error = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if service == "ec2":
        return f"<Response><Errors><Error>{error}</Error></Errors><RequestID>r</RequestID></Response>"
    return f"<ErrorResponse><Error>{error}</Error><RequestId>r</RequestId></ErrorResponse>"


class Connection(asyncio.Protocol):
    def __init__(self, endpoint):
        self.endpoint, self.buffer, self.transport = endpoint, b"", None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while True:
            head, separator, rest = self.buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            headers = {}
            for line in head.decode("latin-1").split("\r\n")[1:]:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            length = int(headers.get("content-length", "0"))
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            self.endpoint.answer(self, headers, rest[:length])

    def send(self, status, body, service):
        data = body.encode()
        kind = "application/x-amz-json-1.1" if service == "ecs" else "text/xml"
        date = email.utils.formatdate(self.endpoint.world.clock(), usegmt=True)
        head = (f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nx-amzn-RequestId: r\r\nDate: {date}\r\n"
                f"Content-Length: {len(data)}\r\n\r\n")
        self.transport.write(head.encode() + data)

    def reset(self):
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Endpoint:
    """What it is may be changed while nothing talks to it. `seed` None: no faults."""

    def __init__(self):
        self.world, self.seed, self.port = None, None, 0
        self.seen = {}  # how often each request came: the faults of a seed do not depend on what came between
        self.calls = 0
        self.loop = None
        self.slow_s = 0  # replies come so much later than their effect
        self.watch = None  # fun(call, operation, acted): hears of a call before and after its effect; true: no answer
        ready = threading.Event()
        threading.Thread(target=self.serve, args=(ready,), daemon=True).start()
        ready.wait()

    def serve(self, ready):
        async def main():
            self.loop = asyncio.get_running_loop()
            server = await self.loop.create_server(lambda: Connection(self), "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await server.serve_forever()
        asyncio.run(main())

    def begin(self, world, seed):
        self.world, self.seed, self.seen, self.calls, self.watch, self.slow_s = world, seed, {}, 0, None, 0

    def take_in(self):
        """Returns once all that was sent to it until now has had its effect."""
        async def turns():
            for _ in range(5):
                await asyncio.sleep(0.005)
        asyncio.run_coroutine_threadsafe(turns(), self.loop).result()

    def is_over(self, operation, acted):
        return self.watch is not None and self.watch(self.calls, operation, acted)

    def fault(self, body):
        if self.seed is None:
            return ""
        count = self.seen[body] = self.seen.get(body, 0) + 1
        digest = hashlib.sha256(f"{self.seed}/{count}/".encode() + body).digest()
        left = int.from_bytes(digest[:4], "big") / 2**32 * 100
        for name, share in FAULTS:
            if left < share:
                return name
            left -= share
        return ""

    def answer(self, connection, headers, body):
        self.calls += 1
        service = re.search(r"/([a-z0-9-]+)/aws4_request", headers.get("authorization", ""))
        service = service.group(1) if service else "?"
        if service == "ecs":
            operation, params = headers["x-amz-target"].rsplit(".", 1)[-1], json.loads(body)
        else:
            params = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
            operation = params.get("Action", "?")
        fault = self.fault(body)
        if self.is_over(operation, acted=False):
            return
        if fault == "throttled":
            code = "RequestLimitExceeded" if service == "ec2" else "ThrottlingException" if service == "ecs" else "Throttling"
            connection.send(503 if service == "ec2" else 400, error_body(service, code, "Rate exceeded"), service)
            return
        if not fault.endswith("before"):
            try:
                status, text = 200, ok_body(service, operation, self.world.call(service, operation, params))
            except Refused as refusal:
                status, text = refusal.status, error_body(service, refusal.code, refusal.message)
        if self.is_over(operation, acted=True):
            return
        if fault.startswith("reset"):
            connection.reset()
        elif fault.startswith("500"):
            connection.send(500, error_body(service, "InternalFailure", "it broke"), service)
        elif not fault.startswith("silence"):
            self.loop.call_later(self.slow_s, connection.send, status, text, service)
