"""Findings through moto's SQS into a journal on disk: each kept once and none lost, whatever happens to the process.
RIPOSTE_E2E_MESSAGES says how many; moto copies its queue for each message that it delivers, so it is kept short."""

import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import tempfile
import time

import riposte
from emulator import REGION, EmulatorTest

PROGRAM = os.environ.get("TAKE_IN", str(riposte.SOURCE / "build/release/tests/e2e/take_in"))
MESSAGES = int(os.environ.get("RIPOSTE_E2E_MESSAGES", "600"))
KILLS = 12
WAITING_MOST = 60  # in moto's queue
PATIENCE = 200  # seconds


class Sources(EmulatorTest):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.sqs = self.emulator.client("sqs")
        dead = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        self.dead = dead
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 4})
        self.queue = self.sqs.create_queue(QueueName="findings", Attributes={"RedrivePolicy": redrive})["QueueUrl"]
        self.event = json.loads((riposte.SOURCE / "examples/events/guardduty-event.json").read_text())

    def configure(self, visibility):
        drop = self.folder / "drop"
        drop.mkdir(exist_ok=True)
        path = self.folder / "riposte.yaml"
        path.write_text(json.dumps({
            "journal": {"path": str(self.folder / "journal.db")},
            "sqs": [{"name": "findings", "url": self.queue, "region": REGION, "concurrency": "4", "visibility": visibility}],
            "folders": [{"name": "drop", "path": str(drop)}]}))
        return path

    def finding(self, number):
        detail = self.event["detail"] | {"id": f"finding-{number}"}
        return json.dumps(self.event | {"id": f"event-{number}", "detail": detail})

    def envelope(self, number):
        return json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:123456789012:findings",
                           "MessageId": str(number), "Message": self.finding(number)})

    def send(self, bodies):
        for at in range(0, len(bodies), 10):
            self.sqs.send_message_batch(QueueUrl=self.queue, Entries=[
                {"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies[at:at + 10])])

    def start(self, config):
        return subprocess.Popen([PROGRAM, config], env=self.emulator.environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def end(self, process):
        """The status of each source."""
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        self.assertNotIn("Sanitizer", errors)
        return json.loads(out)

    def left(self, queue):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    def wait(self, process, true):
        until = time.monotonic() + PATIENCE
        while not true():
            self.assertTrue(process is None or process.poll() is None, "it ended")
            self.assertLess(time.monotonic(), until, "it took too long")
            time.sleep(0.1)

    def kept(self):
        with sqlite3.connect(f"file:{self.folder}/journal.db?mode=ro", uri=True) as db:
            return sorted(row[0] for row in db.execute("SELECT id FROM findings"))

    def test_each_message_is_kept_once_and_none_is_lost_though_the_process_is_killed(self):
        self.queue = self.sqs.create_queue(QueueName="without-redrive")["QueueUrl"]
        config = self.configure("5s")
        bodies = [(self.envelope if number % 5 == 0 else self.finding)(number) for number in range(MESSAGES)]
        chance, began, kills = random.Random(7), time.monotonic(), 0
        process = self.start(config)
        for at in range(0, MESSAGES, 10):
            self.wait(process, lambda: self.left(self.queue) <= WAITING_MOST)
            self.send(bodies[at:at + 10])
            if kills < KILLS and at >= (kills + 1) * MESSAGES // (KILLS + 2):
                time.sleep(chance.uniform(0, 0.1))
                process.kill()
                process.communicate()
                process = self.start(config)
                kills += 1
        self.wait(process, lambda: self.left(self.queue) == 0)
        seconds = time.monotonic() - began
        self.end(process)
        self.assertEqual(self.kept(), sorted(f"finding-{number}" for number in range(MESSAGES)))
        self.assertEqual(kills, KILLS)
        print(f"{MESSAGES} messages, {kills} kills, {seconds:.1f} s")

    def test_a_graceful_end_leaves_nothing_half_done(self):
        config = self.configure("12h")
        self.send([self.finding(number) for number in range(WAITING_MOST)])
        process = self.start(config)
        self.wait(process, lambda: self.left(self.queue) < WAITING_MOST)
        [queue, _] = self.end(process)
        self.assertEqual(queue["kept"], len(self.kept()))
        self.assertEqual(queue["under_way"], 0)
        # all that was told to be kept is deleted; what was still on its way is hidden
        self.wait(None, lambda: self.left(self.queue) == WAITING_MOST - queue["kept"])

    def test_what_cannot_be_read_goes_to_the_dead_letter_queue(self):
        config = self.configure("5s")
        self.send(["no JSON", '{"neither": "event nor finding"}', self.finding(1)])
        process = self.start(config)
        self.wait(process, lambda: self.left(self.dead) == 2 and self.left(self.queue) == 0)
        [queue, _] = self.end(process)
        self.assertEqual(self.kept(), ["finding-1"])
        self.assertEqual(queue["kept"], 1)
        self.assertGreaterEqual(queue["failed"], 2)

    def test_a_file_is_taken_in_and_moved(self):
        process = self.start(self.configure("5s"))
        drop = self.folder / "drop"
        self.wait(process, (drop / "done").is_dir)
        (drop / "two.jsonl").write_text(self.finding(1) + "\n" + self.finding(2) + "\n")
        (drop / "bad.json").write_text("{}")
        self.wait(process, lambda: (drop / "done/two.jsonl").exists() and (drop / "failed/bad.json.error").exists())
        self.end(process)
        self.assertEqual(self.kept(), ["finding-1", "finding-2"])


if __name__ == "__main__":
    riposte.main()
