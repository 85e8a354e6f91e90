"""Findings are updated by runs: held by a pause through a kill, told once it is over, on record."""

import http.server
import json
import pathlib
import tempfile
import threading
import unittest

import riposte
import service

EVENTS = pathlib.Path(__file__).resolve().parents[2] / "examples" / "events"
BOOK = """return { name = "look", about = "For a test.", trigger = { source = { "aws.securityhub" } }, permissions = {},
  run = function() end }
"""


class SecurityHub:
    """Knows one finding, and keeps what it is told of it."""

    def __init__(self, finding):
        updates = self.updates = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, value, form="application/json"):
                self.send_response(200)
                self.send_header("Content-Type", form)
                self.send_header("Content-Length", str(len(value)))
                self.end_headers()
                self.wfile.write(value)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if b"GetCallerIdentity" in body:
                    arn = "arn:aws:iam::123456789012:user/riposte"
                    self.answer(f"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><Account>123456789012"
                                "</Account></GetCallerIdentityResult></GetCallerIdentityResponse>".encode(), "text/xml")
                else:
                    self.answer(json.dumps({"Findings": [finding]}).encode())

            def do_PATCH(self):
                updates.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.answer(b'{"ProcessedFindings": [], "UnprocessedFindings": []}')

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class FeedbackTest(unittest.TestCase):
    def setUp(self):
        self.finding = json.loads((EVENTS / "asff.json").read_text())
        self.hub = SecurityHub(self.finding)
        self.addCleanup(self.hub.close)
        inbox = tempfile.TemporaryDirectory()
        self.addCleanup(inbox.cleanup)
        self.inbox = pathlib.Path(inbox.name)
        environment = riposte.environment(AWS_ENDPOINT_URL=self.hub.url, AWS_ACCESS_KEY_ID="AKIDEXAMPLE",
                                          AWS_SECRET_ACCESS_KEY="secret", AWS_REGION="us-east-1")
        self.serve = service.Service(environment, books={"look": BOOK}, config={
            "folders": [{"name": "inbox", "path": inbox.name}]})
        self.addCleanup(self.serve.close)

    def feedback(self):
        return [run for run in self.serve.runs() if run["playbook"] == "feedback"]

    def test_a_pause_holds_it_through_a_kill_and_it_is_on_record(self):
        s = self.serve
        s.start()
        self.assertEqual(s.ask("PUT", "/v1/pauses/playbook:feedback", json.dumps({"why": "a test"}))[0], 200)
        (self.inbox / "1.json").write_text(json.dumps(self.finding))
        service.wait_for("the run", lambda: [run for run in s.logged("run.ended") if run["playbook"] == "look"])
        service.wait_for("what is to be told", lambda: json.loads(s.ask("GET", "/v1/status")[1])["queued"] >= 1)
        s.kill()
        self.assertEqual(self.hub.updates, [])
        s.start()
        self.assertEqual(self.hub.updates, [])
        self.assertEqual(s.ask("DELETE", "/v1/pauses/playbook:feedback")[0], 200)
        service.wait_for("the end", lambda: [run for run in self.feedback() if run.get("outcome") == "done"])
        s.stop()
        update = self.hub.updates[0]
        self.assertEqual(update["FindingIdentifiers"], [{"Id": self.finding["Id"], "ProductArn": self.finding["ProductArn"]}])
        self.assertEqual(update["Workflow"], {"Status": "NOTIFIED"})
        self.assertIn("run-", update["Note"]["Text"])
        self.assertTrue(all(run["outcome"] == "done" for run in self.feedback()))


if __name__ == "__main__":
    unittest.main()
