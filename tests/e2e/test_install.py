"""What `cmake --install` puts somewhere works from there alone, and the release build is hardened."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import riposte

BUILD = pathlib.Path(os.environ.get("RIPOSTE_BUILD", riposte.SOURCE / "build/release"))


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.prefix = pathlib.Path(folder.name) / "prefix"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], check=True, stdout=subprocess.DEVNULL)
        # Moved, so that nothing can lean on where it was installed to.
        cls.moved = pathlib.Path(folder.name) / "elsewhere"
        cls.prefix.rename(cls.moved)
        cls.program = str(cls.moved / "bin/riposte")

    def run_installed(self, *args):
        return riposte.run(*args, program=self.program, cwd="/")

    def test_the_data_beside_the_program_is_found(self):
        done = self.run_installed("version")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(str(self.moved / "share/riposte"), done.stdout)

    def test_the_installed_drill_runs_from_another_folder(self):
        done = self.run_installed("drill", self.moved / "share/riposte/examples/drills/ecs-cryptomining")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_installed_playbooks_are_right(self):
        self.assertEqual(self.run_installed("check").returncode, 0)

    def test_the_installed_init_gives_a_drill_that_passes(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.run_installed("init", folder).returncode, 0)
            self.assertEqual(self.run_installed("drill", f"{folder}/drills/first-playbook").returncode, 0)

    def test_the_unit_starts_what_is_installed(self):
        unit = (self.moved / "lib/systemd/system/riposte.service").read_text()
        self.assertRegex(unit, r"ExecStart=/\S+/bin/riposte serve ")
        for name in ("sysusers.d", "tmpfiles.d"):
            self.assertTrue((self.moved / "lib" / name / "riposte.conf").exists())

    def test_documents_licence_and_manual_are_installed(self):
        found = {path.name for path in (self.moved / "share").rglob("*") if path.is_file()}
        pages = {page.name for page in (riposte.SOURCE / "packaging/man").glob("*.1")}
        self.assertIn("riposte.1", pages)
        self.assertGreaterEqual(found, pages | {"README.md", "LICENSE", "NOTICE", "ARCHITECTURE.md", "ecs.model", "quotas.json"})


@unittest.skipUnless(shutil.which("readelf"), "readelf is not here")
class Hardened(unittest.TestCase):
    def readelf(self, *options):
        return subprocess.run(["readelf", "--wide", *options, riposte.PROGRAM], check=True, capture_output=True, text=True).stdout

    def test_it_is_position_independent(self):
        self.assertRegex(self.readelf("-h"), r"Type:\s+DYN")
        self.assertIn("INTERP", self.readelf("-l"))

    def test_relocations_are_read_only_before_main(self):
        self.assertIn("GNU_RELRO", self.readelf("-l"))
        self.assertIn("NOW", self.readelf("-d"))

    def test_the_stack_is_not_executable_and_guarded(self):
        stack = [line for line in self.readelf("-l").splitlines() if "GNU_STACK" in line]
        self.assertEqual([("RWE" in line) for line in stack], [False])
        self.assertIn("__stack_chk_fail", self.readelf("--dyn-syms"))

    def test_copies_are_checked_against_their_buffers(self):
        self.assertRegex(self.readelf("--dyn-syms"), r"__(mem|str|sn?printf|vsnprintf|fprintf)\w*_chk")


if __name__ == "__main__":
    riposte.main()
