"""What people who run the service do beforehand: init, config, policy, completion; and what comes along for them."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import riposte

AWS = riposte.SOURCE / "examples/aws"
COMMANDS = re.findall(r"^  (\w+) +\S", riposte.run("help").stdout.partition("Commands:")[2], re.M)


class OperateTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_init_writes_a_configuration_a_playbook_and_a_drill_that_passes(self):
        made = self.folder / "remedies"
        done = riposte.run("init", made)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(riposte.run("config", "check", "riposte.yaml", cwd=made).stdout,
                         "riposte.yaml: all is well, with 1 playbook\n")
        self.assertEqual(riposte.run("drill", "drills/first-playbook", cwd=made).returncode, 0)
        self.assertEqual(riposte.run("drill", "--mode", "dry-run", "drills/first-playbook", cwd=made).returncode, 0)
        (made / "riposte.yaml").write_text("mode: observe\n")
        again = riposte.run("init", made)
        self.assertEqual(again.returncode, 0)
        self.assertIn("kept", again.stdout)
        self.assertEqual((made / "riposte.yaml").read_text(), "mode: observe\n")

    def test_init_tells_where_it_may_not_write(self):
        (self.folder / "file").write_text("")
        done = riposte.run("init", self.folder / "file")
        self.assertEqual(done.returncode, 1)
        self.assertIn("file", done.stderr)

    def test_the_defaults_that_are_shown_are_a_configuration(self):
        shown = riposte.run("config", "show", "--defaults")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        file = self.folder / "defaults.yaml"
        file.write_text(shown.stdout)
        self.assertEqual(riposte.run("config", "check", file).returncode, 0)
        _, keys = riposte.run_json("config", "show", "--output", "json", "--config", file)
        _, plain = riposte.run_json("config", "show", "--defaults", "--output", "json")
        self.assertEqual([(k["key"], k["value"]) for k in keys], [(k["key"], k["value"]) for k in plain])
        for key in plain:
            self.assertTrue(key["about"], key)
            self.assertIn(key["key"].rpartition(".")[2] + ":", shown.stdout)

    def test_show_tells_where_a_value_came_from(self):
        (self.folder / "a.yaml").write_text("mode: observe\n")
        _, keys = riposte.run_json("config", "show", "--output", "json", "-c", self.folder / "a.yaml", "--set", "limits.runs=7",
                                   env=riposte.environment(RIPOSTE_LOG_LEVEL="debug"))
        by = {k["key"]: k for k in keys}
        self.assertIn("a.yaml:1", by["mode"]["origin"])
        self.assertEqual((by["limits.runs"]["value"], by["limits.runs"]["origin"]), ("7", "--set"))
        self.assertEqual((by["log.level"]["value"], by["log.level"]["origin"]), ("debug", "RIPOSTE_LOG_LEVEL"))

    def test_check_tells_every_mistake(self):
        file = self.folder / "a.yaml"
        file.write_text("mode: perhaps\nlimits:\n  run: 7\n")
        done = riposte.run("config", "check", file)
        self.assertEqual(done.returncode, 1)
        self.assertIn("a.yaml:1", done.stderr)
        self.assertIn("limits.run", done.stderr)
        file.write_text("suppressions:\n  - {name: x, reason: y, pattern: {source: aws}}\n")
        self.assertEqual(riposte.run("config", "check", file).returncode, 1)
        (self.folder / "bad.lua").write_text("return { name = ")
        file.write_text(f"playbooks: [{self.folder}]\n")
        done = riposte.run("config", "check", file)
        self.assertEqual(done.returncode, 1)
        self.assertIn("bad.lua", done.stderr)

    def test_the_policy_is_what_the_headers_declare(self):
        for name, actions in {"a": '"ecs:List*", "ecs:ListClusters", "ec2:DescribeInstances"', "b": '"ecs:ListClusters", "iam:GetUser"'}.items():
            (self.folder / f"{name}.lua").write_text(
                f'return {{ name = "{name}", about = "x", trigger = {{ source = {{ "x" }} }}, permissions = {{ {actions} }},'
                ' run = function() end }')
        policy = json.loads(riposte.run("policy", self.folder).stdout)
        self.assertEqual(policy["Version"], "2012-10-17")
        self.assertEqual(policy["Statement"][0]["Action"], ["ec2:DescribeInstances", "ecs:List*", "iam:GetUser"])
        with_tags = json.loads(riposte.run("policy", "--set", 'protect.tags=[{"key":"riposte"}]', self.folder).stdout)
        self.assertIn("ec2:DescribeTags", with_tags["Statement"][0]["Action"])
        self.assertNotIn("lambda:ListTags", with_tags["Statement"][0]["Action"])

    def test_the_engines_policy_follows_the_configuration(self):
        file = self.folder / "a.yaml"
        file.write_text(json.dumps({
            "accounts": {"role": "arn:{partition}:iam::{account}:role/riposte", "allow": ["111122223333", "4444*"]},
            "sqs": [{"name": "q", "url": "https://sqs.eu-west-1.amazonaws.com/123456789012/findings"}],
            "poll": [{"source": "guardduty", "region": "us-east-1"}]}))
        policy = json.loads(riposte.run("policy", "--engine", "--partition", "aws-cn", "-c", file).stdout)
        by = {s["Sid"]: s for s in policy["Statement"]}
        self.assertEqual(by["RiposteActsElsewhere"]["Resource"],
                         ["arn:aws-cn:iam::111122223333:role/riposte", "arn:aws-cn:iam::4444*:role/riposte"])
        self.assertEqual(by["RiposteReadsQueues"]["Resource"], ["arn:aws-cn:sqs:eu-west-1:123456789012:findings"])
        self.assertIn("guardduty:GetFindings", by["RipostePolls"]["Action"])

    def test_completion_knows_each_command_and_option(self):
        bash = riposte.run("completion", "bash").stdout
        for shell in ("bash", "zsh", "fish"):
            text = riposte.run("completion", shell).stdout
            for command in COMMANDS:
                self.assertIn(command, text)
            if shutil.which(shell):
                checked = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True)
                self.assertEqual(checked.returncode, 0, checked.stderr)
        for command in set(COMMANDS) - {"help"}:
            help_text = riposte.run(command, "--help").stdout
            told = set(re.findall(r"^ +(?:-\w, )?(--[\w-]+)", help_text, re.M))
            known = re.search(rf"^    {command}\) options='([^']*)'", bash, re.M)
            self.assertIsNotNone(known, f"completion does not know {command}")
            known = set(known.group(1).split())
            self.assertLessEqual(told, known, command)
            self.assertLessEqual(known - {"--help"}, set(re.findall(r"--[\w-]+", help_text)), command)

    def test_every_command_has_a_manual_page(self):
        for command in set(COMMANDS) - {"help"}:
            page = riposte.SOURCE / f"packaging/man/riposte-{command}.1"
            self.assertTrue(page.exists(), page)
            text = page.read_text()
            for option in re.findall(r"^ +(?:-\w, )?--([\w-]+)", riposte.run(command, "--help").stdout, re.M):
                self.assertIn(f"Fl -{option}", text, f"{page.name} does not tell of --{option}")


class InfrastructureTest(unittest.TestCase):
    """examples/aws gives what `riposte policy` asks for, and no more."""

    def actions(self):
        return json.loads(riposte.run("policy").stdout)["Statement"][0]["Action"]

    def test_the_member_role_has_what_the_shipped_playbooks_need(self):
        text = (AWS / "cloudformation/member.yaml").read_text()
        listed = text.partition("Sid: RipostePlaybooks")[2].partition("Resource:")[0]
        self.assertEqual(re.findall(r"- (\w+:[\w*]+)", listed), self.actions())
        text = (AWS / "terraform/member/main.tf").read_text()
        listed = text.partition('"RipostePlaybooks"')[2].partition("resources")[0]
        self.assertEqual(re.findall(r'"(\w+:[\w*]+)"', listed), self.actions())

    @unittest.skipUnless(shutil.which("cfn-lint"), "there is no cfn-lint")
    def test_cloudformation_is_well_formed(self):
        checked = subprocess.run(["cfn-lint", *map(str, (AWS / "cloudformation").glob("*.yaml"))], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    @unittest.skipUnless(shutil.which("terraform"), "there is no terraform")
    def test_terraform_is_well_formed(self):
        checked = subprocess.run(["terraform", "fmt", "-check", "-recursive", str(AWS / "terraform")], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze")
    def test_the_unit_is_hardened(self):
        unit = (riposte.SOURCE / "packaging/systemd/riposte.service.in").read_text().replace("@CMAKE_INSTALL_FULL_BINDIR@", "/usr/bin")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "riposte.service")
            pathlib.Path(path).write_text(unit)
            told = subprocess.run(["systemd-analyze", "security", "--offline=true", path], capture_output=True, text=True).stdout
        level = re.search(r"exposure level for \S+: ([\d.]+)", told)
        if not level:
            self.skipTest("this systemd-analyze looks at no files")
        self.assertLess(float(level.group(1)), 2.0)


if __name__ == "__main__":
    riposte.main()
