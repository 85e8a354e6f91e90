"""Calls in each of AWS's five protocols, made by a playbook against the emulator, with boto3 as the witness."""

import json
import tempfile

import riposte
from campaign import lua
from emulator import ACCOUNT, REGION, Emulator, EmulatorTest

PLAYBOOK = """return {
  name = "one-call",
  about = "Makes one call and logs its reply.",
  trigger = { source = { "e2e" } },
  permissions = { "%s:*" },
  run = function(_, run)
    run:log("called", { reply = run.aws["%s"]():%s(%s) })
  end,
}
"""
EVENT = {"version": "0", "id": "e2e-1", "source": "e2e", "detail-type": "Call", "account": ACCOUNT, "region": REGION,
         "time": "2025-11-02T14:14:09Z", "resources": [], "detail": {}}


class Protocols(EmulatorTest):
    @classmethod
    def setUpClass(cls):
        cls.shared = Emulator()
        cls.addClassCleanup(cls.shared.close)

    def setUp(self):
        self.emulator = self.shared

    def run_call(self, service, operation, params):
        """The report of a run whose playbook makes this one call and logs its reply."""
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as book:
            book.write(PLAYBOOK % (service, service, operation, lua(params)))
            book.flush()
            done, rows = riposte.run_json("run", "--mode", "enforce", "--playbooks", book.name, "--output", "json", "-",
                                          input=json.dumps(EVENT), env=self.emulator.environment())
        self.assertEqual(len(rows), 2, done.stderr)
        return done, rows[0]["runs"][0]

    def call(self, service, operation, **params):
        done, report = self.run_call(service, operation, params)
        self.assertEqual((done.returncode, report["outcome"]), (0, "done"), report)
        return report["log"][0]["fields"]["reply"]

    def refused(self, service, operation, **params):
        done, report = self.run_call(service, operation, params)
        self.assertEqual((done.returncode, report["outcome"]), (1, "failed"), report)
        return json.dumps(report["error"])

    def test_json_a_cluster_is_made_and_described(self):
        made = self.call("ecs", "create_cluster", clusterName="from-riposte", tags=[{"key": "team", "value": "Ü"}])
        seen = self.emulator.client("ecs").describe_clusters(clusters=["from-riposte"], include=["TAGS"])["clusters"][0]
        self.assertEqual(made["cluster"]["clusterArn"], seen["clusterArn"])
        self.assertEqual(seen["tags"], [{"key": "team", "value": "Ü"}])

    def test_json_an_error_carries_aws_s_code(self):
        self.assertIn("ClusterNotFoundException", self.refused("ecs", "delete_cluster", cluster="nowhere"))

    def test_query_a_user_is_made_with_a_key_that_is_turned_off(self):
        self.call("iam", "create_user", UserName="ann", Tags=[{"Key": "a&b", "Value": "<c>"}])
        key = self.call("iam", "create_access_key", UserName="ann")["AccessKey"]["AccessKeyId"]
        self.call("iam", "update_access_key", UserName="ann", AccessKeyId=key, Status="Inactive")
        iam = self.emulator.client("iam")
        self.assertEqual(iam.get_user(UserName="ann")["User"]["Tags"], [{"Key": "a&b", "Value": "<c>"}])
        keys = iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]
        self.assertEqual([(k["AccessKeyId"], k["Status"]) for k in keys], [(key, "Inactive")])

    def test_query_the_caller_is_known(self):
        self.assertEqual(self.call("sts", "get_caller_identity")["Account"], ACCOUNT)

    def test_ec2_an_instance_is_started_protected_and_terminated(self):
        made = self.call("ec2", "run_instances", ImageId="ami-12c6146b", InstanceType="t3.micro", MinCount=2, MaxCount=2,
                         TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "x y"}]}])
        ids = [i["InstanceId"] for i in made["Instances"]]
        self.call("ec2", "modify_instance_attribute", InstanceId=ids[0], DisableApiTermination={"Value": True})
        ec2 = self.emulator.client("ec2")
        self.assertTrue(ec2.describe_instance_attribute(InstanceId=ids[0], Attribute="disableApiTermination")
                        ["DisableApiTermination"]["Value"])
        self.call("ec2", "terminate_instances", InstanceIds=[ids[1]])
        seen = ec2.describe_instances(InstanceIds=[ids[1]])["Reservations"][0]["Instances"][0]
        self.assertEqual(seen["State"]["Name"], "terminated")
        self.assertEqual(seen["Tags"], [{"Key": "Name", "Value": "x y"}])

    def test_rest_json_a_listing_is_empty_and_a_missing_function_is_told(self):
        self.assertEqual(self.call("lambda", "list_functions")["Functions"], [])
        self.assertIn("ResourceNotFoundException", self.refused("lambda", "get_function", FunctionName="nowhere"))

    def test_rest_json_a_function_s_concurrency_is_set_to_zero(self):
        role = self.emulator.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        functions = self.emulator.client("lambda")
        functions.create_function(FunctionName="hook", Runtime="python3.12", Role=role, Handler="index.handler",
                                  Code={"ZipFile": b"not a zip"})
        self.call("lambda", "put_function_concurrency", FunctionName="hook", ReservedConcurrentExecutions=0)
        self.assertEqual(functions.get_function_concurrency(FunctionName="hook")["ReservedConcurrentExecutions"], 0)
        self.call("lambda", "delete_function", FunctionName="hook")
        self.assertEqual(functions.list_functions()["Functions"], [])

    def test_rest_xml_a_bucket_is_made_tagged_and_listed(self):
        s3 = self.emulator.client("s3")
        self.call("s3", "create_bucket", Bucket="evidence")
        self.call("s3", "put_bucket_tagging", Bucket="evidence", Tagging={"TagSet": [{"Key": "run", "Value": "a<b>&c"}]})
        self.assertEqual(s3.get_bucket_tagging(Bucket="evidence")["TagSet"], [{"Key": "run", "Value": "a<b>&c"}])
        s3.put_object(Bucket="evidence", Key="a folder/ü+1.txt", Body=b"what was found")
        listed = self.call("s3", "list_objects_v2", Bucket="evidence", Prefix="a folder/")
        self.assertEqual([o["Key"] for o in listed["Contents"]], ["a folder/ü+1.txt"])
        self.call("s3", "delete_object", Bucket="evidence", Key="a folder/ü+1.txt")
        self.assertNotIn("Contents", s3.list_objects_v2(Bucket="evidence"))
        self.assertIn("NoSuchBucket", self.refused("s3", "list_objects_v2", Bucket="nowhere-to-be-found"))


class Aws(EmulatorTest):
    """The same by the command line: riposte aws."""

    def aws(self, *args, env=None):
        return riposte.run("aws", *args, env=env or self.emulator.environment())

    def test_a_reply_is_printed_as_json(self):
        done = self.aws("sts", "get-caller-identity")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["Account"], ACCOUNT)

    def test_all_pages_are_one_reply(self):
        for i in range(3):
            self.emulator.client("iam").create_user(UserName=f"user-{i}")
        done = self.aws("iam", "ListUsers", "--input", '{"MaxItems": 1}', "--all-pages")
        self.assertEqual([user["UserName"] for user in json.loads(done.stdout)["Users"]], ["user-0", "user-1", "user-2"])

    def test_a_printed_request_is_not_sent_and_holds_no_secret(self):
        env = self.emulator.environment() | {"AWS_SESSION_TOKEN": "very-secret"}
        done = self.aws("ecs", "create_cluster", "--input", '{"clusterName": "never"}', "--print-request", env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Signature=(cut)", done.stdout)
        self.assertIn('{"clusterName":"never"}', done.stdout)
        self.assertNotIn("very-secret", done.stdout)
        self.assertEqual(self.emulator.client("ecs").list_clusters()["clusterArns"], [])

    def test_a_refusal_is_told_with_its_code(self):
        done = self.aws("ecs", "delete_cluster", "--input", '{"cluster": "nowhere"}')
        self.assertEqual(done.returncode, 1)
        self.assertIn("ClusterNotFoundException", done.stderr)

    def test_wrong_words_are_told_with_what_was_meant(self):
        for args, told in ((("esc",), "did you mean"), (("ecs", "delete_clustr"), "did you mean delete_cluster"),
                           (("ecs", "delete_cluster", "--input", '{"clster": "x"}'), "did you mean cluster"),
                           (("ecs", "delete_cluster", "--input", "nonsense"), "expected JSON"),
                           (("ecs", "create_cluster", "--all-pages"), "has no pages")):
            done = self.aws(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(told, done.stderr)

    def test_operations_and_parameters_are_listed(self):
        self.assertIn("ecs\n", self.aws().stdout)
        self.assertIn("write  DeleteCluster\n", self.aws("ecs").stdout)
        self.assertIn("cluster  text, required", self.aws("ecs", "delete_cluster", "--help").stdout)


if __name__ == "__main__":
    riposte.main()
