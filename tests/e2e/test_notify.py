"""Who is told: through a kill while nobody listens, with a plan that is approved from the message's own link."""

import http.server
import json
import pathlib
import tempfile
import threading
import unittest
import urllib.parse

import emulator
import service

BOOK = """return { name = "contain", about = "For a test.", trigger = { source = { "e2e" } },
  permissions = { "ecs:DeleteCluster", "ecs:DescribeClusters" },
  run = function(finding, run) run.aws.ecs():delete_cluster { cluster = "prod" } end }
"""


class Listener:
    """An endpoint that takes what it is sent."""

    def __init__(self, port):
        told = self.told = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class NotifyTest(emulator.EmulatorTest):
    def serve(self, notify, mode):
        inbox = tempfile.TemporaryDirectory()
        self.addCleanup(inbox.cleanup)
        self.inbox = pathlib.Path(inbox.name)
        s = service.Service(self.emulator.environment(), books={"contain": BOOK}, config={
            "mode": mode, "notify": notify, "folders": [{"name": "inbox", "path": inbox.name}]})
        self.addCleanup(s.close)
        settings = json.loads(s.config.read_text())
        settings["http"]["url"] = f"http://127.0.0.1:{s.port}"
        s.config.write_text(json.dumps(settings))
        return s

    def drop(self, number):
        part = self.inbox / f"{number}.part"
        part.write_text(service.finding(number))
        part.rename(self.inbox / f"{number}.json")

    def test_a_plan_is_told_after_a_kill_and_approved_from_its_link(self):
        ecs = self.emulator.client("ecs")
        ecs.create_cluster(clusterName="prod")
        port = service.free_port()
        s = self.serve([{"name": "bot", "kind": "http", "target": f"http://127.0.0.1:{port}/", "retry": "1s"}], "approve")
        s.start()
        self.drop(1)
        service.wait_for("a try", lambda: s.logged("notify.failed"))
        s.kill()
        listener = Listener(port)
        self.addCleanup(listener.close)
        s.start()
        service.wait_for("the plan", lambda: listener.told)
        plan = listener.told[0]
        self.assertEqual((plan["event"], plan["changes"], plan["finding"]), ("approval", 1, "finding-1"))

        link = urllib.parse.urlsplit(plan["link"])
        status, page = s.ask("GET", f"{link.path}?{link.query}", headers={"Authorization": ""})
        self.assertEqual(status, 200, page)
        self.assertIn("DeleteCluster", page)
        self.assertEqual(ecs.describe_clusters(clusters=["prod"])["clusters"][0]["status"], "ACTIVE")  # by a GET, nothing
        given = dict(urllib.parse.parse_qsl(link.query)) | {"decision": "approve", "name": "Ada", "why": "agreed"}
        form = {"Authorization": "", "Content-Type": "application/x-www-form-urlencoded"}
        forged = urllib.parse.urlencode(given | {"token": given["token"][:-1] + "_"})
        self.assertGreaterEqual(s.ask("POST", link.path, forged, form)[0], 400)
        self.assertEqual(s.ask("POST", link.path, urllib.parse.urlencode(given), form)[0], 200)
        service.wait_for("the end", lambda: len(listener.told) >= 2)
        self.assertEqual(listener.told[1]["event"], "contained", listener.told[1])
        self.assertEqual(ecs.describe_clusters(clusters=["prod"])["clusters"][0]["status"], "INACTIVE")
        self.assertGreaterEqual(s.ask("POST", link.path, urllib.parse.urlencode(given), form)[0], 400)  # once
        s.stop()
        s.start()
        s.stop()
        self.assertEqual([message["event"] for message in listener.told], ["approval", "contained"])

    def test_a_topic_is_told(self):
        self.emulator.client("ecs").create_cluster(clusterName="prod")
        sns, sqs = self.emulator.client("sns"), self.emulator.client("sqs")
        topic = sns.create_topic(Name="security")["TopicArn"]
        url = sqs.create_queue(QueueName="readers")["QueueUrl"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
        s = self.serve([{"name": "topic", "kind": "sns", "target": topic, "when": ["contained"]}], "enforce")
        s.start()
        self.drop(1)
        messages = service.wait_for("the message", lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
        s.stop()
        envelope = json.loads(messages[0]["Body"])
        self.assertIn("Contained", envelope["Subject"])
        self.assertIn("ecs:DeleteCluster (done)", envelope["Message"])
        self.assertEqual(envelope["MessageAttributes"]["event"]["Value"], "contained")


if __name__ == "__main__":
    unittest.main()
