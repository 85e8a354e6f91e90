"""Runs riposte against the endpoint, kills it, starts it again until all is done, and checks what came of it."""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import world as worlds
from endpoint import Endpoint

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
BUILD = next((SOURCE / "build" / name for name in ("release", "debug") if (SOURCE / "build" / name / "riposte").exists()), SOURCE)
PROGRAM = os.environ.get("RIPOSTE", str(BUILD / "riposte"))
SHIM = os.environ.get("RIPOSTE_KILLSHIM", str(BUILD / "tests/fault/libkillshim.so"))
SPEED = 50  # riposte's time goes so fast: retries, waits and patience take a fiftieth
START_SECONDS = 120  # of ours, that one start may take before it counts as stuck

# What each kind of finding must have led to: how many intended changes of each operation.
CHANGES = {
    "Idempotent": {"CreateTags": 1, "CreateCluster": 1, "PutUserPolicy": 1, "DeleteTags": 1, "DeleteCluster": 1},
    "Tokens": {"RunTask": 2, "CreateVolume": 2},
    "Settled": {"RegisterTaskDefinition": 2, "CreateSnapshot": 1, "CreateUser": 1},
    "Parallel": {"UpdateService": 10, "DeleteService": 10, "CreateTags": 11},
    "Waits": {"CreateTags": 4, "DeleteUser": 1},
    "Person": {"AllocateAddress": 1},
    "Plan": {"UpdateService": 10, "RunTask": 1},
    "Undo": {"CreateSnapshot": 1, "CreateUser": 1, "DeleteUser": 1, "RegisterTaskDefinition": 1, "CreateTags": 1,
             "UpdateService": 1, "DeleteService": 1},
}
ALL = ("Idempotent", "Tokens", "Settled", "Parallel", "Waits", "Person")  # what a finding of the kind "All" must lead to
OPEN = ("running", "queued", "waiting", "paused")


def event(number, kind, severity):
    """A GuardDuty finding as EventBridge delivers it."""
    name = f"f{number:04d}"
    return {
        "version": "0", "id": f"event-{name}", "detail-type": "GuardDuty Finding", "source": "aws.guardduty",
        "account": worlds.ACCOUNT, "time": "2026-03-01T08:06:00Z", "region": "us-east-1", "resources": [],
        "detail": {
            "schemaVersion": "2.0", "accountId": worlds.ACCOUNT, "region": "us-east-1", "partition": "aws", "id": name,
            "arn": worlds.arn("guardduty", f"detector/d/finding/{name}"), "type": f"Fault:Test/{kind}",
            "severity": severity, "createdAt": "2026-03-01T08:00:00Z", "updatedAt": "2026-03-01T08:05:00Z",
            "title": f"Fault {name}", "description": "A test.", "resource": {"resourceType": "Instance"},
            "service": {"serviceName": "guardduty", "archived": False, "count": 1},
        },
    }


class Broken(Exception):
    """A promise was not kept. `kind`: lost, repeated, stuck, or broken."""

    def __init__(self, kind, what):
        super().__init__(what)
        self.kind = kind


def wanted_of(kind):
    return ALL if kind == "All" else (kind,)


def outcome_of(run):
    return run.get("outcome", "running" if "started" in run else "queued")


class Scenario:
    """Some findings, a world, and a journal in a folder of its own: `riposte run`, given again until it ends by itself.
    ways.py has others, of more commands than one."""

    mode = "enforce"
    STEPS_MOST = 100

    def __init__(self, endpoint, seed, kinds, faults, speed=SPEED):
        self.endpoint, self.random, self.speed = endpoint, random.Random(seed), speed
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="riposte-fault-"))
        self.journal, self.events = self.folder / "journal", self.folder / "events.jsonl"
        self.kinds = {f"f{i:04d}": kind for i, kind in enumerate(kinds)}
        self.events.write_text("".join(json.dumps(event(i, kind, self.random.choice([2, 5, 8]))) + "\n"
                                       for i, kind in enumerate(kinds)))
        self.since = (time.monotonic_ns(), time.time_ns())
        self.log = (self.folder / "effects.jsonl").open("w", buffering=1)
        self.world = worlds.World(self.clock, self.log)
        endpoint.begin(self.world, seed if faults else None)
        self.starts = self.kills = self.boundaries = 0
        self.over = False  # the last command ended by itself
        self.process = None
        self.config = self.folder / "riposte.json"
        self.config.write_text(json.dumps(self.settings()))

    def clock(self):
        return (self.since[1] + (time.monotonic_ns() - self.since[0]) * self.speed) / 1e9

    def environment(self, **shim):
        plain = {name: os.environ[name] for name in ("PATH", "LANG", "RIPOSTE_DATA_DIR", "ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}
        return plain | {
            "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1", "LD_PRELOAD": SHIM,
            "FAULT_JOURNAL": str(self.journal), "FAULT_SPEED": str(self.speed), "FAULT_SINCE": "%d:%d" % self.since,
        } | {name: str(value) for name, value in shim.items()}

    def settings(self):
        return {"mode": self.mode, "journal": {"path": str(self.journal)}, "playbooks": [str(HERE / "playbooks")],
                "aws": {"endpoint_url": f"http://127.0.0.1:{self.endpoint.port}"}, "retries": {"tries": 12}}

    def arguments(self, command="run", *more):
        return [PROGRAM, command, "--config", self.config, *(more or [self.events])]

    def command(self):
        """What one gives now who sees to it that all is answered: a command's arguments. None: nothing is left to do."""
        return None if self.over else self.arguments()

    def step(self, **shim):
        """The next command: its exit status, negative where a signal ended it. None: nothing is left to do."""
        command = self.command()
        return command and self.start(command, **shim)

    def start_watched(self, watch, start=None, **shim):
        """One start, in which `watch` hears of each call: fun(call, operation, acted), true if it shall never be answered."""
        self.endpoint.watch = watch
        try:
            return (start or self.start)(**shim)
        finally:
            self.endpoint.watch = None

    def start_killed_at(self, chosen, start=None, **shim):
        """One start, killed at the first call for which `chosen` is true: fun(call, operation, acted)."""
        def watch(*about):
            if not self.process or not chosen(*about):
                return False
            self.process.kill()
            return True

        return self.start_watched(watch, start, **shim)

    def start(self, command=None, seconds=START_SECONDS, **shim):
        """One start of riposte: its exit status, negative where a signal ended it."""
        self.starts += 1
        output, told = self.folder / f"output-{self.starts}", self.folder / "boundaries"
        told.unlink(missing_ok=True)
        with output.open("w") as out:
            process = self.process = subprocess.Popen(list(map(str, command or self.arguments())), stdin=subprocess.DEVNULL,
                                                      stdout=out, stderr=subprocess.STDOUT,
                                                      env=self.environment(FAULT_TELL=told, **shim))
            late = threading.Event()
            limit = threading.Timer(seconds, lambda: (late.set(), process.kill()))
            limit.start()
            try:
                self.meanwhile(command)
                status = process.wait()  # without a timeout of its own, for which it would poll
            finally:
                process.kill()
                limit.cancel()
        self.process = None
        if late.is_set():
            raise Broken("stuck", f"start {self.starts} was still going on after {seconds} s")
        if status == -signal.SIGKILL:
            self.kills += 1
        elif told.exists():
            self.boundaries += int(told.read_text())
        said = output.read_text()
        if status < 0 and status != -signal.SIGKILL or "Sanitizer" in said or "runtime error:" in said:
            raise Broken("broken", f"start {self.starts} broke ({status}): {said[-2000:]}")
        self.over = status >= 0
        self.ended(command, status)
        return status

    def meanwhile(self, command):
        """What happens while the process goes on."""

    def ended(self, command, status):
        """A command is over."""

    def finish(self):
        """To the end, and nobody is killed any more; then all must be well."""
        self.over = False  # the last start may have ended for a reason that is gone
        for _ in range(self.STEPS_MOST):
            status = self.step()
            if status is None:
                break
            if status not in (0, 1):
                raise Broken("broken", f"exit status {status}: {self.output()[-2000:]}")
        else:
            raise Broken("stuck", f"it is not over after {self.STEPS_MOST} commands: {self.output()[-2000:]}")
        self.check()

    def output(self):
        return (self.folder / f"output-{self.starts}").read_text()

    def tell(self, *args):
        done = subprocess.run([PROGRAM, *args, "--journal", str(self.journal)], env=self.environment(LD_PRELOAD=""),
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    # What must be so at the end.

    def check(self):
        if self.world.unknown:
            raise Broken("broken", f"the world was asked for {sorted(self.world.unknown)}")
        self.check_effects()
        self.check_runs()
        self.check_audit()

    def runs(self):
        """What the journal holds, the newest first."""
        if not self.journal.exists():
            return []
        while True:
            status, text = self.tell("runs", "--output", "json", "--limit", "1000")
            if "has gone before it answered" not in text:  # killed while it was asked
                break
        if "holds nothing yet" in text:
            return []
        if status != 0:
            raise Broken("broken", f"riposte runs: {text[-1000:]}")
        return [json.loads(line) for line in text.splitlines()]

    def check_runs(self):
        runs, last = self.runs(), {}
        for run in runs:
            base = run.get("base", run["id"])
            if run.get("attempt", 1) >= last.get(base, run).get("attempt", 1):
                last[base] = run
            if outcome_of(run) in OPEN:
                raise Broken("stuck", f"{run['id']} {run['playbook']} is {outcome_of(run)}")
        for run in last.values():
            if outcome_of(run) != "done" and (outcome_of(run), run["playbook"]) != ("uncertain", "fault-person"):
                raise Broken("lost", f"{run['id']} {run['playbook']} is {outcome_of(run)}: {json.dumps(run.get('error'))}")
        for name, kind in self.kinds.items():
            for wanted in wanted_of(kind):
                count = sum(1 for run in last.values() if run["finding"]["id"] == name
                            and run["playbook"] == f"fault-{wanted.lower()}")
                if count != 1:
                    raise Broken("lost" if not count else "repeated", f"{name}: {count} answers of {wanted}")

    def check_effects(self):
        """Each intended change was made, once where a second time would count, and when it was allowed."""
        made = {}
        for effect in self.world.effects:
            if effect.get("forbidden"):
                raise Broken("broken", f"{effect['operation']} {effect['params']}: {effect['forbidden']}")
        for effect in self.world.effects:
            if "refused" not in effect or effect["operation"] in worlds.TAKES_AWAY:
                made.setdefault((effect["operation"], effect["params"]), []).append(effect)
        for (operation, params), effects in made.items():
            changed = sum(effect["changed"] for effect in effects)
            if changed > 1 and operation not in worlds.IDEMPOTENT:
                raise Broken("repeated", f"{operation} {params} was made {changed} times")
            if len(effects) > 1 and not self.may_come_again(operation, effects):
                raise Broken("repeated", f"{operation} {params} was sent {len(effects)} times")
        for name, kind in self.kinds.items():
            for wanted in wanted_of(kind):
                for operation, count in CHANGES[wanted].items():
                    found = sum(1 for key in made if key[0] == operation and name in key[1])
                    if found < count and not (wanted == "Person" and found == 0):
                        raise Broken("lost", f"{name} {wanted}: {found} of {count} intended {operation} were made")

    @staticmethod
    def may_come_again(operation, effects):
        if operation in worlds.BY_TOKEN:
            return all(effect["token"] for effect in effects)
        return operation in worlds.IDEMPOTENT or operation in worlds.TAKES_AWAY

    def check_audit(self):
        status, text = self.tell("audit", "verify")
        if status != 0:
            raise Broken("broken", f"riposte audit verify: {text[-2000:]}")

    def remove(self):
        self.log.close()
        shutil.rmtree(self.folder)
