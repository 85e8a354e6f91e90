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
}


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


class Scenario:
    """Some findings, a world, and a journal in a folder of its own."""

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
        self.starts = self.kills = 0
        self.process = None

    def clock(self):
        return (self.since[1] + (time.monotonic_ns() - self.since[0]) * self.speed) / 1e9

    def environment(self, **shim):
        plain = {name: os.environ[name] for name in ("PATH", "LANG", "RIPOSTE_DATA_DIR", "ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}
        return plain | {
            "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1", "LD_PRELOAD": SHIM,
            "FAULT_JOURNAL": str(self.journal), "FAULT_SPEED": str(self.speed), "FAULT_SINCE": "%d:%d" % self.since,
        } | {name: str(value) for name, value in shim.items()}

    def arguments(self):
        return [PROGRAM, "run", "--journal", self.journal, "--mode", "enforce", "--playbooks", HERE / "playbooks",
                "--endpoint-url", f"http://127.0.0.1:{self.endpoint.port}", "--set", "retries.tries=12", self.events]

    def start_watched(self, watch, **shim):
        """One start, in which `watch` hears of each call: fun(call, operation, acted), true if it shall never be answered."""
        first = self.endpoint.calls
        self.endpoint.watch = lambda call, operation, acted: watch(call - first, operation, acted)
        try:
            return self.start(**shim)
        finally:
            self.endpoint.watch = None

    def start_killed_at(self, chosen, **shim):
        """One start, killed at the first call for which `chosen` is true: fun(call, operation, acted)."""
        def watch(*about):
            if not self.process or not chosen(*about):
                return False
            self.process.kill()
            return True

        return self.start_watched(watch, **shim)

    def start(self, seconds=START_SECONDS, **shim):
        """One start of riposte: its exit status, negative where a signal ended it."""
        self.starts += 1
        output = self.folder / f"output-{self.starts}"
        with output.open("w") as out:
            process = self.process = subprocess.Popen(list(map(str, self.arguments())), env=self.environment(**shim),
                                                      stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
            late = threading.Event()
            limit = threading.Timer(seconds, lambda: (late.set(), process.kill()))
            limit.start()
            status = process.wait()  # without a timeout of its own, for which it would poll
            limit.cancel()
        if late.is_set():
            raise Broken("stuck", f"start {self.starts} was still going on after {seconds} s")
        if status == -signal.SIGKILL:
            self.kills += 1
        said = output.read_text()
        if status < 0 and status != -signal.SIGKILL or "Sanitizer" in said or "runtime error:" in said:
            raise Broken("broken", f"start {self.starts} broke ({status}): {said[-2000:]}")
        return status

    def finish(self, **shim):
        """One start that is left alone; then nothing is left to do, and all must be well."""
        status = self.start(**shim)
        if status not in (0, 1):
            raise Broken("broken", f"exit status {status}: {self.output()[-2000:]}")
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

    def check_runs(self):
        status, text = self.tell("runs", "--output", "json", "--limit", "1000")
        if status != 0:
            raise Broken("broken", f"riposte runs: {text[-1000:]}")
        runs = [json.loads(line) for line in text.splitlines()]
        followed = {run["next"] for run in runs if "next" in run}
        for run in runs:
            state, what = run.get("outcome", "running" if "started" in run else "queued"), f"{run['id']} {run['playbook']}"
            if state in ("running", "queued", "waiting", "paused"):
                raise Broken("stuck", f"{what} is {state}")
            well = state == "done" or "next" in run or (state == "uncertain" and run["playbook"] == "fault-person")
            if not well:
                raise Broken("lost", f"{what} is {state}: {json.dumps(run.get('error'))}")
        for name, kind in self.kinds.items():
            for wanted in CHANGES if kind == "All" else [kind]:
                first = [run for run in runs if run["finding"]["id"] == name and run["id"] not in followed
                         and run["playbook"] == f"fault-{wanted.lower()}"]
                if len(first) != 1:
                    raise Broken("lost" if not first else "repeated", f"{name}: {len(first)} first runs of {wanted}")

    def check_effects(self):
        """Each intended change was made, once where a second time would count."""
        made = {}
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
            for wanted in CHANGES if kind == "All" else [kind]:
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
