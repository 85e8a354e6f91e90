"""Runs the program under test: $RIPOSTE, or the release build's."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("RIPOSTE", str(SOURCE / "build/release/riposte"))
SKIPPED = 77


def environment(**more):
    """Nothing of the caller's own configuration or AWS account reaches the program."""
    plain = {name: os.environ[name] for name in ("PATH", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "RIPOSTE_DATA_DIR") if name in os.environ}
    return plain | {"HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"} | more


def run(*args, input="", env=None, cwd=SOURCE, timeout=120, program=PROGRAM):
    """The finished process, with its text in stdout and stderr. A sanitizer's report is a failure of any test."""
    done = subprocess.run([program, *map(str, args)], input=input, env=env or environment(), cwd=cwd, timeout=timeout,
                          capture_output=True, text=True)
    if done.returncode < 0 or "Sanitizer" in done.stderr or "runtime error:" in done.stderr:
        raise AssertionError(f"riposte {' '.join(map(str, args))} broke ({done.returncode}):\n{done.stderr}")
    return done


def run_json(*args, **options):
    """The process, and the JSON values of its standard output, one a line."""
    done = run(*args, **options)
    return done, [json.loads(line) for line in done.stdout.splitlines() if line]


def main():
    """unittest's main, but 77 (ctest: skipped) where nothing but skipped tests is left."""
    program = unittest.main(exit=False)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.testsRun and len(result.skipped) >= result.testsRun else 0)
