"""A small cryptomining campaign among a company's own things, described once: built in the emulator, and as a drill."""

import datetime
import json
import pathlib
import time

import riposte
from emulator import ACCOUNT, REGION

IMAGE = "yenik65958/secret:user"
ROGUE_CLUSTERS = [f"svc-{i:02d}" for i in range(12)]
OWN_CLUSTERS = {"shop": "web", "batch": None}
AMI = "ami-12c6146b"
TRUST = {"Version": "2012-10-17",
         "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
SES = "arn:aws:iam::aws:policy/AmazonSESFullAccess"
DETECTOR = "12abc34d567e8fa901bc2d34e56789f0"
FINDING = "c4b9e1f0a7d84c1e9a3f5b6d7e8f9012"
ACTOR = f"arn:aws:iam::{ACCOUNT}:user/ci-deploy"


def iso(moment):
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def lua(value, indent=""):
    """A Python value as a Lua table constructor."""
    deeper = indent + "  "
    if isinstance(value, dict):
        rows = [f"{deeper}[{json.dumps(k)}] = {lua(v, deeper)},\n" for k, v in value.items()]
        return "{\n" + "".join(rows) + indent + "}"
    if isinstance(value, list):
        return "{\n" + "".join(f"{deeper}{lua(v, deeper)},\n" for v in value) + indent + "}"
    return json.dumps(value, ensure_ascii=False)


def definition(family, image):
    return {"family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "containerDefinitions": [{"name": "main", "image": image, "essential": True}]}


class Campaign:
    """Built in the emulator: first the company's own things, then, from `began` on, the attack's."""

    def __init__(self, emulator):
        self.ec2, self.ecs, self.iam, self.autoscaling = map(emulator.client, ("ec2", "ecs", "iam", "autoscaling"))
        self.functions = emulator.client("lambda")
        self.subnet = self.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        self.wall = self.ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
        self.keys, self.instances, self.members = {}, {}, {}
        self.build_own()
        self.began = int(time.time()) + 1
        time.sleep(self.began - time.time() + 0.1)
        self.build_attack()

    def user(self, name):
        self.iam.create_user(UserName=name)
        self.keys[name] = self.iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]

    def service(self, cluster, name, family, count):
        self.ecs.create_service(
            cluster=cluster, serviceName=name, taskDefinition=family, desiredCount=count, launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": [self.subnet], "securityGroups": [self.wall],
                                                         "assignPublicIp": "DISABLED"}})

    def instance(self, name, kind):
        made = self.ec2.run_instances(
            ImageId=AMI, InstanceType=kind, MinCount=1, MaxCount=1, SubnetId=self.subnet,
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}])
        self.instances[name] = made["Instances"][0]["InstanceId"]
        self.ec2.modify_instance_attribute(InstanceId=self.instances[name], DisableApiTermination={"Value": True})

    def group(self, name, kind, size):
        self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"ImageId": AMI, "InstanceType": kind})
        self.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name, MinSize=size, MaxSize=size, DesiredCapacity=size, AvailabilityZones=[REGION + "a"],
            LaunchTemplate={"LaunchTemplateName": name, "Version": "$Latest"})
        made = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
        self.members[name] = [instance["InstanceId"] for instance in made["Instances"]]

    def build_own(self):
        self.user("ann")
        self.user("ci-deploy")
        role = self.iam.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        self.functions.create_function(FunctionName="orders", Runtime="python3.12", Role=role, Handler="index.handler",
                                       Code={"ZipFile": b"code"})
        self.ecs.register_task_definition(**definition("web", "nginx:1.27"))
        for cluster, service in OWN_CLUSTERS.items():
            self.ecs.create_cluster(clusterName=cluster)
            if service:
                self.service(cluster, service, "web", 2)
        self.instance("bastion", "t3.micro")
        self.group("web", "t3.small", 1)

    def build_attack(self):
        self.iam.create_user(UserName="mailer")
        self.iam.attach_user_policy(UserName="mailer", PolicyArn=SES)
        self.ecs.register_task_definition(**definition("miner", IMAGE))
        for cluster in ROGUE_CLUSTERS:
            self.ecs.create_cluster(clusterName=cluster)
            self.service(cluster, "svc", "miner", 10)
        for name in ("gpu-1", "gpu-2"):
            self.instance(name, "g5.xlarge")
        self.group("miners", "g5.xlarge", 2)

    def finding(self):
        """What GuardDuty sends of it through EventBridge."""
        cluster = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{ROGUE_CLUSTERS[0]}"
        key = self.keys["ci-deploy"]
        actor = {"id": "actor-1",
                 "user": {"name": "ci-deploy", "uid": "AIDAEXAMPLEUSERID0001", "type": "IAMUser", "credentialUid": key,
                          "account": {"uid": ACCOUNT}},
                 "session": {"uid": "session-1", "mfaStatus": "DISABLED", "createdTime": iso(self.began), "issuer": ACTOR}}
        common = {"accountId": ACCOUNT, "region": REGION, "cloudPartition": "aws", "tags": []}
        resources = [
            common | {"uid": cluster, "name": ROGUE_CLUSTERS[0], "resourceType": "ECS_CLUSTER", "service": "ecs",
                      "data": {"ecsCluster": {"status": "ACTIVE", "ec2InstanceUids": []}}},
            common | {"uid": "sha256:1f0d", "name": "main", "resourceType": "CONTAINER", "service": "ecs",
                      "data": {"container": {"image": IMAGE, "imageUid": "sha256:1f0d"}}},
            common | {"uid": key, "name": "ci-deploy", "resourceType": "ACCESS_KEY", "service": "iam",
                      "data": {"accessKey": {"principalId": "AIDAEXAMPLEUSERID0001", "userName": "ci-deploy",
                                             "userType": "IAMUser"}}},
        ]
        sequence = {"uid": "c4b9", "description": "One key made many clusters that mine.", "actors": [actor],
                    "resources": resources, "endpoints": [], "signals": [], "sequenceIndicators": []}
        detail = {"schemaVersion": "2.0", "accountId": ACCOUNT, "region": REGION, "partition": "aws", "id": FINDING,
                  "arn": f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/{DETECTOR}/finding/{FINDING}",
                  "type": "AttackSequence:ECS/CompromisedCluster", "resource": {"resourceType": "AttackSequence"},
                  "service": {"serviceName": "guardduty", "detectorId": DETECTOR, "eventFirstSeen": iso(self.began),
                              "eventLastSeen": iso(self.began + 500), "archived": False, "count": 1,
                              "detection": {"sequence": sequence}},
                  "severity": 9.0, "createdAt": iso(self.began + 600), "updatedAt": iso(self.began + 600),
                  "title": "Potential compromise of an ECS cluster", "description": "A sequence of suspicious actions."}
        return {"version": "0", "id": "7bf73129-1428-4cd3-a780-95db273d1602", "detail-type": "GuardDuty Finding",
                "source": "aws.guardduty", "account": ACCOUNT, "time": iso(self.began + 600), "region": REGION,
                "resources": [], "detail": detail}

    def made(self, event, service, kind=None, name=None, **detail):
        """A record of CloudTrail's: the stolen key made it."""
        record = {"EventName": event, "EventTime": iso(self.began + 60), "EventSource": service + ".amazonaws.com",
                  "Username": "ci-deploy", "AccessKeyId": self.keys["ci-deploy"], "ReadOnly": "false",
                  "CloudTrailEvent": detail}
        return record | ({"Resources": [{"ResourceType": kind, "ResourceName": name}]} if kind else {})

    def trail(self):
        yield self.made("RegisterTaskDefinition", "ecs", responseElements={"taskDefinition": {
            "taskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/miner:1"}})
        for name in ROGUE_CLUSTERS:
            yield self.made("CreateCluster", "ecs", requestParameters={"clusterName": name})
        yield self.made("CreateUser", "iam", requestParameters={"userName": "mailer"})
        yield self.made("CreateLaunchTemplate", "ec2",
                        requestParameters={"CreateLaunchTemplateRequest": {"LaunchTemplateName": "miners"}})
        yield self.made("CreateAutoScalingGroup", "autoscaling", requestParameters={"autoScalingGroupName": "miners"})
        for name in ("gpu-1", "gpu-2"):
            yield self.made("RunInstances", "ec2", "AWS::EC2::Instance", self.instances[name], responseElements={
                "instancesSet": {"items": [{"instanceId": self.instances[name]}]}})

    def account(self):
        """The same account as a drill's seed (docs/DRILLS.md)."""
        since = iso(self.began + 60)
        network = {"awsvpcConfiguration": {"subnets": [], "assignPublicIp": "DISABLED"}}

        def cluster(name, service, family, count, **more):
            services = [{"serviceName": service, "taskDefinition": family, "desiredCount": count, "launchType": "FARGATE",
                         "networkConfiguration": network} | more]
            return {"clusterName": name, "services": services if service else []}

        def instance(name, kind, **more):
            return {"InstanceId": self.instances[name], "ImageId": AMI, "InstanceType": kind, "Tags": {"Name": name},
                    "disableApiTermination": True} | more

        def members(name, kind, **more):
            tags = {"aws:autoscaling:groupName": name}
            return [{"InstanceId": i, "ImageId": AMI, "InstanceType": kind, "Tags": tags} | more for i in self.members[name]]

        def group(name, size, **more):
            return {"AutoScalingGroupName": name, "MinSize": size, "MaxSize": size, "DesiredCapacity": size,
                    "AvailabilityZones": [REGION + "a"], "Instances": self.members[name],
                    "LaunchTemplate": {"LaunchTemplateName": name, "Version": "$Latest"}} | more

        def user(name, **more):
            return {"UserName": name} | ({"AccessKeys": [{"AccessKeyId": self.keys[name]}]} if name in self.keys else {}) | more

        rogue = {"createdBy": ACTOR, "createdAt": since}
        return {
            "account": ACCOUNT, "region": REGION,
            "iam": {"users": [user("ann"), user("ci-deploy"),
                              user("mailer", CreateDate=since, AttachedManagedPolicies=[SES])],
                    "roles": [{"RoleName": "worker", "AssumeRolePolicyDocument": TRUST}]},
            "ecs": {"taskDefinitions": [definition("web", "nginx:1.27"),
                                        definition("miner", IMAGE) | {"registeredBy": ACTOR, "registeredAt": since}],
                    "clusters": [cluster(name, service, "web", 2) for name, service in OWN_CLUSTERS.items()] +
                                [cluster(name, "svc", "miner", 10, **rogue) for name in ROGUE_CLUSTERS]},
            "ec2": {"instances": [instance("bastion", "t3.micro"),
                                  instance("gpu-1", "g5.xlarge", LaunchTime=since),
                                  instance("gpu-2", "g5.xlarge", LaunchTime=since)] +
                                 members("web", "t3.small") + members("miners", "g5.xlarge", LaunchTime=since),
                    "launchTemplates": [
                        {"LaunchTemplateName": name, "LaunchTemplateData": {"ImageId": AMI, "InstanceType": kind}}
                        for name, kind in (("web", "t3.small"), ("miners", "g5.xlarge"))]},
            "autoscaling": {"groups": [group("web", 1), group("miners", 2, CreatedTime=since)]},
            "lambda": {"functions": [{"FunctionName": "orders", "Role": "worker", "Runtime": "python3.12",
                                      "Handler": "index.handler"}]},
            "guardduty": {"DetectorId": DETECTOR, "findings": [{"Id": FINDING}]},
            "cloudtrail": {"events": list(self.trail())},
        }

    def write_drill(self, folder, playbook):
        folder = pathlib.Path(folder)
        (folder / "finding.json").write_text(json.dumps(self.finding()))
        (folder / "account.lua").write_text("return " + lua(self.account()) + "\n")
        (folder / "drill.lua").write_text("return " + lua({
            "name": "the emulator's campaign", "about": "The account that the end-to-end test builds.",
            "account": "account.lua", "start": iso(self.began + 600), "mode": "enforce",
            "playbooks": [str(riposte.SOURCE / playbook)], "events": ["finding.json"], "expect": {"untouched": False}}) + "\n")
        return folder
