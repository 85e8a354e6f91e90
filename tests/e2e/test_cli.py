"""The command line as people and scripts meet it: help, exit statuses, colours, JSON, mistakes."""

import http.server
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

import riposte

DRILL = "examples/drills/ecs-cryptomining"
PATTERN = '{"source":["aws.guardduty"]}'
EVENT = '{"source":"aws.guardduty","detail-type":"GuardDuty Finding","detail":{}}'


def commands():
    """The names that `riposte help` lists."""
    lines = iter(riposte.run("help").stdout.splitlines())
    for line in lines:
        if line == "Commands:":
            break
    names = []
    for line in lines:
        if not line.startswith("  "):
            break
        names.append(line.split()[0])
    return names


class Help(unittest.TestCase):
    def test_every_command_helps_with_examples_and_in_eighty_columns(self):
        self.assertGreaterEqual(set(commands()), {"run", "drill", "check", "match", "version", "help"})
        for name in commands():
            done = riposte.run(name, "--help")
            with self.subTest(command=name):
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertTrue(done.stdout.startswith("Usage: riposte"), done.stdout)
                if name != "help":
                    self.assertRegex(done.stdout, r"\nExamples?:\n  riposte|\n  .*riposte ")
                for line in done.stdout.splitlines():
                    self.assertLessEqual(len(line), 80, line)

    def test_help_of_a_command_is_its_help(self):
        self.assertEqual(riposte.run("help", "drill").stdout, riposte.run("drill", "--help").stdout)

    def test_the_manual_has_a_page_for_every_command(self):
        for name in commands():
            if name != "help":
                page = riposte.SOURCE / f"packaging/man/riposte-{name}.1"
                self.assertTrue(page.is_file(), page)

    def test_every_option_of_the_help_is_in_the_manual(self):
        for name in commands():
            if name == "help":
                continue
            page = (riposte.SOURCE / f"packaging/man/riposte-{name}.1").read_text().replace("\\-", "-").replace("Fl ", "-")
            for option in set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", riposte.run(name, "--help").stdout)):
                with self.subTest(command=name, option=option):
                    self.assertIn("--" + option, page.replace("- -", "--"))


class Usage(unittest.TestCase):
    def assert_usage(self, *args, says):
        done = riposte.run(*args)
        self.assertEqual(done.returncode, 2, (args, done.stderr))
        self.assertEqual(done.stdout, "")
        self.assertIn(says, done.stderr)

    def test_no_command_is_wrong_usage_and_shows_help(self):
        done = riposte.run()
        self.assertEqual(done.returncode, 2)
        self.assertIn("Usage: riposte COMMAND", done.stdout + done.stderr)

    def test_an_unknown_command_gets_a_suggestion(self):
        self.assert_usage("dril", says="drill")

    def test_an_unknown_option_is_named(self):
        for name in commands():
            with self.subTest(command=name):
                if name != "help":
                    self.assert_usage(name, "--nonsense", says="--nonsense")

    def test_a_drill_that_is_not_there_is_named(self):
        self.assert_usage("drill", "no/such/drill", says="no/such/drill")

    def test_a_wrong_mode_is_told_the_right_ones(self):
        done = riposte.run("run", "--mode", "destroy", "-")
        self.assertEqual(done.returncode, 2)
        self.assertIn("enforce", done.stderr)

    def test_an_output_format_is_text_or_json(self):
        self.assert_usage("version", "--output", "xml", says="xml")

    def test_hostile_bytes_in_a_name_do_not_reach_the_terminal(self):
        done = riposte.run("\x1b[31mrun")
        self.assertEqual(done.returncode, 2)
        self.assertNotIn("\x1b[31mrun", done.stderr)


class Version(unittest.TestCase):
    def test_json_names_the_program_and_its_libraries(self):
        done, [versions] = riposte.run_json("version", "--output", "json")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(versions["riposte"], r"^\d+\.\d+\.\d+$")
        self.assertTrue(versions["lua"].startswith("5.4"))


class Match(unittest.TestCase):
    def match(self, pattern, event):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "pattern.json")
            with open(path, "w") as f:
                f.write(pattern)
            return riposte.run("match", "--pattern", path, "--event", "-", input=event)

    def test_the_exit_status_tells_match_no_match_and_invalid(self):
        self.assertEqual(self.match(PATTERN, EVENT).returncode, 0)
        self.assertEqual(self.match(PATTERN, '{"source":"aws.ecs"}').returncode, 1)
        self.assertEqual(self.match('{"source":"aws.guardduty"}', EVENT).returncode, 2)

    def test_cases_are_answered_in_order(self):
        cases = [(PATTERN, EVENT), (PATTERN, '{"source":"x"}'), ('{"source":[{"no-such":1}]}', EVENT)]
        text = "".join(f'{{"pattern":{p},"event":{e}}}\n' for p, e in cases)
        done = riposte.run("match", "--cases", "-", input=text)
        self.assertEqual(done.stdout.split(), ["match", "no-match", "invalid"])


class Check(unittest.TestCase):
    def test_the_shipped_playbooks_are_right(self):
        done, rows = riposte.run_json("check", "--output", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreaterEqual({row["name"] for row in rows}, {"ecs-compromised-cluster", "ecs-cryptomining"})

    def test_a_mistake_is_told_with_file_and_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as book:
            book.write('return {\n  name = "x",\n  triger = { source = { "aws.guardduty" } },\n}\n')
            book.flush()
            done = riposte.run("check", book.name)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stdout + done.stderr, r"\.lua:3(:\d+)?: ")


class Drill(unittest.TestCase):
    def test_the_campaign_is_answered_as_expected(self):
        done = riposte.run("drill", DRILL)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("NOT MET", done.stdout)

    def test_a_rehearsal_changes_nothing(self):
        done, [report] = riposte.run_json("drill", "--mode", "dry-run", "--output", "json", DRILL)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_two_plays_are_alike_to_the_byte(self):
        first, second = (riposte.run("drill", "--state", DRILL).stdout for _ in range(2))
        self.assertTrue(json.loads(first))
        self.assertEqual(first, second)

    def test_it_runs_from_any_folder(self):
        done = riposte.run("drill", riposte.SOURCE / DRILL, cwd="/")
        self.assertEqual(done.returncode, 0, done.stderr)


    def test_a_mistake_in_an_account_is_told_with_file_and_field(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(riposte.SOURCE / DRILL, folder, dirs_exist_ok=True)
            account = pathlib.Path(folder) / "account.lua"
            account.write_text('return { account = "123456789012", quotas = "off" }')
            done = riposte.run("drill", folder)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('account.lua: quotas: expected "aws" or "none"', done.stderr)


class Mistakes(unittest.TestCase):
    """What a playbook does wrong is reported with its file and line, before anybody approves it."""

    DRILL = """return { name = "mistake", about = "x", mode = "dry-run", account = "account.lua", start = "2025-11-02T14:14:09Z",
      playbooks = { "book.lua" }, events = { "event.json" }, expect = {} }"""
    BOOK = """return {
  name = "mistake", about = "x", trigger = { source = { "e2e" } }, permissions = { "ec2:*" },
  run = function(_, run)
    local ec2 = run.aws.ec2()
    %s
  end,
}"""
    EVENT = {"version": "0", "id": "e2e-1", "source": "e2e", "detail-type": "Call", "account": "123456789012",
             "region": "us-east-1", "time": "2025-11-02T14:14:09Z", "resources": [], "detail": {}}

    def mistake(self, line):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("drill.lua", self.DRILL), ("book.lua", self.BOOK % line), ("account.lua", 'return { account = "123456789012", region = "us-east-1" }'),
                               ("event.json", json.dumps(self.EVENT))):
                pathlib.Path(folder, name).write_text(text)
            done = riposte.run("drill", "--output", "json", folder)
        return json.loads(done.stdout)["runs"][0]["error"]["message"]

    def assert_mistake(self, line, says):
        message = self.mistake(line)
        self.assertIn("book.lua:5: ", message)
        self.assertIn(says, message)

    def test_parameters_that_cannot_be_sent_are_no_plan(self):
        self.assert_mistake('ec2:terminate_instances { InstanceId = "i-1" }', "did you mean InstanceIds")
        self.assert_mistake('ec2:terminate_instances {}', "InstanceIds")

    def test_a_suggestion_is_spelled_as_the_mistake(self):
        self.assert_mistake('ec2:terminate_instance {}', "did you mean terminate_instances")
        self.assert_mistake('run.aws.ec3():x {}', "did you mean ec2")

    def test_waiters_actions_and_errors_without_text_have_their_place(self):
        self.assert_mistake('ec2:wait("nothing")', "no waiter nothing")
        self.assert_mistake('run.actions.ec2.nothing {}', "no action ec2.nothing")
        self.assert_mistake('run.actions.ec2.terminate_instance {}', "instance: expected a string")
        self.assert_mistake('error({ 1 })', "a table without code or message")


class Aws(unittest.TestCase):
    """What riposte aws says without asking anybody."""

    ENV = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "very-secret", "AWS_REGION": "eu-west-1",
           "HOME": "/nonexistent"}

    def aws(self, *args, env=None):
        return riposte.run("aws", *args, env=riposte.environment(**(env or self.ENV)))

    def test_lists_and_help_fit_eighty_columns(self):
        for args in ((), ("ec2",), ("ec2", "run_instances", "--help"), ("ecs", "register-task-definition", "--help"),
                     ("guardduty", "CreateFilter", "--help"), ("wafv2", "create_web_acl", "--help")):
            done = self.aws(*args)
            self.assertEqual((done.returncode, done.stderr), (0, ""), args)
            self.assertEqual([line for line in done.stdout.splitlines() if len(line) > 80], [], args)

    def test_a_printed_request_names_method_url_and_headers(self):
        done = self.aws("ecs", "list-services", "--input", '{"cluster": "x"}', "--print-request")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("POST https://ecs.eu-west-1.amazonaws.com/\n"))
        self.assertIn("X-Amz-Target: AmazonEC2ContainerServiceV20141113.ListServices\n", done.stdout)
        self.assertNotIn("very-secret", done.stdout)
        done = self.aws("ecs", "list_clusters", "--print-request", "--region", "us-gov-west-1")
        self.assertTrue(done.stdout.startswith("POST https://ecs.us-gov-west-1.amazonaws.com/\n"))

    def test_a_request_that_cannot_be_made_is_no_printed_request(self):
        env = self.ENV | {"AWS_USE_FIPS_ENDPOINT": "true"}
        done = self.aws("s3", "list-buckets", "--region", "cn-north-1", "--print-request", env=env)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no FIPS endpoint", done.stderr)

    def test_a_profile_that_is_not_there_is_told_though_the_environment_has_keys(self):
        for args, env in ((("--profile", "work"), self.ENV), ((), self.ENV | {"AWS_PROFILE": "work"})):
            done = self.aws("ecs", "list-clusters", *args, env=env)
            self.assertEqual(done.returncode, 2)
            self.assertIn("there is no profile work", done.stderr)

    def test_another_account_needs_a_role(self):
        done = self.aws("ecs", "list-clusters", "--account", "222222222222")
        self.assertEqual(done.returncode, 2)
        self.assertIn("accounts.role", done.stderr)
        done = self.aws("ecs", "list-clusters", "--account", "222")
        self.assertIn("twelve digits", done.stderr)


class Pages(unittest.TestCase):
    """All pages of an operation, from a server that hands them out one after the other."""

    def pages(self, replies, *args, input=""):
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                asked.append(self.path + " " + body)
                reply = replies[min(len(asked), len(replies)) - 1].encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            env = riposte.environment(AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY="secret", AWS_REGION="us-east-1",
                                      AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}")
            done = riposte.run(*args, env=env, input=input)
            server.shutdown()
        return done, asked

    def test_a_token_may_be_a_map(self):
        done, asked = self.pages(['{"Items": [{"a": {"S": "1"}}], "LastEvaluatedKey": {"a": {"S": "1"}}}', '{"Items": [{"a": {"S": "2"}}]}'],
                                 "aws", "dynamodb", "scan", "--input", '{"TableName": "table"}', "--all-pages", "--output", "json")
        self.assertEqual((done.returncode, len(asked)), (0, 2), done.stderr)
        self.assertIn('"ExclusiveStartKey":{"a":{"S":"1"}}', asked[1].replace(" ", ""))
        self.assertEqual([item["a"]["S"] for item in json.loads(done.stdout)["Items"]], ["1", "2"])

    def test_the_last_name_may_be_the_token_and_a_list_may_begin_later(self):
        page = "<ListBucketResult><IsTruncated>%s</IsTruncated>%s</ListBucketResult>"
        done, asked = self.pages([page % ("true", "<Contents><Key>a</Key></Contents><Contents><Key>b</Key></Contents>"),
                                  page % ("false", "<Contents><Key>c</Key></Contents><CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes>")],
                                 "aws", "s3", "list-objects", "--input", '{"Bucket": "bucket"}', "--all-pages", "--output", "json")
        self.assertEqual((done.returncode, len(asked)), (0, 2), done.stderr)
        self.assertIn("marker=b", asked[1])
        reply = json.loads(done.stdout)
        self.assertEqual([each["Key"] for each in reply["Contents"]], ["a", "b", "c"])
        self.assertEqual(reply["CommonPrefixes"], [{"Prefix": "d/"}])

    def test_the_same_token_twice_is_a_failure(self):
        done, asked = self.pages(['{"clusterArns": ["x"], "nextToken": "t"}'], "aws", "ecs", "list-clusters", "--all-pages")
        self.assertEqual((done.returncode, len(asked)), (1, 2), done.stderr)
        self.assertIn("same page token twice", done.stderr)

    def test_pages_with_several_lists_come_whole(self):
        page = ("<ListEntitiesForPolicyResponse><ListEntitiesForPolicyResult><PolicyGroups/><PolicyUsers><member><UserName>u</UserName></member>"
                "</PolicyUsers><PolicyRoles/><IsTruncated>false</IsTruncated></ListEntitiesForPolicyResult></ListEntitiesForPolicyResponse>")
        event = {"version": "0", "id": "e", "source": "e2e", "detail-type": "Call", "account": "123456789012", "region": "us-east-1",
                 "time": "2025-11-02T14:14:09Z", "resources": [], "detail": {}}
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as book:
            book.write("""return { name = "pages", about = "Reads pages.", trigger = { source = { "e2e" } }, permissions = { "iam:*" },
              run = function(_, run)
                for page in run.aws.iam():pages("list_entities_for_policy", { PolicyArn = "arn:aws:iam::123456789012:policy/p" }) do
                  run:log("page", { page = page })
                end
              end }""")
            book.flush()
            done, asked = self.pages([page], "run", "--mode", "enforce", "--playbooks", book.name, "--output", "json", "-",
                                     input=json.dumps(event))
        self.assertEqual(len(asked), 1, done.stderr)
        log = json.loads(done.stdout.splitlines()[0])["runs"][0]["log"]
        self.assertEqual([entry["fields"]["page"]["PolicyUsers"] for entry in log], [[{"UserName": "u"}]])


class Colours(unittest.TestCase):
    def on_terminal(self, **env):
        """Standard output of a drill, as a terminal gets it."""
        try:
            main, sub = pty.openpty()
        except OSError as err:  # a bare chroot has none
            self.skipTest(f"no pseudo-terminal can be had ({err}): is /dev/pts mounted?")
        child = subprocess.Popen([riposte.PROGRAM, "drill", DRILL], stdin=subprocess.DEVNULL, stdout=sub, stderr=sub,
                                 cwd=riposte.SOURCE, env=riposte.environment(TERM="xterm", **env))
        os.close(sub)
        text = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:
                part = b""
            if not part:
                break
            text += part
        os.close(main)
        child.wait(60)
        return text

    def test_a_terminal_gets_colours(self):
        self.assertIn(b"\x1b[", self.on_terminal())

    def test_no_color_is_heeded(self):
        self.assertNotIn(b"\x1b[3", self.on_terminal(NO_COLOR="1"))

    def test_a_pipe_gets_none(self):
        self.assertNotIn("\x1b", riposte.run("drill", DRILL).stdout)


class Run(unittest.TestCase):
    def test_a_broken_document_is_told_and_the_next_one_taken(self):
        done, rows = riposte.run_json("run", "--output", "json", "-", input='{"source": nonsense}\n{"source":"x","detail-type":"y","detail":{}}\n')
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(":1:", done.stderr)
        self.assertEqual(rows[-1]["summary"]["events"], 1, rows)

    def test_an_event_that_no_playbook_wants_is_counted(self):
        done, rows = riposte.run_json("run", "--output", "json", "-", input='{"source":"x","detail-type":"y","detail":{}}')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(rows[-1]["summary"]["unwanted"], 1)

    def test_the_example_configuration_is_accepted(self):
        done = riposte.run("run", "--config", "examples/riposte.yaml", "-", input='{"source":"x","detail-type":"y","detail":{}}')
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_mistake_in_the_configuration_is_told_with_its_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
            config.write("mode: dry-run\nlimit:\n  changes: 3\n")
            config.flush()
            done = riposte.run("run", "--config", config.name, "-")
        self.assertEqual(done.returncode, 2)
        self.assertIn(".yaml:2:1: limit: ", done.stderr)


class Documents(unittest.TestCase):
    def test_every_link_to_a_file_leads_somewhere(self):
        for page in [*riposte.SOURCE.glob("*.md"), *riposte.SOURCE.glob("docs/**/*.md"), *riposte.SOURCE.glob("bench/*.md")]:
            for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
                if "://" not in target:
                    self.assertTrue((page.parent / target).exists(), f"{page}: {target}")


if __name__ == "__main__":
    riposte.main()
