"""The service as a team runs it: findings from a queue and over the webhook, reloads, stops, kills, restarts.
RIPOSTE_E2E_FINDINGS says how many findings come through the queue."""

import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

import emulator
import riposte
import service

FINDINGS = int(os.environ.get("RIPOSTE_E2E_FINDINGS", "300"))
WAITING_MOST = 60  # messages
KEY = "webhook-key-0123456789abcdef"


class ServeTest(emulator.EmulatorTest):
    def serve(self, **options):
        s = service.Service(self.emulator.environment(), **options)
        self.addCleanup(s.close)
        return s

    def queue(self, **attributes):
        sqs = self.emulator.client("sqs")
        return sqs, sqs.create_queue(QueueName="findings", Attributes=attributes)["QueueUrl"]

    def send(self, sqs, url, numbers):
        for i in range(0, len(numbers), 10):
            sqs.send_message_batch(QueueUrl=url, Entries=[
                {"Id": str(n), "MessageBody": service.finding(n)} for n in numbers[i:i + 10]])

    def left(self, sqs, url):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)

    def test_each_finding_of_a_queue_is_answered_once_through_kills_and_restarts(self):
        sqs, url = self.queue()
        s = self.serve(config={"sqs": [{"name": "findings", "url": url, "region": emulator.REGION, "visibility": "5s"}]})
        numbers = list(range(FINDINGS))
        ends = {FINDINGS // 4: s.kill, FINDINGS // 2: s.stop, FINDINGS * 3 // 4: s.kill}
        started = time.monotonic()
        s.start()
        for at in range(0, FINDINGS, 10):
            # moto copies its queue for each message that it delivers: it is kept short
            service.wait_for("room in the queue", lambda: self.left(sqs, url) < WAITING_MOST, most=60)
            self.send(sqs, url, numbers[at:at + 10])
            for when in [when for when in ends if when <= at]:
                ends.pop(when)()
                s.start()
        self.send(sqs, url, numbers[:10])  # some come twice
        service.wait_for("an empty queue", lambda: self.left(sqs, url) == 0, most=120)
        service.wait_for("the last runs", lambda: json.loads(s.ask("GET", "/v1/status")[1])["running"] == 0)
        seconds = time.monotonic() - started
        s.stop()
        runs = s.runs()
        self.assertEqual(sorted(run["finding"]["id"] for run in runs), sorted(f"finding-{n}" for n in numbers))
        self.assertEqual({run["outcome"] for run in runs}, {"done"})
        print(f"{FINDINGS} findings, 2 kills, 1 stop: {seconds:.1f} s, {FINDINGS / seconds:.0f} a second")

    def test_what_is_no_finding_is_left_to_the_dead_letter_queue(self):
        sqs = self.emulator.client("sqs")
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        _, url = self.queue(RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1}))
        s = self.serve(config={"sqs": [{"name": "findings", "url": url, "region": emulator.REGION}]})
        sqs.send_message(QueueUrl=url, MessageBody="{broken")
        self.send(sqs, url, [1])
        s.start()
        service.wait_for("a run", lambda: s.logged("run.ended"))
        service.wait_for("the source's failure", lambda: any(
            source["failed"] for source in json.loads(s.ask("GET", "/v1/status")[1])["sources"]))
        self.assertEqual(self.left(sqs, url) + self.left(sqs, dead), 1)  # it was not deleted
        s.stop()

    def test_the_webhook_answers_200_once_the_journal_holds_it(self):
        secret = tempfile.NamedTemporaryFile("w", suffix=".secret")
        self.addCleanup(secret.close)
        secret.write(KEY + "\n")
        secret.flush()
        s = self.serve(config={"webhooks": [{"name": "bridge", "kind": "eventbridge", "secret_file": secret.name,
                                             "header": "X-Api-Key"}]})
        s.start()
        self.assertEqual(s.ask("POST", "/v1/events", service.finding(1), {"X-Api-Key": "wrong"})[0], 401)
        self.assertEqual(s.ask("POST", "/v1/events", "{broken", {"X-Api-Key": KEY})[0], 400)
        self.assertEqual(s.ask("POST", "/v1/events", service.finding(1), {"X-Api-Key": KEY})[0], 200)
        s.kill()
        self.assertEqual([run["finding"]["id"] for run in s.runs()], ["finding-1"])
        s.start()
        service.wait_for("the run's end", lambda: [r for r in s.runs() if r.get("outcome") == "done"])
        s.stop()

    def test_a_folder_is_a_way_in(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        s = self.serve(config={"folders": [{"name": "inbox", "path": folder.name}]})
        s.start()
        inbox = pathlib.Path(folder.name)
        (inbox / "one.json.part").write_text(service.finding(1))
        (inbox / "one.json.part").rename(inbox / "one.json")
        service.wait_for("the run", lambda: s.logged("run.ended"))
        service.wait_for("done/one.json", (inbox / "done/one.json").exists)
        s.stop()

    def test_sighup_reloads_and_a_broken_playbook_stays_as_it_was(self):
        s = self.serve()
        s.start()

        def names():
            return sorted(book["name"] for book in json.loads(s.ask("GET", "/v1/playbooks")[1])["playbooks"])

        self.assertEqual(names(), ["answer"])
        (s.books / "answer.lua").write_text("return { name = ")
        (s.books / "more.lua").write_text(service.playbook("more", ""))
        s.signal(signal.SIGHUP)
        service.wait_for("the reload", lambda: s.logged("serve.reloaded"))
        self.assertEqual(names(), ["answer", "more"])
        self.assertTrue(s.logged("playbook.rejected"))
        self.assertEqual(s.logged("serve.reloaded")[0]["why"], "SIGHUP")
        s.stop()

    def test_changed_files_are_noticed_and_a_broken_configuration_changes_nothing(self):
        s = self.serve(config={"serve": {"watch": "100ms"}})
        s.start()
        time.sleep(0.5)
        (s.books / "more.lua").write_text(service.playbook("more", ""))
        service.wait_for("the reload", lambda: s.logged("serve.reloaded"))
        s.config.write_text("mode: perhaps\n")
        service.wait_for("the refusal", lambda: s.logged("serve.reload_failed"))
        self.assertEqual(s.ask("GET", "/readyz")[0], 200)
        s.stop()

    def test_sigterm_lets_runs_end_and_leaves_the_others_to_the_journal(self):
        books = {"short": service.playbook("short", "run:sleep(2)"), "long": service.playbook("long", "run:sleep('50m')")}
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        s = self.serve(books=books, config={"folders": [{"name": "inbox", "path": folder.name}], "serve": {"stop": "4s"}})
        s.start()
        (pathlib.Path(folder.name) / "one.json").write_text(service.finding(1))
        service.wait_for("both runs", lambda: len(s.logged("run.started")) == 2)
        began = time.monotonic()
        s.stop()
        self.assertLess(time.monotonic() - began, 8)
        outcomes = {run["playbook"]: run.get("outcome") for run in s.runs()}
        self.assertEqual(outcomes["short"], "done")
        self.assertNotEqual(outcomes["long"], "done")
        s.start()
        self.assertEqual(s.logged("serve.ready")[0]["from_before"], "1")
        self.assertEqual(riposte.run("cancel", "-J", s.journal, [r for r in s.runs() if r["playbook"] == "long"][0]["id"],
                                     env=s.environment).returncode, 0)
        service.wait_for("the end of the long run", lambda: s.logged("run.ended"))
        s.stop()

    def test_a_second_sigterm_stops_at_once(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        s = self.serve(books={"long": service.playbook("long", "run:sleep('50m')")},
                       config={"folders": [{"name": "inbox", "path": folder.name}], "serve": {"stop": "1h"}})
        s.start()
        (pathlib.Path(folder.name) / "one.json").write_text(service.finding(1))
        service.wait_for("the run", lambda: s.logged("run.started"))
        s.signal(signal.SIGTERM)
        service.wait_for("the stop", lambda: s.logged("serve.stopping"))
        s.stop()

    def test_the_service_manager_is_told(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(20)
            s = self.serve()
            s.start(NOTIFY_SOCKET=path, WATCHDOG_USEC="200000")
            told = []
            while not any(line.startswith("READY=1") for line in told) or told.count("WATCHDOG=1") < 3:
                told.append(manager.recv(4096).decode())
            s.signal(signal.SIGTERM)
            while "STOPPING=1" not in told:
                told.append(manager.recv(4096).decode())
            self.assertEqual(s.process.wait(20), 0)

    def test_metrics_are_as_prometheus_wants_them(self):
        sqs, url = self.queue()
        s = self.serve(config={"sqs": [{"name": "findings", "url": url, "region": emulator.REGION}]})
        self.send(sqs, url, [1, 2, 3])
        s.start()
        service.wait_for("the runs", lambda: len(s.logged("run.ended")) == 3)
        status, text = s.ask("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertIn('riposte_runs_total{playbook="answer",outcome="done"} 3\n', text)
        self.assertIn('riposte_aws_calls_total{service="dynamodb",operation="ListTables",code=""} 3\n', text)
        self.assertIn('riposte_findings_total{source="e2e",severity="none",repeated="false"} 3\n', text)
        if shutil.which("promtool"):
            checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        s.stop()

    def test_embedded_metrics_go_to_standard_output(self):
        s = self.serve(config={"log": {"emf": True}})
        s.start()
        line = json.loads(service.wait_for("a line", lambda: (s.folder / "out").read_text().splitlines())[0])
        told = line["_aws"]["CloudWatchMetrics"][0]
        self.assertEqual(told["Namespace"], "Riposte")
        self.assertEqual(line["Service"], "riposte")
        for metric in told["Metrics"]:
            self.assertIsInstance(line[metric["Name"]], int)
        self.assertLess(abs(line["_aws"]["Timestamp"] / 1000 - time.time()), 120)
        s.stop()

    def test_a_plan_is_approved_on_the_page_that_a_message_links_to(self):
        told = []

        class Chat(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        chat = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Chat)
        threading.Thread(target=chat.serve_forever, daemon=True).start()
        self.addCleanup(chat.server_close)
        self.addCleanup(chat.shutdown)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        body = 'run.aws.sqs():create_queue { QueueName = "made-by-the-plan" }'
        s = self.serve(books={"plan": service.playbook("plan", body).replace("dynamodb:ListTables", "sqs:CreateQueue")},
                       config={"mode": "approve", "folders": [{"name": "inbox", "path": folder.name}],
                               "notify": [{"name": "chat", "kind": "http", "when": ["approval"],
                                           "target": f"http://127.0.0.1:{chat.server_port}/"}]})
        settings = json.loads(s.config.read_text())
        settings["http"]["url"] = f"http://127.0.0.1:{s.port}"
        s.config.write_text(json.dumps(settings))
        s.start()
        (pathlib.Path(folder.name) / "one.json").write_text(service.finding(1))
        message = json.dumps(service.wait_for("the message", lambda: told)[0])
        link = re.search(r"http://127[^\"\\\\ ]+/v1/approve[^\"\\\\ ]+", message).group(0)
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)
        page = s.ask("GET", link.partition(str(s.port))[2], headers={"Authorization": ""})
        self.assertEqual(page[0], 200)
        self.assertIn("CreateQueue", page[1])
        self.assertEqual([run["outcome"] for run in s.runs()], ["waiting"])  # nothing is approved by following it
        form = urllib.parse.urlencode({"run": query["run"][0], "token": query["token"][0], "name": "ana", "decision": "approve"})
        posted = s.ask("POST", "/v1/approve", form, {"Authorization": "", "Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(posted[0], 200, posted[1])
        service.wait_for("the run", lambda: [run for run in s.runs() if run.get("outcome") == "done"])
        self.assertIn("QueueUrls", self.emulator.client("sqs").list_queues(QueueNamePrefix="made-by"))
        again = s.ask("POST", "/v1/approve", form, {"Authorization": "", "Content-Type": "application/x-www-form-urlencoded"})
        self.assertNotEqual(again[0], 200)  # a link is good for one decision
        s.stop()

    def test_a_plan_is_carried_out_once_two_people_have_approved_it(self):
        people = {"ana": "approver", "bo": "approver", "vi": "viewer"}
        tokens = [{"name": name, "role": role, "sha256": service.sha256(f"token-of-{name}-0123456789abcdef")}
                  for name, role in people.items()]
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        body = 'run.aws.sqs():create_queue { QueueName = "made-by-two" }'
        s = self.serve(books={"plan": service.playbook("plan", body).replace("dynamodb:ListTables", "sqs:CreateQueue")},
                       config={"mode": "approve", "approvals": {"people": 2},
                               "folders": [{"name": "inbox", "path": folder.name}], "api": {"tokens": tokens}})

        def says(name, word, run):
            return s.ask("POST", f"/v1/runs/{run}/{word}", '{"why": "seen"}',
                         {"Authorization": f"Bearer token-of-{name}-0123456789abcdef"})

        s.start()
        (pathlib.Path(folder.name) / "one.json").write_text(service.finding(1))
        run = service.wait_for("the plan", lambda: [run for run in s.runs() if run.get("outcome") == "waiting"])[0]["id"]
        made = lambda: "QueueUrls" in self.emulator.client("sqs").list_queues(QueueNamePrefix="made-by-two")
        self.assertEqual(says("vi", "approve", run)[0], 403)
        first = says("ana", "approve", run)
        self.assertEqual(first[0], 200, first[1])
        again = says("ana", "approve", run)
        self.assertEqual(again[0], 409, again[1])
        self.assertIn("another person", again[1])
        s.kill()  # what one has said outlasts the process
        s.start()
        self.assertEqual([run["outcome"] for run in s.runs()], ["waiting"])
        self.assertFalse(made())
        second = says("bo", "approve", run)
        self.assertEqual(second[0], 200, second[1])
        service.wait_for("the run", lambda: [run for run in s.runs() if run.get("outcome") == "done"])
        self.assertTrue(made())
        s.stop()
        shown = riposte.run("show", run, "-J", s.journal, env=s.environment).stdout
        for name in "ana", "bo":
            self.assertIn(f"approve by {name} at ", shown)

    def test_a_journal_is_needed_and_only_one_process_has_it(self):
        done = riposte.run("serve", env=riposte.environment())
        self.assertEqual(done.returncode, 2)
        self.assertIn("journal.path", done.stderr)
        s = self.serve()
        s.start()
        second = riposte.run("serve", "--config", s.config, env=s.environment)
        self.assertEqual(second.returncode, 2)
        self.assertIn("riposte serve", second.stderr)
        s.stop()


if __name__ == "__main__":
    riposte.main()
