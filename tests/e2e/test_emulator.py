"""The same playbooks on the emulator and on the simulated account: a rehearsal changes nothing, an answer ends alike."""

import json
import pathlib
import tempfile

import riposte
import state
from campaign import IMAGE, ROGUE_CLUSTERS, Campaign
from emulator import ACCOUNT, REGION, EmulatorTest, Recorder

CAMPAIGN = "playbooks/campaigns/ecs-cryptomining.lua"
HOST_PID = "playbooks/securityhub/ecs-3-host-pid.lua"


class Answer(EmulatorTest):
    def setUp(self):
        super().setUp()
        self.recorder = Recorder()
        self.addCleanup(self.recorder.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def answer(self, finding, playbook, mode):
        """The summary and the changes of a run for the finding."""
        path = self.folder / "event.json"
        path.write_text(json.dumps(finding))
        env = self.emulator.environment(AWS_ENDPOINT_URL_GUARDDUTY=self.recorder.url,
                                        AWS_ENDPOINT_URL_SECURITYHUB=self.recorder.url)
        done, rows = riposte.run_json("run", "--mode", mode, "--playbooks", riposte.SOURCE / playbook, "--output", "json",
                                      path, env=env)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr)
        [told, summary] = rows
        [report] = told["runs"]
        self.assertEqual(summary["summary"]["runs"], 1)
        self.assertEqual(report["outcome"], "done" if mode == "enforce" else "planned", report)
        return report["changes"]


class TheCampaign(Answer):
    def setUp(self):
        super().setUp()
        self.campaign = Campaign(self.emulator)

    def test_a_dry_run_plans_all_and_changes_nothing(self):
        before = state.of_emulator(self.emulator)
        changes = self.answer(self.campaign.finding(), CAMPAIGN, "dry-run")
        self.assertEqual(state.of_emulator(self.emulator), before)
        self.assertEqual(self.recorder.requests, [])
        self.assertEqual({change["state"] for change in changes}, {"planned"})
        planned = [change for change in changes if change["operation"] == "ecs:DeleteCluster"]
        self.assertEqual(len(planned), len(ROGUE_CLUSTERS))

    def test_enforce_removes_the_attack_and_nothing_else_as_on_the_simulated_account(self):
        before = state.of_emulator(self.emulator)
        self.answer(self.campaign.finding(), CAMPAIGN, "enforce")
        after = state.of_emulator(self.emulator)
        self.assert_attack_is_gone(before, after)
        self.assertTrue(any(path.endswith("/findings/archive") for _, path, _, _ in self.recorder.requests))

        folder = self.campaign.write_drill(self.folder, CAMPAIGN)
        played = riposte.run("drill", "--state", folder)
        self.assertEqual(played.returncode, 0, played.stderr)
        simulated = state.of_drill(json.loads(played.stdout))
        self.maxDiff = None
        self.assertEqual(after, simulated)

    def assert_attack_is_gone(self, before, after):
        self.assertTrue(set(ROGUE_CLUSTERS) < set(before["clusters"]))
        self.assertEqual(set(after["clusters"]), set(before["clusters"]) - set(ROGUE_CLUSTERS))
        self.assertEqual(set(after["services"]), {"shop/web"})
        self.assertNotIn(IMAGE, json.dumps(after["definitions"]))
        self.assertEqual(set(after["groups"]), {"web"})
        self.assertEqual(set(after["instances"]), {"bastion", "of web"})
        self.assertEqual(set(after["users"]), {"ann", "ci-deploy"})
        self.assertEqual(after["keys"][self.campaign.keys["ci-deploy"]], "Inactive")
        self.assertEqual(after["keys"][self.campaign.keys["ann"]], "Active")
        self.assertTrue(after["users"]["ci-deploy"][1], "the stolen user is denied everything")
        for kind, name in (("services", "shop/web"), ("definitions", "web:1"), ("groups", "web"), ("instances", "bastion"),
                           ("instances", "of web"), ("users", "ann"), ("roles", "worker"), ("functions", "orders")):
            self.assertEqual(after[kind][name], before[kind][name], (kind, name))


class HostPid(Answer):
    """Security Hub's ECS.3: a task definition that shares the host's process namespace."""

    def setUp(self):
        super().setUp()
        self.ecs = self.emulator.client("ecs")
        self.ecs.create_cluster(clusterName="shop")
        bad = self.ecs.register_task_definition(
            family="agent", pidMode="host", networkMode="bridge", cpu="256", memory="512",
            containerDefinitions=[{"name": "main", "image": "agent:3", "essential": True,
                                   "environment": [{"name": "A", "value": "b"}]}])
        self.bad = bad["taskDefinition"]["taskDefinitionArn"]
        # The emulator starts no tasks: a service that wants none is stable.
        self.ecs.create_service(cluster="shop", serviceName="agent", taskDefinition="agent:1", desiredCount=0)

    def finding(self):
        asff = {"SchemaVersion": "2018-10-08", "Id": f"arn:aws:securityhub:{REGION}:{ACCOUNT}:security-control/ECS.3/finding/1",
                "ProductArn": f"arn:aws:securityhub:{REGION}::product/aws/securityhub", "ProductName": "Security Hub",
                "GeneratorId": "security-control/ECS.3", "AwsAccountId": ACCOUNT, "Region": REGION,
                "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
                "CreatedAt": "2025-11-02T14:14:02Z", "UpdatedAt": "2025-11-02T14:14:02Z",
                "Severity": {"Label": "HIGH", "Normalized": 70},
                "Title": "ECS task definitions should not share the host's process namespace", "Description": "pidMode is host.",
                "Compliance": {"Status": "FAILED", "SecurityControlId": "ECS.3"}, "Workflow": {"Status": "NEW"},
                "WorkflowState": "NEW", "RecordState": "ACTIVE",
                "Resources": [{"Type": "AwsEcsTaskDefinition", "Id": self.bad, "Partition": "aws", "Region": REGION}]}
        return {"version": "0", "id": "e2e", "detail-type": "Security Hub Findings - Imported", "source": "aws.securityhub",
                "account": ACCOUNT, "time": "2025-11-02T14:14:09Z", "region": REGION, "resources": [asff["Id"]],
                "detail": {"findings": [asff]}}

    def test_a_dry_run_changes_nothing(self):
        before = state.of_emulator(self.emulator)
        changes = self.answer(self.finding(), HOST_PID, "dry-run")
        self.assertIn("ecs:RegisterTaskDefinition", [change["operation"] for change in changes])
        self.assertEqual(state.of_emulator(self.emulator), before)
        self.assertEqual(self.recorder.requests, [])

    def test_the_service_moves_to_a_corrected_revision_and_the_bad_one_is_deregistered(self):
        self.answer(self.finding(), HOST_PID, "enforce")
        service = self.ecs.describe_services(cluster="shop", services=["agent"])["services"][0]
        self.assertTrue(service["taskDefinition"].endswith("agent:2"))
        good = self.ecs.describe_task_definition(taskDefinition="agent:2")["taskDefinition"]
        self.assertNotEqual(good.get("pidMode"), "host")
        self.assertEqual(good["containerDefinitions"][0]["environment"], [{"name": "A", "value": "b"}])
        bad = self.ecs.describe_task_definition(taskDefinition="agent:1")["taskDefinition"]
        self.assertEqual(bad["status"], "INACTIVE")
        [(method, path, asked, signed)] = self.recorder.requests
        self.assertEqual((method, path), ("PATCH", "/findings/batchupdate"))
        self.assertEqual(asked["Workflow"]["Status"], "RESOLVED")
        self.assertTrue(signed.startswith("AWS4-HMAC-SHA256 "))


if __name__ == "__main__":
    riposte.main()
