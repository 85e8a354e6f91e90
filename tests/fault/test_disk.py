"""What a bad disk, a clock and another process do to a journal: docs/FAULTS.md states each outcome, a test here shows it."""

import errno
import os
import random
import resource
import shutil
import signal
import subprocess
import threading
import time
import unittest

from harness import Endpoint, Scenario

KINDS = ["Settled", "Idempotent", "Tokens", "Waits"]
CUTS = 24
HOUR_S = 3600


class Disk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.endpoint = Endpoint()

    def scenario(self, kinds=KINDS, **more):
        made = Scenario(self.endpoint, self.id(), kinds, faults=False, **more)
        self.addCleanup(made.remove)
        return made

    def kill_half_way(self, scenario):
        self.assertEqual(scenario.start_killed_at(lambda _, name, acted: name == "CreateSnapshot" and acted), -signal.SIGKILL)

    def start_and_fail(self, scenario, error, seconds=None):
        """One start, whose disk fails from the middle on, for so many of our seconds or for good."""
        full = scenario.folder / "full"

        def watch(_, name, acted):
            if name == "CreateSnapshot" and acted:
                full.touch()
                if seconds:
                    threading.Timer(seconds, full.unlink).start()
            return False

        status = scenario.start_watched(watch, FAULT_FULL=full, FAULT_ERROR=error)
        full.unlink(missing_ok=True)
        return status

    # Full.

    def test_a_disk_that_is_full_for_a_while_delays_and_nothing_else(self):
        scenario = self.scenario(speed=4)  # so that a busy machine does not use the patience up
        self.assertEqual(self.start_and_fail(scenario, errno.ENOSPC, seconds=0.3), 0, scenario.output())
        self.assertIn("journal.stuck", scenario.output())
        self.assertIn("journal.goes-on", scenario.output())
        scenario.check()

    def test_a_disk_that_stays_full_stops_what_is_not_safe_and_it_is_done_when_there_is_room(self):
        scenario = self.scenario()
        self.assertEqual(self.start_and_fail(scenario, errno.ENOSPC), 1, scenario.output())
        self.assertIn("journal.given-up", scenario.output())
        self.assertIn("full", scenario.output())
        scenario.finish()

    def test_a_limit_on_the_size_of_files_ends_it_and_nothing_is_lost(self):
        scenario = self.scenario()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
        try:
            status = self.start_and_bear(scenario)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        self.assertNotEqual(status, 0)
        scenario.finish()

    def start_and_bear(self, scenario):
        """The exit status, also of a process that a signal ended."""
        return subprocess.run(list(map(str, scenario.arguments())), env=scenario.environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120).returncode

    # Read-only, or broken.

    def test_a_disk_that_is_read_only_is_told_and_nothing_is_done(self):
        scenario = self.scenario()
        self.assertEqual(scenario.start(FAULT_READONLY=1), 2, scenario.output())
        self.assertIn("Read-only file system", scenario.output())
        self.assertEqual(scenario.world.effects, [])
        scenario.finish()

    def test_a_disk_that_becomes_read_only_stops_changes(self):
        scenario = self.scenario()
        status = self.start_and_fail(scenario, errno.EROFS)
        self.assertEqual(status, 1, scenario.output())
        self.assertIn("journal.given-up", scenario.output())
        scenario.finish()

    def test_a_disk_that_fails_to_write_is_no_reason_to_go_on_without(self):
        scenario = self.scenario()
        status = self.start_and_fail(scenario, errno.EIO)
        self.assertEqual(status, 1, scenario.output())
        scenario.finish()

    # Cut off.

    def cut(self, scenario, name, size):
        """The journal with a file of it cut to `size`: the exit status of a start, and what it said."""
        kept = scenario.folder / "kept"
        for path in self.files(scenario.folder):
            shutil.copy2(path, kept / path.name)
        os.truncate(scenario.folder / name, size)
        status = scenario.start()
        said = scenario.output()
        audit = scenario.tell("audit", "verify")
        for path in self.files(scenario.folder):
            path.unlink()
        for path in self.files(kept):
            shutil.copy2(path, scenario.folder / path.name)
        return status, said, audit

    @staticmethod
    def files(folder):
        return [path for path in folder.glob("journal*") if path.is_file()]

    def places(self, size):
        """Where to cut a file of that size: at random, and around the ends of pages."""
        chance = random.Random(size)
        ends = [end + off for end in chance.sample(range(4096, size, 4096), 4) for off in (-1, 0, 1)]
        return sorted({0, 1, size - 1, *ends, *(chance.randrange(size) for _ in range(CUTS - 15))})

    def test_a_closed_journal_that_is_cut_short_is_refused(self):
        scenario = self.scenario()
        scenario.finish()
        (scenario.folder / "kept").mkdir()
        for size in self.places(scenario.journal.stat().st_size):
            effects = len(scenario.world.effects)
            with self.subTest(size=size):
                status, said, _ = self.cut(scenario, "journal", size)
                self.assertEqual(status, 2, said)
                self.assertIn(str(scenario.journal), said)
                self.assertIn("restore it from a backup", said)
                self.assertEqual(len(scenario.world.effects), effects)

    def test_a_log_that_is_cut_short_is_whole_up_to_a_commit(self):
        scenario = self.scenario()
        self.kill_half_way(scenario)
        wal = scenario.folder / "journal-wal"
        (scenario.folder / "kept").mkdir()
        for size in self.places(wal.stat().st_size):
            with self.subTest(size=size):
                status, said, audit = self.cut(scenario, "journal-wal", size)
                self.assertIn(status, (0, 1, 2), said)
                if status == 2:
                    self.assertIn("restore it from a backup", said)
                else:
                    self.assertEqual(audit[0], 0, audit[1])

    # The clock.

    def test_a_clock_that_is_set_back_an_hour_while_it_runs_makes_nothing_longer(self):
        scenario = self.scenario()
        begun = time.monotonic()
        self.assertEqual(scenario.start(FAULT_BACK=f"{HOUR_S}:1500"), 0, scenario.output())
        self.assertLess(time.monotonic() - begun, 20)
        scenario.check()

    def test_a_clock_that_is_set_back_an_hour_before_a_restart_makes_nothing_longer(self):
        for acted in (False, True):
            scenario = self.scenario(["Settled", "Waits"])
            for operation in ("RegisterTaskDefinition", "CreateSnapshot"):
                status = scenario.start_killed_at(lambda _, name, done: name == operation and done == acted)
                self.assertEqual(status, -signal.SIGKILL, operation)
            begun = time.monotonic()
            self.assertEqual(scenario.start(FAULT_BACK=f"{HOUR_S}:0"), 0, scenario.output())
            self.assertLess(time.monotonic() - begun, 20)
            scenario.check()

    def test_a_clock_that_was_an_hour_ahead_of_awss_lets_nothing_be_made_twice(self):
        for acted in (False, True):
            scenario = self.scenario()
            for operation in ("RegisterTaskDefinition", "CreateSnapshot", "CreateUser"):
                status = scenario.start_killed_at(lambda _, name, done: name == operation and done == acted,
                                                  FAULT_BACK=f"{-HOUR_S}:0")
                self.assertEqual(status, -signal.SIGKILL, operation)
            scenario.finish()  # with the right time

    # Two.

    def test_a_second_process_is_refused_and_the_first_goes_on(self):
        scenario = self.scenario()
        first = subprocess.Popen(list(map(str, scenario.arguments())), env=scenario.environment(), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        until = time.monotonic() + 20
        while not scenario.world.effects and time.monotonic() < until:
            time.sleep(0.005)
        first.send_signal(signal.SIGSTOP)  # so that it cannot be done by then
        effects = len(scenario.world.effects)
        status = scenario.start()
        first.send_signal(signal.SIGCONT)
        self.assertEqual(status, 2, scenario.output())
        self.assertIn(f"riposte run (process {first.pid})", scenario.output())
        self.assertLessEqual(len(scenario.world.effects), effects + 64)
        self.assertEqual(first.wait(60), 0)
        scenario.check()


if __name__ == "__main__":
    unittest.main()
