"""What people do with runs: list and show them, approve, deny, retry, cancel, pause, undo; with a process that owns the
journal and without one. AWS is a service of ECS that this test plays."""

import contextlib
import fcntl
import http.server
import json
import os
import pathlib
import pwd
import shutil
import sqlite3
import stat
import subprocess
import tempfile
import threading
import time
import unittest

import riposte

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "e2e/secret", "AWS_REGION": "us-east-1"}
FINDING = riposte.SOURCE / "examples/events/guardduty-event.json"
WHO = pwd.getpwuid(os.geteuid()).pw_name
PLAYBOOK = """return {
  name = "scale-down",
  about = "Takes all tasks from the service.",
  trigger = { source = { "aws.guardduty" } },
  permissions = { "ecs:DescribeServices", "ecs:UpdateService" },
  run = function(finding, run)
    run.aws.ecs():update_service { cluster = "shop", service = "web", desiredCount = 0 }
  end,
}
"""
IDENTITY = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/e2e</Arn><UserId>U</UserId><Account>123456789012</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""


class Service:
    """One ECS service; `updates` are the counts that it was told. While `broken`, every call is refused."""

    def __init__(self):
        service = self
        self.count, self.updates, self.broken = 3, [], False

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
                if not operation:
                    self.answer(200, IDENTITY, "text/xml")
                elif service.broken:
                    self.answer(400, b'{"__type":"AccessDeniedException","message":"the door is shut"}')
                else:
                    self.answer(200, json.dumps(service.perform(operation, json.loads(body))).encode())

            def answer(self, status, body, kind="application/x-amz-json-1.1"):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def perform(self, operation, params):
        arn = "arn:aws:ecs:us-east-1:123456789012:service/shop/web"
        if operation == "UpdateService":
            self.count = params["desiredCount"]
            self.updates.append(self.count)
        about = {"serviceArn": arn, "serviceName": "web", "status": "ACTIVE", "desiredCount": self.count,
                 "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/shop"}
        return {"UpdateService": {"service": about}, "DescribeServices": {"services": [about], "failures": []},
                "ListTagsForResource": {"tags": []}}[operation]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def view_state(run):
    return run.get("outcome") or ("running" if "started" in run else "queued")


class Journal(unittest.TestCase):
    """A journal, a playbook and AWS of their own for each test."""

    def setUp(self):
        self.more = {}
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.service = Service()
        self.addCleanup(self.service.close)
        self.write_playbook()
        self.configure("approve")

    def write_playbook(self, first="", count="0"):
        text = PLAYBOOK.replace("run.aws", first + "run.aws").replace("desiredCount = 0", f"desiredCount = {count}")
        (self.folder / "scale-down.lua").write_text(text)

    def configure(self, mode, more=""):
        self.config = self.folder / "riposte.yaml"
        self.config.write_text(f"mode: {mode}\nplaybooks: [{self.folder}/scale-down.lua]\n"
                               f"journal:\n  path: {self.folder}/journal\n{more}")

    def environment(self):
        return riposte.environment(AWS_ENDPOINT_URL=self.service.url, **CREDENTIALS, **self.more)

    def riposte(self, command, *args, **options):
        return riposte.run(command, "--config", self.config, *args, env=self.environment(), **options)

    def json(self, command, *args):
        done = self.riposte(command, "--output", "json", *args)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def answer_finding(self, returncode=0):
        """The record of the run that answers the finding, by a process that ends."""
        done = self.riposte("run", FINDING)
        self.assertEqual(done.returncode, returncode, done.stdout + done.stderr)
        return self.json("runs")[0]

    def states(self):
        return {run["id"]: view_state(run) for run in self.json("runs")}


class Alone(Journal):
    """No process owns the journal."""

    def test_a_plan_waits_is_shown_approved_and_carried_out(self):
        run = self.answer_finding()
        self.assertEqual((run["outcome"], run["changes"]), ("waiting", 1))
        shown = self.riposte("show", run["id"]).stdout
        self.assertIn("ecs:UpdateService  planned", shown)
        self.assertIn('"desiredCount": 0', shown)
        self.assertIn(f"riposte approve {run['id']}", shown)
        self.assertEqual(self.service.updates, [])
        done = self.riposte("approve", run["id"], "--why", "agreed")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.service.updates, [0])
        self.assertIn("ecs:UpdateService", done.stdout)
        self.assertEqual(sorted(self.states().values()), ["approved", "done"])
        [whole] = self.json("show", run["id"])
        self.assertEqual([(d["decision"], d["who"], d["why"]) for d in whole["decisions"]], [("approve", WHO, "agreed")])

    def test_a_plan_that_is_denied_is_never_carried_out(self):
        run = self.answer_finding()
        self.assertEqual(self.riposte("deny", run["id"]).returncode, 0)
        self.assertEqual(self.states(), {run["id"]: "denied"})
        again = self.riposte("approve", run["id"])
        self.assertEqual(again.returncode, 1)
        self.assertIn("denied", again.stderr)
        self.assertEqual(self.service.updates, [])

    def test_two_people_must_approve_where_that_is_configured(self):
        self.configure("approve", "approvals:\n  people: 2\n")
        run = self.answer_finding()
        first = self.riposte("approve", run["id"])
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertIn("1 more must approve", first.stdout)
        again = self.riposte("approve", run["id"])
        self.assertEqual(again.returncode, 1)
        self.assertIn("another person", again.stderr)
        self.assertEqual(self.service.updates, [])

    def test_a_run_that_failed_is_done_again_and_the_failure_stays_on_record(self):
        self.configure("enforce")
        self.service.broken = True
        run = self.answer_finding(returncode=1)
        self.assertEqual(run["outcome"], "failed")
        self.assertIn("the door is shut", self.riposte("show", run["id"]).stdout)
        self.service.broken = False
        done = self.riposte("retry", run["id"], "--why", "opened it")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(sorted(self.states().values()), ["done", "retried"])
        self.assertEqual(self.service.updates, [0])

    def test_a_retry_that_fails_again_is_a_failure_of_the_command(self):
        self.configure("enforce")
        self.service.broken = True
        run = self.answer_finding(returncode=1)
        self.assertEqual(self.riposte("retry", run["id"]).returncode, 1)

    def test_a_plan_that_waits_can_be_cancelled(self):
        run = self.answer_finding()
        self.assertEqual(self.riposte("cancel", run["id"]).returncode, 0)
        self.assertEqual(self.states(), {run["id"]: "cancelled"})

    def test_a_pause_stops_the_change_and_resuming_lets_it_go_on(self):
        self.configure("enforce")
        self.assertEqual(self.riposte("pause", "--why", "weekend").returncode, 0)
        self.assertIn(f"ago by {WHO}: weekend", self.riposte("runs").stdout)
        run = self.answer_finding(returncode=1)
        self.assertIn(view_state(run), ("queued", "paused"))
        self.assertEqual(self.service.updates, [])
        done = self.riposte("resume")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.service.updates, [0])
        twice = self.riposte("resume")
        self.assertEqual(twice.returncode, 1)
        self.assertIn("not paused", twice.stderr)

    def waits(self, *command):
        """What a command says that finds the journal with a process that does not listen, for a second."""
        with open(self.folder / "journal.lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            process = subprocess.Popen([riposte.PROGRAM, *command, "--config", self.config], env=self.environment(),
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            with self.assertRaises(subprocess.TimeoutExpired):
                process.wait(1)
        told = process.communicate(timeout=20)[0]
        self.assertEqual(process.returncode, 0, told)
        return told

    def test_a_word_to_a_process_that_is_starting_waits_for_it(self):
        self.configure("enforce")
        self.answer_finding()
        self.assertIn("No more changes are made: all.", self.waits("pause"))

    def test_a_process_that_starts_waits_for_a_command_that_has_the_journal(self):
        self.configure("enforce")
        self.assertEqual(self.riposte("pause").returncode, 0)
        self.assertEqual(self.riposte("resume").returncode, 0)
        self.waits("run", FINDING)
        self.assertEqual(self.service.updates, [0])

    def test_what_a_run_changed_is_undone_and_a_rehearsal_of_it_changes_nothing(self):
        self.configure("enforce")
        run = self.answer_finding()
        self.assertEqual(self.service.updates, [0])
        rehearsed = self.riposte("undo", "--mode", "dry-run", run["id"])
        self.assertEqual(rehearsed.returncode, 0, rehearsed.stdout + rehearsed.stderr)
        self.assertEqual(self.service.updates, [0])
        done = self.riposte("undo", run["id"], "--why", "a build machine")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.service.updates, [0, 3])
        shown = self.riposte("show", run["id"]).stdout
        self.assertIn(f"undo by {WHO}", shown)
        self.assertIn("a build machine", shown)
        [undo, *_] = self.json("runs")
        self.assertIn(f"takes back what was done by {run['id']}", self.riposte("show", undo["id"]).stdout)

    def test_an_undo_that_the_mode_lowers_says_so_and_how_to_let_it(self):
        self.configure("enforce")
        run = self.answer_finding()
        self.configure("dry-run")
        for asked in ([], ["--mode", "enforce"]):
            with self.subTest(asked):
                lowered = self.riposte("undo", *asked, run["id"])
                self.assertEqual((lowered.returncode, self.service.updates), (1, [0]))
                self.assertIn("in dry-run: the configuration's mode allows no more", lowered.stdout)
        rehearsed = self.riposte("undo", "--mode", "dry-run", run["id"])
        self.assertNotIn("allows no more", rehearsed.stdout)
        done = self.riposte("undo", "--set", "mode=enforce", run["id"])
        self.assertNotIn("allows no more", done.stdout)
        self.assertEqual(self.service.updates, [0, 3])

    def without_configuration(self, command, *args):
        return riposte.run(command, "--journal", self.folder / "journal", "--set", f"playbooks={self.folder}/scale-down.lua", *args,
                           env=self.environment())

    def test_without_a_configuration_what_was_approved_is_done_and_taken_back(self):
        planned = self.without_configuration("run", "--mode", "approve", FINDING)
        self.assertEqual(planned.returncode, 0, planned.stdout + planned.stderr)
        run = self.json("runs")[0]
        approved = self.without_configuration("approve", run["id"], "--why", "seen")
        self.assertEqual((approved.returncode, self.service.updates), (0, [0]), approved.stdout + approved.stderr)
        executed = self.json("runs")[0]
        self.assertEqual((executed["plan_of"], executed["outcome"]), (run["id"], "done"))
        undone = self.without_configuration("undo", executed["id"])
        self.assertEqual((undone.returncode, self.service.updates), (0, [0, 3]), undone.stdout + undone.stderr)

    def test_an_approval_that_the_mode_forbids_is_refused_and_not_used_up(self):
        run = self.answer_finding()
        self.configure("dry-run")
        refused = self.riposte("approve", run["id"], "--why", "seen")
        self.assertEqual((refused.returncode, self.service.updates), (1, []))
        self.assertIn("still waits", refused.stderr)
        self.assertEqual([run["outcome"] for run in self.json("runs")], ["waiting"])
        self.configure("approve")
        approved = self.riposte("approve", run["id"], "--why", "seen")
        self.assertEqual((approved.returncode, self.service.updates), (0, [0]), approved.stdout + approved.stderr)

    def test_a_step_that_is_not_there_can_t_be_undone(self):
        self.configure("enforce")
        run = self.answer_finding()
        done = self.riposte("undo", "--step", "77/1", run["id"])
        self.assertEqual((done.returncode, self.service.updates), (1, [0]))
        self.assertIn("77/1", done.stderr)

    def test_filters_select_runs(self):
        run = self.answer_finding()
        for matching in (["--outcome", "waiting"], ["--outcome", "open"], ["--playbook", "scale-down"], ["--since", "1h"],
                         ["--account", run["finding"]["account"]], ["--region", run["finding"]["region"]],
                         ["--finding", run["finding"]["id"]], ["--limit", "1"]):
            with self.subTest(matching):
                self.assertEqual([r["id"] for r in self.json("runs", *matching)], [run["id"]])
        for other in (["--outcome", "done"], ["--playbook", "x"], ["--since", "2999-01-01T00:00:00Z"],
                      ["--account", "999999999999"], ["--region", "eu-west-9"], ["--finding", "x"]):
            with self.subTest(other):
                self.assertEqual(self.json("runs", *other), [])

    def test_a_run_that_is_not_there_is_named_and_nothing_is_started(self):
        self.answer_finding()
        for command in ("show", "approve", "deny", "retry", "cancel", "undo"):
            with self.subTest(command):
                done = self.riposte(command, "no-such-run")
                self.assertEqual(done.returncode, 1)
                self.assertIn("no-such-run", done.stderr)
                self.assertEqual(done.stdout, "")


class Audit(Journal):
    def change(self, sql):
        database = sqlite3.connect(self.folder / "journal")
        with database:
            self.assertEqual(database.execute(sql).rowcount, 1)
        database.close()

    def verify(self, *args):
        done = self.riposte("audit", "--output", "json", *args, "verify")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, rows[:-1], rows[-1]["verified"]

    def test_what_is_as_it_was_written_is_found_so_up_to_a_head_that_was_kept(self):
        self.answer_finding()
        status, mistakes, verified = self.verify()
        self.assertEqual((status, mistakes, verified["mistakes"], verified["runs"]), (0, [], 0, 1))
        self.riposte("deny", self.json("runs")[0]["id"])
        self.assertEqual(self.verify("--head", verified["head"])[0], 0)

    def test_a_decision_that_was_changed_is_found(self):
        run = self.answer_finding()
        self.riposte("deny", run["id"], "--why", "ours")
        self.change("UPDATE decisions SET decision = replace(decision, 'ours', 'mine')")
        status, mistakes, _ = self.verify()
        self.assertEqual(status, 1)
        self.assertTrue(any(m["table"] == "decisions" and run["id"] in m["row"] for m in mistakes), mistakes)
        text = self.riposte("audit", "verify")
        self.assertEqual(text.returncode, 1)
        self.assertIn("decisions", text.stdout)

    def test_an_export_goes_on_where_the_last_one_ended(self):
        run = self.answer_finding()
        target = self.folder / "export.jsonl"
        first = self.riposte("audit", "export", "--output", target)
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertEqual(stat.S_IMODE(target.stat().st_mode), 0o600)
        rows = [json.loads(line) for line in target.read_text().splitlines()]
        self.assertIn("finding", [row["kind"] for row in rows])
        last = max(row["place"] for row in rows if "place" in row)
        self.assertIn(f"--since {last}", first.stderr)
        self.riposte("deny", run["id"])
        more = self.riposte("audit", "export", "--since", last)
        places = [row["place"] for row in map(json.loads, more.stdout.splitlines()) if "place" in row]
        self.assertTrue(places and min(places) == last + 1, places)

    def test_what_can_t_be_written_is_told(self):
        self.answer_finding()
        done = self.riposte("audit", "export", "--output", self.folder / "no/such/folder")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no/such/folder", done.stderr)
        if os.path.exists("/dev/full"):
            self.assertEqual(self.riposte("audit", "export", "--output", "/dev/full").returncode, 1)


class Mistakes(unittest.TestCase):
    def test_without_a_journal_it_says_how_to_give_one(self):
        for command in (["runs"], ["show", "x"], ["approve", "x"], ["pause"]):
            done = riposte.run(*command)
            with self.subTest(command):
                self.assertEqual(done.returncode, 2)
                self.assertIn("--journal", done.stderr)

    def test_a_journal_that_is_not_there_is_no_reason_to_make_one(self):
        with tempfile.TemporaryDirectory() as folder:
            done = riposte.run("runs", "--journal", f"{folder}/journal")
            self.assertEqual((done.returncode, os.listdir(folder)), (1, []))
            self.assertIn(f"{folder}/journal", done.stderr)

    def test_wrong_usage_is_told(self):
        for args, says in ((["runs", "--since", "soon"], "soon"), (["runs", "--limit", "0"], "--limit"),
                           (["runs", "--output", "xml"], "xml"), (["show"], "one run"), (["show", "a", "b"], "one run"),
                           (["show", "--steps", "some", "a"], "some"), (["retry", "--happened", "--repeat", "a"], "exclude"),
                           (["undo", "--mode", "destroy", "a"], "destroy"), (["audit"], "verify or export"),
                           (["audit", "verify", "--since", "1"], "export"), (["audit", "export", "--since", "x"], "x"),
                           (["pause", "--account", "12"], "twelve"),
                           (["pause", "--account", "123456789012", "--playbook", "x"], "one"),
                           (["approve", b"\xff"], "UTF-8")):
            with self.subTest(args):
                done = subprocess.run([riposte.PROGRAM, *args, "--journal", "/nonexistent/journal"], capture_output=True,
                                      env=riposte.environment(), timeout=60)
                self.assertEqual((done.returncode, done.stdout), (2, b""))
                self.assertIn(says, done.stderr.decode())


class Owned(Journal):
    """`riposte run` reads a pipe that stays open: it owns the journal, and commands talk to it."""

    def start(self, answered=True):
        self.owner = subprocess.Popen([riposte.PROGRAM, "run", "--config", self.config, "--output", "json", "-"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      cwd=riposte.SOURCE, env=self.environment())
        self.addCleanup(self.stop)
        self.owner.stdin.write(json.dumps(json.loads(FINDING.read_text())) + "\n")
        self.owner.stdin.flush()
        return json.loads(self.owner.stdout.readline())["runs"][0] if answered else None

    def stop(self):
        with contextlib.suppress(BrokenPipeError):
            self.owner.stdin.close()
        self.owner.wait(60)
        self.owner.stdout.close()
        self.owner.stderr.close()

    def wait_for(self, what):
        until = time.monotonic() + 30
        while not what():
            self.assertLess(time.monotonic(), until, "it does not come about")
            time.sleep(0.05)

    def test_commands_go_through_the_socket_and_the_owner_does_the_rest(self):
        run = self.start()
        socket = self.folder / "journal.sock"
        self.assertEqual(stat.S_IMODE(socket.stat().st_mode), 0o600)
        self.assertEqual(self.states(), {run["id"]: "waiting"})
        [told] = self.json("approve", run["id"], "--why", "by socket")
        self.assertEqual((told["run"], told["outcome"]), (run["id"], "approved"))
        self.wait_for(lambda: self.states().get(told["follows"]) == "done")
        self.assertEqual(self.service.updates, [0])
        [whole] = self.json("show", run["id"])
        self.assertEqual(whole["decisions"][0]["who"], WHO)
        self.owner.stdin.close()
        self.assertEqual(self.owner.wait(60), 0)
        self.assertFalse(socket.exists())
        self.assertEqual(sorted(self.states().values()), ["approved", "done"])

    def test_the_owner_s_errors_reach_the_one_who_asks(self):
        run = self.start()
        self.assertEqual(self.riposte("deny", run["id"]).returncode, 0)
        done = self.riposte("approve", run["id"])
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("only a plan that waits", done.stderr)

    def test_a_run_under_way_is_cancelled_by_its_owner(self):
        self.write_playbook('run:sleep("1h") ')
        self.configure("enforce")
        self.start(answered=False)
        self.wait_for(lambda: "running" in self.states().values())
        run = self.json("runs", "--outcome", "running")[0]
        self.assertEqual(self.riposte("cancel", run["id"], "--why", "false alarm").returncode, 0)
        self.wait_for(lambda: self.states() == {run["id"]: "cancelled"})
        self.assertEqual(self.service.updates, [])

    def test_a_run_that_was_cut_off_is_cancelled_without_going_on(self):
        self.write_playbook('run:sleep("1h") ')
        self.configure("enforce")
        self.start(answered=False)
        self.wait_for(lambda: "running" in self.states().values())
        self.owner.kill()
        self.owner.wait(60)
        self.write_playbook()
        run = self.json("runs")[0]
        done = self.riposte("cancel", run["id"][:12])
        self.assertEqual((self.states(), self.service.updates), ({run["id"]: "cancelled"}, []), done.stdout + done.stderr)

    def test_a_run_that_an_update_cut_off_goes_on_with_the_library_that_it_began_with(self):
        self.write_playbook('local ok, count = pcall(require, "riposte.count") run:sleep("3s") ',
                            count="ok and count or 1")
        self.configure("enforce")
        before = self.folder / "before"
        shutil.copytree(riposte.SOURCE / "lua", before / "lua")
        for name in ("aws", "playbooks"):
            (before / name).symlink_to(riposte.SOURCE / name)
        (before / "lua/riposte/count.lua").write_text("return 7\n")
        self.more = {"RIPOSTE_DATA_DIR": str(before)}
        self.start(answered=False)
        self.wait_for(lambda: "running" in self.states().values())
        self.owner.kill()
        self.owner.wait(60)
        self.more = {}
        shutil.rmtree(before)
        done = self.riposte("run", FINDING)
        self.assertEqual((list(self.states().values()), self.service.updates), (["done"], [7]), done.stdout + done.stderr)
        self.assertNotIn("run.library", done.stderr)
        audit = self.riposte("audit", "verify")
        self.assertEqual(audit.returncode, 0, audit.stdout)

    def test_watching_tells_each_change_of_a_run(self):
        run = self.start()
        watch = subprocess.Popen([riposte.PROGRAM, "runs", "--config", self.config, "--watch", "--output", "json"],
                                 stdout=subprocess.PIPE, text=True, env=self.environment())
        try:
            first = json.loads(watch.stdout.readline())
            self.assertEqual((first["id"], first["outcome"]), (run["id"], "waiting"))
            self.riposte("deny", run["id"])
            second = json.loads(watch.stdout.readline())
            self.assertEqual((second["id"], second["outcome"]), (run["id"], "denied"))
        finally:
            watch.kill()
            watch.wait()
            watch.stdout.close()

    def test_an_owner_that_died_leaves_a_socket_that_hinders_nobody(self):
        run = self.start()
        self.owner.kill()
        self.owner.wait(60)
        self.assertTrue((self.folder / "journal.sock").exists())
        self.assertEqual(self.states(), {run["id"]: "waiting"})
        done = self.riposte("approve", run["id"])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.service.updates, [0])


if __name__ == "__main__":
    riposte.main()
