"""moto's server on a free loopback port, and a recorder for the operations it lacks. Both end with the test."""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
import unittest

import riposte

try:
    import boto3
    import botocore.config
    import moto.server  # noqa: F401
except ImportError as missing:
    if os.environ.get("RIPOSTE_REQUIRE_E2E") == "1":
        raise
    print(f"SKIPPED: {missing}. python3 -m pip install -r tests/e2e/requirements.txt", file=sys.stderr)
    sys.exit(riposte.SKIPPED)

ACCOUNT = "123456789012"  # moto's
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "e2e/secret", "AWS_REGION": REGION}
START_MOST = 60  # seconds


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Emulator:
    """A fresh account in a process of its own."""

    def __init__(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env=os.environ | {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"})
        until = time.monotonic() + START_MOST
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    self.close()
                    raise RuntimeError("moto's server did not start") from None
                time.sleep(0.05)

    def client(self, service):
        """boto3's, which makes the account and is the witness of what became of it."""
        return boto3.client(service, endpoint_url=self.url, region_name=REGION,
                            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
                            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
                            config=botocore.config.Config(s3={"addressing_style": "path"}))

    def environment(self, **more):
        return riposte.environment(AWS_ENDPOINT_URL=self.url, **CREDENTIALS, **more)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Recorder:
    """Takes what moto has no operation for (GuardDuty's and Security Hub's findings) and keeps what was asked."""

    def __init__(self):
        requests = self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = json.loads(body or b"{}")
                requests.append((self.command, self.path, asked, self.headers.get("Authorization", "")))
                reply = json.dumps({"ProcessedFindings": asked.get("FindingIdentifiers", []),
                                    "UnprocessedFindings": []}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            do_POST = do_PATCH = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class EmulatorTest(unittest.TestCase):
    """Each test has an account of its own."""

    def setUp(self):
        self.emulator = Emulator()
        self.addCleanup(self.emulator.close)
