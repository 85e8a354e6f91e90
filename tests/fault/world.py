"""A small world of AWS resources, that changes as AWS's does and remembers every effect on it.

What a request may do to it: `call` gives the reply's members, or raises Refused. Requests that carry the same client
token get the same answer, and have one effect.
"""

import datetime
import json


class Refused(Exception):
    """AWS's own error."""

    def __init__(self, code, message, status=400):
        super().__init__(code, message)
        self.code, self.message, self.status = code, message, status


# How operations that change something may be repeated. What is in neither set may be made once for each intention.
IDEMPOTENT = {"CreateTags", "DeleteTags", "CreateCluster", "UpdateService", "PutUserPolicy", "DeregisterTaskDefinition"}
TAKES_AWAY = {"DeleteCluster", "DeleteService", "DeleteUser", "DeleteSnapshot"}
BY_TOKEN = {"RunTask", "CreateVolume", "CreateService"}

ACCOUNT = "123456789012"
SERVICES_A_CLUSTER = 10
SERVICES_A_PAGE = 4


def arn(service, what):
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{what}"


def flat_list(params, name):
    """The query protocols' lists: Name.1, Name.2 …"""
    found, i = [], 1
    while f"{name}.{i}" in params:
        found.append(params[f"{name}.{i}"])
        i += 1
    return found


def tag_of(params, prefix, key):
    for i in range(1, 51):
        if params.get(f"{prefix}.{i}.Key") == key:
            return params.get(f"{prefix}.{i}.Value", "")
    return None


def filter_values(params, name):
    for i in range(1, 21):
        if params.get(f"Filter.{i}.Name") == name:
            return flat_list(params, f"Filter.{i}.Value")
    return None


def names_in(params):
    """What a change's parameters name, as World.state calls it."""
    return {f"{params.get('cluster')}/{params.get('service')}", params.get("UserName"), *params.get("Resources", [])}


def without(state, names):
    """A World.state but for what is named so."""
    def rest(kind):
        if isinstance(kind, dict):
            return {name: what for name, what in kind.items() if name not in names}
        return [name for name in kind if name not in names] if isinstance(kind, list) else kind
    return {kind: rest(what) for kind, what in state.items()}


class World:
    def __init__(self, clock, log):
        self.clock, self.log = clock, log  # seconds since the epoch; a file of JSON lines
        self.effects = []  # every change that was asked for and not refused before it was looked at
        self.unknown = set()
        self.forbids = None  # fun(operation, params as text): why such a change may not be made now, or None
        self.answers = {}  # by client token
        self.clusters, self.services, self.definitions, self.tasks = {}, {}, {}, []
        self.created = {}  # when a service was, that was not there from the beginning
        self.tags, self.snapshots, self.addresses, self.volumes = {}, [], [], []
        self.users, self.policies = {}, {}
        self.made = 0

    def number(self):
        self.made += 1
        return f"{self.made:08x}"

    def iso(self, seconds):
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"

    def call(self, service, operation, params):
        """The reply's members. Every change goes into `effects`: what was asked for, and whether it did anything."""
        of = getattr(self, f"{service}_{operation}", None)
        if not of:
            self.unknown.add(f"{service}:{operation}")
            raise Refused("InvalidAction", f"this world has no {service}:{operation}")
        if operation.startswith(("Describe", "List", "Get")):
            return of(params)
        token = params.get("clientToken") or params.get("ClientToken")
        wanted = {k: v for k, v in params.items() if k not in ("clientToken", "ClientToken", "Action", "Version")}
        effect = {"operation": operation, "params": json.dumps(wanted, sort_keys=True), "token": token, "changed": False}
        effect["forbidden"] = self.forbids and self.forbids(operation, effect["params"])
        self.effects.append(effect)
        try:
            if token in self.answers:
                return self.answers[token]
            result = of(params)
            effect["changed"] = result.pop("changed", True)
            if token:
                self.answers[token] = result
            return result
        except Refused as refusal:
            effect["refused"] = refusal.code
            raise
        finally:
            self.log.write(json.dumps(effect) + "\n")

    def state(self):
        """What there is, as far as an undo brings it back: a definition comes back as the next revision."""
        return {
            "services": dict(self.services), "users": sorted(self.users), "snapshots": len(self.snapshots),
            "tags": {resource: dict(tags) for resource, tags in self.tags.items() if tags},
            "definitions": sorted(family for family, revisions in self.definitions.items()
                                  for each in revisions if each["status"] == "ACTIVE"),
        }

    def sts_GetCallerIdentity(self, _):
        return {"Account": ACCOUNT, "UserId": "AIDAENGINE", "Arn": arn("iam", "user/engine")}

    # ECS

    def cluster_of(self, name):
        name = name.rsplit("/", 1)[-1]
        if name.startswith("shop-") and name not in self.clusters:  # found, not made: a cluster with services in it
            self.clusters[name] = "ACTIVE"
            for i in range(1, SERVICES_A_CLUSTER + 1):
                self.services[f"{name}/web-{i}"] = 3
        if self.clusters.get(name) != "ACTIVE":
            raise Refused("ClusterNotFoundException", "Cluster not found.")
        return name

    def cluster_told(self, name):
        return {"clusterName": name, "clusterArn": arn("ecs", f"cluster/{name}"), "status": self.clusters[name]}

    def ecs_CreateCluster(self, p):
        name = p["clusterName"]
        changed = self.clusters.get(name) != "ACTIVE"
        self.clusters[name] = "ACTIVE"
        return {"cluster": self.cluster_told(name), "changed": changed}

    def ecs_DeleteCluster(self, p):
        name = p["cluster"].rsplit("/", 1)[-1]
        if name not in self.clusters:
            raise Refused("ClusterNotFoundException", "Cluster not found.")
        changed = self.clusters[name] == "ACTIVE"
        self.clusters[name] = "INACTIVE"
        return {"cluster": self.cluster_told(name), "changed": changed}

    def ecs_DescribeClusters(self, p):
        names = [each.rsplit("/", 1)[-1] for each in p["clusters"]]
        return {"clusters": [self.cluster_told(name) for name in names if name in self.clusters], "failures": []}

    def service_of(self, p):
        key = f"{self.cluster_of(p['cluster'])}/{p['service'].rsplit('/', 1)[-1]}"
        if key not in self.services:
            raise Refused("ServiceNotFoundException", "Service not found.")
        return key

    def service_told(self, key):
        cluster, name = key.split("/")
        return {"serviceName": name, "serviceArn": arn("ecs", f"service/{key}"), "clusterArn": arn("ecs", f"cluster/{cluster}"),
                "createdAt": self.created.get(key, 0), "status": "ACTIVE", "desiredCount": self.services[key], "runningCount": self.services[key],
                "taskDefinition": arn("ecs", "task-definition/web:1"), "launchType": "EC2"}

    def ecs_ListServices(self, p):
        prefix = self.cluster_of(p["cluster"]) + "/"
        names = sorted(key for key in self.services if key.startswith(prefix) and key > p.get("nextToken", ""))
        reply = {"serviceArns": [arn("ecs", f"service/{key}") for key in names[:SERVICES_A_PAGE]]}
        if len(names) > SERVICES_A_PAGE:
            reply["nextToken"] = names[SERVICES_A_PAGE - 1]
        return reply

    def ecs_DescribeServices(self, p):
        cluster = self.cluster_of(p["cluster"])
        keys = [f"{cluster}/{each.rsplit('/', 1)[-1]}" for each in p["services"]]
        return {"services": [self.service_told(key) for key in keys if key in self.services], "failures": []}

    def ecs_UpdateService(self, p):
        key = self.service_of(p)
        changed = self.services[key] != p["desiredCount"]
        self.services[key] = p["desiredCount"]
        return {"service": self.service_told(key), "changed": changed}

    def ecs_DeleteService(self, p):
        key = self.service_of(p)
        told = self.service_told(key)
        del self.services[key]
        return {"service": told}

    def ecs_CreateService(self, p):
        key = f"{self.cluster_of(p['cluster'])}/{p['serviceName']}"
        if key in self.services:
            raise Refused("InvalidParameterException", "Creation of service was not idempotent.")
        self.services[key], self.created[key] = p["desiredCount"], self.clock()
        return {"service": self.service_told(key)}

    def ecs_RegisterTaskDefinition(self, p):
        revisions = self.definitions.setdefault(p["family"], [])
        revisions.append({k: v for k, v in p.items() if k != "tags"} | {
            "revision": len(revisions) + 1, "status": "ACTIVE", "registeredAt": self.clock(),
            "taskDefinitionArn": arn("ecs", f"task-definition/{p['family']}:{len(revisions) + 1}")})
        return {"taskDefinition": revisions[-1]}

    def ecs_DescribeTaskDefinition(self, p):
        return {"taskDefinition": self.definition_of(p["taskDefinition"]), "tags": []}

    def definition_of(self, name):
        """A family's revision, or its latest that is active."""
        family, _, revision = name.rsplit("/", 1)[-1].partition(":")
        found = [each for each in self.definitions.get(family, [])
                 if (str(each["revision"]) == revision if revision else each["status"] == "ACTIVE")]
        if not found:
            raise Refused("ClientException", "Unable to describe task definition.")
        return found[-1]

    def ecs_DeregisterTaskDefinition(self, p):
        definition = self.definition_of(p["taskDefinition"])
        changed = definition["status"] == "ACTIVE"
        definition["status"] = "INACTIVE"
        return {"taskDefinition": definition, "changed": changed}

    def task_told(self, task):
        return {"taskArn": task["arn"], "startedBy": task["by"], "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
                "clusterArn": arn("ecs", "cluster/main")}

    def ecs_RunTask(self, p):
        self.tasks.append({"arn": arn("ecs", f"task/main/{self.number()}"), "by": p["startedBy"]})
        return {"tasks": [self.task_told(self.tasks[-1])], "failures": []}

    # EC2

    def ec2_CreateTags(self, p):
        changed = False
        for resource in flat_list(p, "ResourceId"):
            of = self.tags.setdefault(resource, {})
            for i in range(1, 51):
                key = p.get(f"Tag.{i}.Key")
                if key is not None and of.get(key) != p.get(f"Tag.{i}.Value", ""):
                    of[key], changed = p.get(f"Tag.{i}.Value", ""), True
        return {"return": "true", "changed": changed}

    def ec2_DeleteTags(self, p):
        changed = False
        for resource in flat_list(p, "ResourceId"):
            for i in range(1, 51):
                changed = self.tags.get(resource, {}).pop(p.get(f"Tag.{i}.Key"), None) is not None or changed
        return {"return": "true", "changed": changed}

    def ec2_DescribeTags(self, p):
        resources, keys = filter_values(p, "resource-id") or [], filter_values(p, "key")
        found = [{"resourceId": resource, "resourceType": "instance", "key": key, "value": value} for resource in resources
                 for key, value in self.tags.get(resource, {}).items() if keys is None or key in keys]
        return {"tagSet": found}

    def ec2_CreateSnapshot(self, p):
        snapshot = {"snapshotId": f"snap-{self.number()}", "volumeId": p["VolumeId"], "description": p.get("Description", ""),
                    "startTime": self.iso(self.clock()), "status": "pending"}
        self.snapshots.append(snapshot)
        return dict(snapshot)

    def ec2_DescribeSnapshots(self, p):
        descriptions, volumes = filter_values(p, "description"), filter_values(p, "volume-id")
        ids = flat_list(p, "SnapshotId")
        found = [each for each in self.snapshots if (descriptions is None or each["description"] in descriptions)
                 and (volumes is None or each["volumeId"] in volumes) and (not ids or each["snapshotId"] in ids)]
        if ids and not found:
            raise Refused("InvalidSnapshot.NotFound", "There is no such snapshot.")
        return {"snapshotSet": found}

    def ec2_DeleteSnapshot(self, p):
        kept = [each for each in self.snapshots if each["snapshotId"] != p["SnapshotId"]]
        if len(kept) == len(self.snapshots):
            raise Refused("InvalidSnapshot.NotFound", "There is no such snapshot.")
        self.snapshots = kept
        return {"return": "true"}

    def ec2_AllocateAddress(self, p):
        self.addresses.append({"allocationId": f"eipalloc-{self.number()}", "publicIp": "192.0.2.1",
                               "tagSet": [{"key": "finding", "value": tag_of(p, "TagSpecification.1.Tag", "finding")}]})
        return {k: v for k, v in self.addresses[-1].items() if k != "tagSet"}

    def ec2_DescribeAddresses(self, p):
        values = filter_values(p, "tag:finding")
        return {"addressesSet": [each for each in self.addresses if values is None or each["tagSet"][0]["value"] in values]}

    def ec2_CreateVolume(self, p):
        self.volumes.append({"volumeId": f"vol-{self.number()}", "size": p["Size"], "status": "available",
                             "tagSet": [{"key": "finding", "value": tag_of(p, "TagSpecification.1.Tag", "finding")}]})
        return dict(self.volumes[-1])

    # IAM

    def user_told(self, name):
        return {"UserName": name, "UserId": f"AIDA{name.upper()}", "Arn": arn("iam", f"user/{name}"), "Path": "/",
                "CreateDate": self.iso(self.users[name])}

    def iam_CreateUser(self, p):
        if p["UserName"] in self.users:
            raise Refused("EntityAlreadyExists", "The user is there already.", 409)
        self.users[p["UserName"]] = self.clock()
        return {"User": self.user_told(p["UserName"])}

    def iam_GetUser(self, p):
        if p["UserName"] not in self.users:
            raise Refused("NoSuchEntity", "There is no such user.", 404)
        return {"User": self.user_told(p["UserName"])}

    def iam_DeleteUser(self, p):
        if self.users.pop(p["UserName"], None) is None:
            raise Refused("NoSuchEntity", "There is no such user.", 404)
        return {}

    def iam_PutUserPolicy(self, p):
        key = (p["UserName"], p["PolicyName"])
        changed = self.policies.get(key) != p["PolicyDocument"]
        self.policies[key] = p["PolicyDocument"]
        return {"changed": changed}

    def iam_GetUserPolicy(self, p):
        if (p["UserName"], p["PolicyName"]) not in self.policies:
            raise Refused("NoSuchEntity", "There is no such policy.", 404)
        return {"UserName": p["UserName"], "PolicyName": p["PolicyName"],
                "PolicyDocument": self.policies[p["UserName"], p["PolicyName"]]}
