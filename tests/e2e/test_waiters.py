"""What a waiter makes of a reply: all waiters of the shipped models, random replies, botocore as the witness.

RIPOSTE_SEED takes another seed, RIPOSTE_ROUNDS more replies for each waiter.
"""

import os
import random
import subprocess
import sys
import tempfile
import unittest

import riposte
from campaign import lua

try:
    import botocore.loaders
    import botocore.session
    import botocore.waiter
    import jmespath.exceptions
except ImportError:
    botocore = None

PROGRAM = os.environ.get("PRINT_VERDICTS", str(riposte.SOURCE / "build/release/tests/e2e/print_verdicts"))
SEED = int(os.environ.get("RIPOSTE_SEED", "20261201"))
ROUNDS = int(os.environ.get("RIPOSTE_ROUNDS", "40"))
STATUSES = [301, 400, 403, 404, 409, 429, 500, 503]
HEAD = """local waiter = require 'riposte.waiter'
local function case(judge)
  local well, verdict = pcall(judge)
  print(not well and "error" or verdict or "none")
end
"""
CASE = "case(function() return waiter.verdict(%s, %s, %s) end)\n"


def words(config):
    """What a reply may say that matters: every expected text, and one of no meaning."""
    return [a["expected"] for a in config["acceptors"] if isinstance(a["expected"], str)] + ["other"]


class Replies:
    """Replies by an output's shape. Texts are drawn so often from what the waiter looks for that each acceptor is met."""

    def __init__(self, chance, config):
        self.chance, self.words = chance, words(config)
        self.same = chance.choice(self.words) if chance.random() < 0.6 else None

    def value(self, shape, depth=0):
        kind = shape.type_name
        if kind == "structure":
            return {name: self.value(member, depth + 1) for name, member in shape.members.items()
                    if depth < 6 and self.chance.random() < 0.85}
        if kind == "list":
            return [self.value(shape.member, depth + 1) for _ in range(self.chance.randint(0, 2))]
        if kind == "map":
            return {f"k{i}": self.value(shape.value, depth + 1) for i in range(self.chance.randint(1, 2))}
        if kind == "boolean":
            return self.chance.random() < 0.5
        if kind in ("integer", "long", "float", "double"):
            return self.chance.randint(0, 2)
        return self.same or self.chance.choice(self.words)

    def error(self):
        return {"Error": {"Code": self.chance.choice(self.words), "Message": "no"},
                "ResponseMetadata": {"HTTPStatusCode": self.chance.choice(STATUSES)}}


def verdict_of(config, reply):
    for acceptor in botocore.waiter.SingleWaiterConfig(config).acceptors:
        try:
            if acceptor.matcher_func(reply):
                return acceptor.state
        except jmespath.exceptions.JMESPathTypeError:
            return "error"
    return "none"


@unittest.skipUnless(botocore, "botocore is not installed")
class Waiters(unittest.TestCase):
    def cases(self):
        """(service, waiter, its configuration, reply) for every waiter that is shipped."""
        loader, session = botocore.loaders.Loader(), botocore.session.get_session()
        for path in sorted((riposte.SOURCE / "aws/model").glob("*.model")):
            named = [line.split("\t")[0][len("waiter:"):] for line in path.read_text().splitlines() if line.startswith("waiter:")]
            if not named:
                continue
            service = path.stem
            model = session.get_service_model(service)
            configs = loader.load_service_model(service, "waiters-2")["waiters"]
            by_name = {botocore.xform_name(name): config for name, config in configs.items()}
            for name in named:
                config = by_name[name]
                chance = random.Random(f"{SEED} {service} {name}")
                output = model.operation_model(config["operation"]).output_shape
                for _ in range(ROUNDS):
                    replies = Replies(chance, config)
                    reply = replies.error() if chance.random() < 0.3 or not output else replies.value(output)
                    reply.setdefault("ResponseMetadata", {"HTTPStatusCode": 200})
                    yield service, name, config, reply

    def test_every_waiter_comes_to_botocore_s_verdict(self):
        cases = list(self.cases())
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(HEAD)
            for _, _, config, reply in cases:
                error = reply.get("Error")
                ours = {"code": error["Code"], "status": reply["ResponseMetadata"]["HTTPStatusCode"]} if error else \
                    {key: value for key, value in reply.items() if key != "ResponseMetadata"}
                script.write(CASE % (lua(config["acceptors"]), "false" if error else "true", lua(ours)))
            script.flush()
            done = subprocess.run([PROGRAM, script.name], capture_output=True, text=True, cwd=riposte.SOURCE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        verdicts, counts = done.stdout.split(), {}
        self.assertEqual(len(verdicts), len(cases))
        for (service, name, config, reply), verdict in zip(cases, verdicts):
            with self.subTest(f"{service} {name}", reply=reply):
                self.assertEqual(verdict, verdict_of(config, reply))
            counts[verdict] = counts.get(verdict, 0) + 1
        waiters = len({case[:2] for case in cases})
        print(f"{waiters} waiters, {len(cases)} replies: {counts}", file=sys.stderr)
        self.assertTrue({"success", "failure", "retry", "none"} <= set(counts), counts)


if __name__ == "__main__":
    riposte.main()
