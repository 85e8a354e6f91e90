#!/usr/bin/env python3
"""What is a read, of all services that botocore knows: a dry run sends reads, so none may come in unseen.

tests/aws/reads.txt holds, for each service, how many operations read by which verb, and by name those that read by no verb
and those that a verb does not make a read. `reads.py --write` writes it anew, to be looked through.
"""

import collections
import fnmatch
import json
import pathlib
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = pathlib.Path(__file__).with_name("reads.txt")
TRAITS = json.loads((SOURCE / "aws/model/traits.json").read_text())
# Named by what they do, which is no reading.
CHANGES = ["elasticache:TestFailover", "elasticache:TestMigration", "support:ResolveCase", "cognito-idp:VerifySoftwareToken",
           "cognito-idp:VerifyUserAttribute", "license-manager:CheckInLicense", "cloudformation:DetectStackDrift",
           "cloudformation:DetectStackSetDrift", "stepfunctions:TestState", "codecommit:TestRepositoryTriggers"]


def listed(name, action):
    return any(fnmatch.fnmatchcase(action, pattern) for pattern in TRAITS[name])


def verb_of(operation):
    for verb in TRAITS["read_verbs"]:
        if operation.startswith(verb) and not operation[len(verb):len(verb) + 1].islower():
            return verb
    return None


def is_read(action):
    service, operation = action.split(":")
    if listed("writes", action):
        return False
    return listed("reads", action) or (service in TRAITS["services"] and verb_of(operation) is not None)


def line_of(service, operations):
    by_verb, named, changes = collections.Counter(), [], []
    for operation in sorted(operations):
        verb, read = verb_of(operation), is_read(f"{service}:{operation}")
        if read and verb:
            by_verb[verb] += 1
        elif read:
            named.append(operation)
        elif verb:
            changes.append("-" + operation)
    return " ".join([service, *(f"{verb}={by_verb[verb]}" for verb in sorted(by_verb)), *named, *changes])


def main():
    try:
        import botocore
        import botocore.loaders
    except ImportError:
        sys.exit(77)
    loader = botocore.loaders.Loader()
    services = loader.list_available_services("service-2")
    operations = {service: loader.load_service_model(service, "service-2")["operations"] for service in services}
    lines = [f"botocore {botocore.__version__}", *(line_of(service, operations[service]) for service in services)]
    if "--write" in sys.argv:
        GOLDEN.write_text("\n".join(lines) + "\n")
    known = GOLDEN.read_text().splitlines()
    if known[0] != lines[0]:
        print(f"skipped: {GOLDEN.name} is of {known[0]}")
        sys.exit(77)
    problems = [f"{line} (looked through: {old})" for line, old in zip(lines, known) if line != old]
    problems += [f"{action} would be sent in a dry run" for action in CHANGES if is_read(action)]
    problems += [f"{service}:{name} reads by {operation['http']['method']}"
                 for service in services for name, operation in operations[service].items()
                 if operation["http"]["method"] in ("PUT", "PATCH", "DELETE") and is_read(f"{service}:{name}")]
    every = [f"{service}:{name}" for service in services for name in operations[service]]
    problems += [f"{pattern} names no operation" for name in ("reads",) for pattern in TRAITS[name]
                 if not fnmatch.filter(every, pattern)]
    if len(known) != len(lines):
        problems.append(f"{len(lines) - 1} services, of which {len(known) - 1} were looked through")
    print(f"{sum(map(is_read, every))} of {len(every)} operations of {len(services)} services are reads")
    sys.exit("\n".join(problems) if problems else 0)


if __name__ == "__main__":
    main()
