"""What of an account is compared, from the emulator and from a drill's final state, in one form: kind -> name -> facts.

Ids that AWS chooses are left out, and so is what the emulator does not do: it runs no tasks for a service.
"""


def of_emulator(emulator):
    ec2, ecs, iam, autoscaling = map(emulator.client, ("ec2", "ecs", "iam", "autoscaling"))
    state = {kind: {} for kind in ("clusters", "services", "definitions", "instances", "groups", "users", "keys", "roles",
                                   "functions")}
    for arn in ecs.list_clusters()["clusterArns"]:
        cluster = ecs.describe_clusters(clusters=[arn])["clusters"][0]
        if cluster["status"] != "ACTIVE":  # the emulator keeps listing deleted ones
            continue
        state["clusters"][cluster["clusterName"]] = True
        arns = ecs.list_services(cluster=arn)["serviceArns"]
        for service in ecs.describe_services(cluster=arn, services=arns)["services"] if arns else []:
            if service["status"] == "ACTIVE":
                add_service(state, service)
    for arn in ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"]:
        add_definition(state, ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"])
    for page in ec2.get_paginator("describe_instances").paginate():
        for instance in (i for r in page["Reservations"] for i in r["Instances"]):
            if instance["State"]["Name"] not in ("terminated", "shutting-down"):
                protected = ec2.describe_instance_attribute(InstanceId=instance["InstanceId"],
                                                            Attribute="disableApiTermination")
                add_instance(state, instance, protected["DisableApiTermination"].get("Value", False))
    for group in autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]:
        add_group(state, group)
    for user in iam.list_users()["Users"]:
        name = user["UserName"]
        attached = [p["PolicyArn"] for p in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]]
        state["users"][name] = (sorted(attached), sorted(iam.list_user_policies(UserName=name)["PolicyNames"]))
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            state["keys"][key["AccessKeyId"]] = key["Status"]
    for role in iam.list_roles()["Roles"]:
        if not role["Path"].startswith("/aws-service-role/"):
            state["roles"][role["RoleName"]] = sorted(iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"])
    for function in emulator.client("lambda").list_functions()["Functions"]:
        state["functions"][function["FunctionName"]] = True
    return state


def of_drill(snapshot):
    """From `riposte drill --state`: ARN -> fields."""
    state = {kind: {} for kind in ("clusters", "services", "definitions", "instances", "groups", "users", "keys", "roles",
                                   "functions")}
    for arn, fields in snapshot.items():
        _, _, _, _, _, name = arn.split(":", 5)
        if ":ecs:" in arn and name.startswith("cluster/"):
            state["clusters"][fields["clusterName"]] = True
        elif ":ecs:" in arn and name.startswith("service/"):
            add_service(state, fields)
        elif ":ecs:" in arn and name.startswith("task-definition/") and fields["status"] == "ACTIVE":
            add_definition(state, fields)
        elif ":ec2:" in arn and name.startswith("instance/"):
            add_instance(state, fields, fields["DisableApiTermination"])
        elif ":autoscaling:" in arn and ":autoScalingGroupName/" in name:
            add_group(state, fields)
        elif ":iam:" in arn and "/access-key/" in name:
            state["keys"][fields["AccessKeyId"]] = fields["Status"]
        elif ":iam:" in arn and name.startswith("user/") and "UserName" in fields and name.count("/") == 1:
            state["users"][fields["UserName"]] = (attached(fields), inline(fields, "UserPolicyList"))
        elif ":iam:" in arn and name.startswith("role/") and not name.startswith("role/aws-service-role/"):
            state["roles"][fields["RoleName"]] = inline(fields, "RolePolicyList")
        elif ":lambda:" in arn and name.startswith("function:") and not name.endswith("/url"):
            state["functions"][fields["FunctionName"]] = True
    return state


def attached(fields):
    policies = fields.get("AttachedManagedPolicies") or []
    return sorted(p["PolicyArn"] if isinstance(p, dict) else p for p in policies)


def inline(fields, name):
    return sorted(p["PolicyName"] for p in fields.get(name) or fields.get("RolePolicyList") or [])


def add_service(state, service):
    cluster = service["clusterArn"].rsplit("/", 1)[1]
    definition = service["taskDefinition"].rsplit("/", 1)[1]
    state["services"][f"{cluster}/{service['serviceName']}"] = (definition, service["desiredCount"])


def add_definition(state, definition):
    images = [c["image"] for c in definition["containerDefinitions"]]
    state["definitions"][f"{definition['family']}:{definition['revision']}"] = (images, definition.get("pidMode"))


def add_instance(state, instance, protected):
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    name = tags.get("Name") or "of " + tags.get("aws:autoscaling:groupName", "nobody")
    state["instances"].setdefault(name, []).append((instance["InstanceType"], protected))


def add_group(state, group):
    state["groups"][group["AutoScalingGroupName"]] = (group["MinSize"], group["MaxSize"], group["DesiredCapacity"])
