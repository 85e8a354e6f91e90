"""Scenarios of more commands than one: plans that are approved, pauses, the service, an undo. Each tells what a person who sees
to it would do next: what the journal calls for, or, after a kill, perhaps the same again."""

import json
import signal
import subprocess
import time

import world as worlds
from harness import OPEN, Broken, Scenario, event, outcome_of

TALK_SECONDS = 60  # of ours, that a command to a running process may take
TALK_KILLED_S = 0.02  # a command is killed so late at the most
LOOK_EVERY_S = 0.02
SLOW_S = 0.02  # so late come AWS's replies where a pause is to come in time
HOLD_S = 0.1  # a pause is held so long before a process that goes on


def is_open(run):
    return outcome_of(run) in OPEN


class Spoken(Scenario):
    """Where commands are also given to a process that goes on, and given again where they were killed."""

    killed = None  # the last command, where it was killed

    def step(self, **shim):
        if self.killed and self.random.randrange(2):
            return self.start(self.killed, **shim)
        return super().step(**shim)

    def ended(self, command, status):
        self.killed = command if status < 0 and {"approve", "undo"} & set(command) else None

    def say(self, *words, killed_in=0):
        """A command beside the process that goes on, killed after so many seconds (0: never): its exit status and what it said.
        Where the process has ended meanwhile the command does the work of it."""
        output = self.folder / f"said-{len(list(self.folder.glob('said-*')))}"
        with output.open("w") as out:
            process = subprocess.Popen([str(word) for word in self.arguments(*words)], env=self.environment(),
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
            try:
                status = process.wait(killed_in or TALK_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                status = process.wait()
                if not killed_in:
                    raise Broken("stuck", f"riposte {words[0]} was still going on after {TALK_SECONDS} s") from None
                self.kills += 1
        return status, output.read_text()

    def chance_of_death(self, one_in):
        """0, or when a command is killed."""
        return self.random.uniform(0.001, TALK_KILLED_S) if self.random.randrange(one_in) == 0 else 0


class Approved(Spoken):
    """Plans are made, and approved one by one. What is not in a plan that was put to a person is never changed."""

    mode = "approve"
    pool = ("Plan", "Settled", "Tokens")

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.allowed, self.planned = [], False
        self.grown = self.random.randrange(2) > 0  # there is more to do by then than was planned
        self.world.forbids = lambda operation, params: None if any(
            operation == allowed and name in params for allowed, name in self.allowed) else "no such change was approved"

    @staticmethod
    def waiting(runs):
        return [run for run in runs if outcome_of(run) == "waiting"]

    def put(self, run):
        """The plan is put to a person: it may be approved from now on, whether the command tells so or is killed. Returns
        the command's words."""
        self.allowed += [(change["operation"], run["finding"]["id"]) for change in run["plan"]]
        return ("approve", "--why", "it is agreed", run["id"])

    def command(self):
        runs = self.runs()
        waiting = self.waiting(runs)
        if not self.planned or any(is_open(run) for run in runs if run not in waiting):
            return self.arguments()
        if waiting:
            self.grow()
            return self.arguments(*self.put(waiting[0]))
        return None

    def ended(self, command, status):
        super().ended(command, status)
        self.planned = self.planned or status >= 0

    def grow(self):
        """Somebody starts a service that is in no plan yet."""
        for name, kind in self.kinds.items():
            if kind == "Plan" and self.grown:
                self.world.services[f"shop-{name}/web-{worlds.SERVICES_A_CLUSTER + 1}"] = 1
        self.grown = False

    def check_runs(self):
        super().check_runs()
        self.check_plans(self.runs())

    def check_plans(self, runs):
        """Each plan was made once, approved once, and carried out as it was approved, with nothing beside it."""
        plans = {run["id"]: run["plan"] for run in runs if "plan" in run}
        carried_out = {run["plan_of"] for run in runs if "approved" in run}
        for run in runs:
            if outcome_of(run) == "approved" and run["id"] not in carried_out:
                raise Broken("lost", f"the plan {run['id']} was approved and not carried out")
            if outcome_of(run) == "approved" or "approved" in run:
                self.check_steps(run, plans, json.loads(self.tell("show", "--output", "json", run["id"])[1]))
        for name in self.kinds:
            first = [run for run in runs if run["finding"]["id"] == name and "base" not in run]
            if len({run["playbook"] for run in first}) != len(first):
                raise Broken("repeated", f"{name} was planned twice")

    def check_steps(self, run, plans, whole):
        times = sum(1 for each in whole["decisions"] if each["decision"] == "approve")
        if times != (outcome_of(run) == "approved"):
            raise Broken("repeated", f"{run['id']} was approved {times} times")
        if "approved" in run and run["plan_of"] in plans and run["approved"] != plans[run["plan_of"]]:
            raise Broken("broken", f"{run['id']} carries out another plan than {run['plan_of']}")
        allowed = [(each["operation"], each["params"]) for each in run.get("approved", [])]
        for step in whole["steps"]:
            change = (step["request"].get("operation"), step["request"].get("params"))
            if step.get("is_change") and step.get("outcome") not in ("refused", "planned") and change not in allowed:
                raise Broken("broken", f"{run['id']} made a change that is in no approved plan: {change}")


class Paused(Spoken):
    """Changes are paused at some moment, and resumed: none is made between the answer to the one and the other."""

    pool = ("Parallel", "Waits", "Settled", "Tokens")
    SCOPES = {"all": (), "account": ("--account", worlds.ACCOUNT), "playbook": ("--playbook", "fault-parallel")}
    OF_PLAYBOOK = {"UpdateService", "DeleteService"}  # changes that no other playbook makes

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.scope = self.random.choice(sorted(self.SCOPES))
        self.after = self.random.randrange(8)  # so many changes
        self.endpoint.slow_s = SLOW_S
        self.state = "before"  # then "paused", "resuming", "resumed"
        self.held = False  # a process has gone on through the pause

    def words(self, word):
        return (word, *self.SCOPES[self.scope], "--why", "a test")

    def pause_holds(self):
        """It was acknowledged: what was sent until now is the last."""
        self.endpoint.take_in()
        only = self.OF_PLAYBOOK if self.scope == "playbook" else None
        self.world.forbids = lambda operation, _: "changes are paused" if not only or operation in only else None
        self.state = "paused"

    def resuming(self):
        self.world.forbids, self.state = None, "resuming"

    def command(self):
        if self.state == "before":
            alone = self.over or self.starts and self.random.randrange(4) == 0
            return self.arguments(*(self.words("pause") if alone else ()))
        if self.state == "paused" and not self.held:
            return self.arguments()
        if self.state in ("paused", "resuming"):
            self.resuming()
            return self.arguments(*self.words("resume"))
        return None if self.over and not any(is_open(run) for run in self.runs()) else self.arguments()

    def meanwhile(self, command):
        """The pause comes while a process goes on, or, where that has ended by then, as a command of its own."""
        while self.state == "before" and "run" in command and self.process.poll() is None:
            if len(self.world.effects) >= self.after:
                self.pause_beside()
            time.sleep(LOOK_EVERY_S / 10)

    def pause_beside(self):
        if self.say(*self.words("pause"), killed_in=self.chance_of_death(3))[0] == 0:
            self.pause_holds()

    @staticmethod
    def was_resumed(status, said):
        """…by this command, or by one before it that was killed. What it then went on with may have failed."""
        return status >= 0 and ("Changes are made again" in said or "are not paused" in said)

    def ended(self, command, status):
        if "pause" in command and status == 0:
            self.pause_holds()
        elif "run" in command and self.state == "paused" and status >= 0:
            self.held = True
        elif "resume" in command and self.was_resumed(status, self.output()):
            self.state, self.over = "resumed", False


class Undone(Spoken):
    """Runs that have ended are taken back, and the world is as it was."""

    pool = ("Undo",)

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        for name in self.kinds:
            self.world.users[f"suspect-{name}"] = self.clock() - 86400
            self.world.cluster_of(f"shop-{name}")
        self.before = self.world.state()
        self.made = False

    def command(self):
        runs = self.runs()
        if not self.made or any(is_open(run) for run in runs):
            return self.arguments()
        if self.world.state() == self.before and not any("undo_of" in run for run in runs):
            raise Broken("lost", "there is nothing to take back")
        undone = {run["undo_of"] for run in runs if "undo_of" in run}
        left = [run for run in runs if "undo_of" not in run and run.get("changes") and run["id"] not in undone]
        return self.arguments("undo", left[0]["id"]) if left else None

    def ended(self, command, status):
        super().ended(command, status)
        self.made = self.made or status >= 0

    def unread(self):
        """What cannot come back, as the records tell: AWS failed on every try to say what was before a change."""
        names = set()
        for run in [run for run in self.runs() if "undo_of" not in run]:
            _, text = self.tell("show", run["id"], "--output", "json")
            for step in json.loads(text)["steps"]:
                if step.get("irreversible", "").startswith("what was before could not be read"):
                    names |= worlds.names_in(step["request"]["params"])
        return names

    def check_runs(self):
        super().check_runs()
        names = self.unread() if self.endpoint.seed is not None else set()
        before, now = worlds.without(self.before, names), worlds.without(self.world.state(), names)
        if now != before:
            raise Broken("lost", f"not all was taken back: {now}, and it was {before}")


class Served(Spoken):
    """`riposte serve`, with findings that are dropped into a folder."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.left = list(enumerate(self.kinds.values()))
        self.idle = False

    def settings(self):
        inbox = self.folder / "inbox"
        inbox.mkdir()
        return super().settings() | {"folders": [{"name": "inbox", "path": str(inbox)}], "serve": {"watch": 0}}

    def arguments(self, command="serve", *more):
        return super().arguments(command, *(more or ["--set", "log.level=info"]))

    def drop(self):
        """The next finding, as programs put files into a folder: it has its name once it is whole."""
        number, kind = self.left.pop(0)
        part = self.folder / "inbox" / f"{number}.json.part"
        part.write_text(json.dumps(event(number, kind, self.random.choice([2, 5, 8]))))
        part.rename(part.with_suffix(""))

    def command(self):
        return None if self.over and self.idle else self.arguments()

    def is_idle(self):
        if "serve.ready" not in self.output() or self.left or list((self.folder / "inbox").glob("*.json")):
            return False
        return not any(is_open(run) for run in self.runs())

    def meanwhile(self, command):
        while self.process.poll() is None:
            if self.left and self.random.randrange(4) == 0:
                self.drop()
            self.see_to_it()
            if self.is_idle():
                self.idle = True
                self.process.send_signal(signal.SIGTERM)
                return
            time.sleep(LOOK_EVERY_S)

    def see_to_it(self):
        """What a person does beside it."""


class ServedApproved(Served, Approved):
    """…and whose plans are approved through the control socket."""

    def see_to_it(self):
        for run in self.waiting(self.runs()):
            self.say(*self.put(run), killed_in=self.chance_of_death(4))

    def ended(self, command, status):
        pass


class ServedPaused(Served, Paused):
    """…and whose changes are paused through the control socket."""

    pool = (*Paused.pool, "Idempotent", "Person")

    def see_to_it(self):
        if self.state == "before" and len(self.world.effects) >= self.after:
            self.pause_beside()
        elif self.state == "paused":
            time.sleep(HOLD_S)
            if self.process.poll() is None:
                self.resuming()
        elif self.state == "resuming" and self.was_resumed(*self.say(*self.words("resume"), killed_in=self.chance_of_death(3))):
            self.state = "resumed"

    def is_idle(self):
        return self.state in ("before", "resumed") and super().is_idle()

    def ended(self, command, status):
        pass
