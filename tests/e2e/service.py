"""`riposte serve` as a process of a test: configured, started, asked, stopped, killed."""

import hashlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import riposte

TOKEN = "e2e-token-0123456789abcdef0123"
WAIT_MOST = 60  # seconds


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, condition, most=WAIT_MOST):
    """The condition's value once it is true."""
    until = time.monotonic() + most
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {most} s")


def finding(number, kind="Test"):
    """An event as EventBridge delivers it."""
    return json.dumps({"version": "0", "id": f"finding-{number}", "detail-type": kind, "source": "e2e",
                       "account": "123456789012", "time": "2026-01-01T12:00:00Z", "region": "us-east-1",
                       "resources": [], "detail": {"number": number}})


def playbook(name, body, rest=""):
    return (f'return {{ name = "{name}", about = "For a test.", trigger = {{ source = {{ "e2e" }} }}, {rest}\n'
            f'  permissions = {{ "dynamodb:ListTables" }},\n'
            f'  run = function(finding, run)\n{body}\n  end }}\n')


class Service:
    """A folder with configuration, playbooks and journal; the process is started and stopped as often as one likes."""

    def __init__(self, environment, config=None, http=True, books=None):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name)
        self.environment = environment
        self.port = free_port()
        self.journal = self.folder / "riposte.db"
        self.books = self.folder / "playbooks"
        self.books.mkdir()
        for name, text in (books or {"answer": playbook("answer", "run.aws.dynamodb():list_tables {}")}).items():
            (self.books / f"{name}.lua").write_text(text)
        settings = {"mode": "enforce", "playbooks": [str(self.books)], "journal": {"path": str(self.journal)},
                    "log": {"level": "info", "format": "json"}, "serve": {"watch": 0, "stop": "10s"}}
        if http:
            settings["http"] = {"listen": f"127.0.0.1:{self.port}"}
            settings["api"] = {"tokens": [{"name": "e2e", "role": "operator", "sha256": sha256(TOKEN)}]}
        for key, value in (config or {}).items():
            settings[key] = settings[key] | value if isinstance(settings.get(key), dict) else value
        self.config = self.folder / "riposte.yaml"
        self.config.write_text(json.dumps(settings))  # JSON is YAML
        self.log = open(self.folder / "log", "a+", encoding="utf-8")
        self.out = open(self.folder / "out", "w", encoding="utf-8")
        self.process = None

    def start(self, **more):
        self.log.seek(0, os.SEEK_END)
        self.read_from = self.log.tell()
        self.process = subprocess.Popen([riposte.PROGRAM, "serve", "--config", str(self.config)], cwd=self.folder,
                                        env=self.environment | more, stdout=self.out, stderr=self.log)
        wait_for("serve.ready", lambda: self.logged("serve.ready") or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise AssertionError(f"riposte serve ended with {self.process.returncode}:\n{self.text()}")

    def text(self):
        self.log.flush()
        return (self.folder / "log").read_text()

    def lines(self):
        """The log of the process that was started last."""
        out = []
        for line in self.text()[self.read_from:].splitlines():
            try:
                out.append(json.loads(line))
            except ValueError:
                out.append({"event": "text", "text": line})
        return out

    def logged(self, event):
        return [line for line in self.lines() if line["event"] == event]

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, most=30):
        self.signal(signal.SIGTERM)
        code = self.process.wait(most)
        if code != 0 or "Sanitizer" in self.text() or "runtime error:" in self.text():
            raise AssertionError(f"riposte serve ended with {code}:\n{self.text()}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ask(self, method, path, body=None, headers=None):
        """(status, body) of a request to the HTTP server."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         data=body.encode() if body is not None else None,
                                         headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
                                         | (headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def runs(self):
        """All runs that the journal holds, from the journal itself."""
        done, runs = riposte.run_json("runs", "-J", self.journal, "--limit", "10000", "--output", "json",
                                      env=self.environment)
        if done.returncode not in (0, 1):
            raise AssertionError(done.stderr)
        return runs

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        self.log.close()
        self.out.close()
        self.scratch.cleanup()
