"""A run is taken back on the emulator, by the command line alone; what somebody changed since is left to them."""

import json
import pathlib
import tempfile

import riposte
import state
from emulator import EmulatorTest, Recorder

PLAYBOOK = riposte.SOURCE / "playbooks/guardduty/iam-key-exfiltrated.lua"
FINDING = riposte.SOURCE / "tests/playbooks/stolen-key/finding.json"
DENY_S3 = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'


class StolenKey(EmulatorTest):
    def setUp(self):
        super().setUp()
        recorder = Recorder()
        self.addCleanup(recorder.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.iam = self.emulator.client("iam")
        self.iam.create_user(UserName="ci-deploy")
        self.key = self.iam.create_access_key(UserName="ci-deploy")["AccessKey"]["AccessKeyId"]
        self.before = state.of_emulator(self.emulator)
        self.env = self.emulator.environment(AWS_ENDPOINT_URL_GUARDDUTY=recorder.url)
        self.journal = ("--journal", self.folder / "journal.db", "--set", "mode=enforce")

    def lock(self):
        """The finding is answered. The run's id."""
        event = self.folder / "finding.json"
        event.write_text(FINDING.read_text().replace("AKIAIOSFODNN7EXAMPLE", self.key))
        done, [told, _] = riposte.run_json("run", *self.journal, "--playbooks", PLAYBOOK, "--output", "json", event, env=self.env)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        [report] = told["runs"]
        self.assertEqual(report["outcome"], "done", report)
        self.assertEqual(self.status(), "Inactive")
        return report["id"]

    def undo(self, run, *options):
        done = riposte.run("undo", *self.journal, *options, run, env=self.env)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def status(self):
        [key] = self.iam.list_access_keys(UserName="ci-deploy")["AccessKeyMetadata"]
        return key["Status"]

    def test_the_account_is_as_it_was_before(self):
        run = self.lock()
        self.undo(run)
        self.assertEqual(state.of_emulator(self.emulator), self.before)

    def test_a_rehearsal_of_the_undo_changes_nothing(self):
        run = self.lock()
        locked = state.of_emulator(self.emulator)
        text = self.undo(run, "--mode", "dry-run")
        self.assertIn("iam:UpdateAccessKey", text)
        self.assertEqual(state.of_emulator(self.emulator), locked)

    def test_what_somebody_changed_since_is_left_to_them_and_told(self):
        run = self.lock()
        self.iam.put_user_policy(UserName="ci-deploy", PolicyName="RiposteDenyAll", PolicyDocument=DENY_S3)
        text = self.undo(run)
        self.assertIn("somebody changed it since", text)
        self.assertEqual(self.status(), "Active")
        document = self.iam.get_user_policy(UserName="ci-deploy", PolicyName="RiposteDenyAll")["PolicyDocument"]
        self.assertEqual(document, json.loads(DENY_S3))


if __name__ == "__main__":
    riposte.main()
