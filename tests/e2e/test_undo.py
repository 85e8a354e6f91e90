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


RETIRE = """return {
  name = "retire", trigger = { source = { "e2e.test" } }, permissions = { "ecs:*" },
  run = function(_, run) run.aws.ecs():deregister_task_definition { taskDefinition = "web:1" } end,
}
"""
EVENT = {"version": "0", "id": "e-1", "detail-type": "Test", "source": "e2e.test", "account": "123456789012",
         "time": "2026-01-01T12:00:00Z", "region": "us-east-1", "resources": [], "detail": {}}
ENVIRONMENT = [{"name": "DB_URL", "value": "postgres://app:hush-hush-hush@db/app"}, {"name": "STAGE", "value": "prod"}]


class Environment(EmulatorTest):
    def test_a_containers_environment_comes_back_and_the_journal_does_not_tell_it(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        folder = pathlib.Path(folder.name)
        (folder / "retire.lua").write_text(RETIRE)
        (folder / "event.json").write_text(json.dumps(EVENT))
        ecs, env = self.emulator.client("ecs"), self.emulator.environment()
        ecs.register_task_definition(family="web", containerDefinitions=[
            {"name": "web", "image": "web:1", "memory": 64, "environment": ENVIRONMENT}])
        journal = ("--journal", folder / "journal.db", "--set", "mode=enforce")

        done, [told, _] = riposte.run_json("run", *journal, "--playbooks", folder / "retire.lua", "--output", "json",
                                           folder / "event.json", env=env)
        [report] = told["runs"]
        self.assertEqual(report["outcome"], "done", report)
        self.assertNotIn("hush", done.stdout)
        self.assertEqual(ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"], [])
        shown = riposte.run("show", *journal[:2], "--output", "json", report["id"], env=env)
        self.assertIn("(sealed ", shown.stdout)
        self.assertNotIn("hush", shown.stdout)

        done = riposte.run("undo", *journal, report["id"], env=env)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        definition = ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]
        self.assertEqual(definition["containerDefinitions"][0]["environment"], ENVIRONMENT)
        exported = riposte.run("audit", "export", *journal[:2], env=env)
        for text in (done.stdout, done.stderr, exported.stdout):
            self.assertNotIn("hush", text)
        for path in folder.glob("journal.db*"):
            if path.is_file():
                self.assertNotIn(b"hush", path.read_bytes(), path)


CLOSE = """return {
  name = "close", trigger = { source = { "e2e.test" } }, permissions = { "ec2:*" },
  run = function(_, run)
    local ec2, ids = run.aws.ec2(), {}
    local filters = { { Name = "group-id", Values = { "GROUP" } } }
    for rule in ec2:pages("describe_security_group_rules", { Filters = filters }) do
      if rule.CidrIpv4 and rule.FromPort == 22 then ids[#ids + 1] = rule.SecurityGroupRuleId end
    end
    ec2:revoke_security_group_ingress { GroupId = "GROUP", SecurityGroupRuleIds = ids }
    ec2:revoke_security_group_ingress { GroupName = "door", IpPermissions = {
      { IpProtocol = "tcp", FromPort = 443, ToPort = 443, IpRanges = { { CidrIp = "203.0.113.0/24" } } } } }
  end,
}
"""


class Rules(EmulatorTest):
    def test_rules_that_were_revoked_by_their_ids_or_the_groups_name_come_back(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        folder = pathlib.Path(folder.name)
        ec2, env = self.emulator.client("ec2"), self.emulator.environment()
        group = ec2.create_security_group(GroupName="door", Description="of rules")["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "203.0.113.0/24"}]}
            for port in (22, 443)])
        (folder / "close.lua").write_text(CLOSE.replace("GROUP", group))
        (folder / "event.json").write_text(json.dumps(EVENT))
        journal = ("--journal", folder / "journal.db", "--set", "mode=enforce")

        def doors():
            [found] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
            return sorted((each["FromPort"], each["IpRanges"][0]["CidrIp"]) for each in found["IpPermissions"])

        before = doors()
        done, [told, _] = riposte.run_json("run", *journal, "--playbooks", folder / "close.lua", "--output", "json",
                                           folder / "event.json", env=env)
        [report] = told["runs"]
        self.assertEqual(report["outcome"], "done", report)
        self.assertEqual(doors(), [])
        done = riposte.run("undo", *journal, report["id"], env=env)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(doors(), before)


if __name__ == "__main__":
    riposte.main()
