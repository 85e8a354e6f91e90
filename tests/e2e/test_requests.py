"""What is sent: the request of every operation for random parameters, with botocore as the witness.

Compared are method, host, path, query, headers and body; bodies by meaning. RIPOSTE_ALL_SERVICES=1 takes all services that
botocore knows, RIPOSTE_SEED another seed, RIPOSTE_ROUNDS more parameters for each operation.
"""

import base64
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import xml.etree.ElementTree
import zlib

import riposte

try:
    import boto3
    import botocore.awsrequest
    import botocore.config
    from botocore_values import Values, as_ours
except ImportError:
    boto3 = None

PROGRAM = os.environ.get("PRINT_REQUESTS", str(riposte.SOURCE / "build/release/tests/e2e/print_requests"))
MODELS = riposte.SOURCE / "aws/model"
REGION = "us-west-2"
SEED = int(os.environ.get("RIPOSTE_SEED", "20261201"))
ROUNDS = int(os.environ.get("RIPOSTE_ROUNDS", "1"))
# What is not as botocore's, and why.
OTHERWISE = {"s3:GetObjectAttributes": "a customer's key goes in base64, as S3 wants it; botocore sends it as it is",
             "s3:ListParts": "a customer's key goes in base64, as S3 wants it; botocore sends it as it is"}
# What chance seldom finds.
CHOSEN = [
    ("route53", "GetHostedZone", {"Id": "/hostedzone/Z1D633PJN98FT9"}),
    ("route53", "ListQueryLoggingConfigs", {"HostedZoneId": "/hostedzone/Z1D633PJN98FT9"}),
    ("route53", "CreateQueryLoggingConfig", {"HostedZoneId": "/hostedzone/Z1", "CloudWatchLogsLogGroupArn": "arn:aws:logs:::x"}),
    ("route53", "GetChange", {"Id": "/change/C2682N5HXP0BZ4"}),
    ("route53", "GetReusableDelegationSet", {"Id": "/delegationset/N1PA6795SAMPLE"}),
    ("ec2", "RunInstances", {"MinCount": 1, "MaxCount": 1, "ClientToken": "t", "UserData": "#!/bin/sh\necho é\n"}),
    ("autoscaling", "CreateLaunchConfiguration", {"LaunchConfigurationName": "x", "UserData": "#!/bin/sh\n"}),
    ("ec2", "CopySnapshot", {"SourceRegion": "eu-west-1", "SourceSnapshotId": "snap-1", "Description": "a & b"}),
    ("rds", "CopyDBSnapshot", {"SourceRegion": "eu-west-1", "SourceDBSnapshotIdentifier": "arn:aws:rds:eu-west-1:1:snapshot:s",
                               "TargetDBSnapshotIdentifier": "t"}),
    ("rds", "StartDBInstanceAutomatedBackupsReplication", {"SourceRegion": "eu-west-1", "SourceDBInstanceArn": "arn:aws:rds:x"}),
    ("s3", "CopyObject", {"Bucket": "abc", "Key": "k", "CopySource": "abc/a b/é+?versionId=null"}),
    ("s3", "GetObject", {"Bucket": "abc", "Key": "k", "SSECustomerAlgorithm": "AES256", "SSECustomerKey": "0" * 32}),
    ("s3", "PutObjectRetention", {"Bucket": "abc", "Key": "k", "Retention": {"Mode": "GOVERNANCE"}}),
    ("s3", "PutObject", {"Bucket": "abc", "Key": "k", "Body": b"data", "ChecksumAlgorithm": "SHA512"}),
    ("s3control", "CreateBucket", {"Bucket": "abc", "OutpostId": "op-01ac5d28a6a232904"}),
    ("apigateway", "GetRestApis", {}),
    ("sqs", "ListQueues", {}),
]
CHECKSUM = "behind the data"
# What differs from one sending to the next, or says who sends.
IGNORED = {"user-agent", "authorization", "x-amz-date", "amz-sdk-invocation-id", "amz-sdk-request", "content-length", "host",
           "x-amz-content-sha256", "expect", "x-amzn-trace-id", "x-amz-user-agent", "transfer-encoding", "date",
           "x-amz-checksum-mode"}  # the last asks for a checksum of the reply, which nobody here would look at


def xml_value(element):
    """An element by meaning: name, attributes, text, and its children in order."""
    children = [xml_value(child) for child in element]
    return element.tag, sorted(element.attrib.items()), (element.text or "") if not children else "", children


def presigned_value(url):
    """A presigned URL but for what the time of signing gives."""
    parts = urllib.parse.urlsplit(url)
    query = {name: value for name, value in urllib.parse.parse_qsl(parts.query, keep_blank_values=True)}
    if "X-Amz-Signature" not in query:
        return url
    scope = query.pop("X-Amz-Credential").split("/")
    del query["X-Amz-Date"], query["X-Amz-Signature"]
    return parts.netloc, parts.path, scope[0], scope[2:], sorted(query.items())


def form_value(body):
    pairs = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
    return sorted(((name, presigned_value(value) if name.lower() == "presignedurl" else value) for name, value in pairs), key=repr)


def body_value(body, kind):
    if not body:
        return None
    if "json" in kind:
        return json.loads(body)
    if "x-www-form-urlencoded" in kind:
        return form_value(body)
    try:
        return xml_value(xml.etree.ElementTree.fromstring(body))
    except xml.etree.ElementTree.ParseError:
        return body


def unchunked(body):
    """The data of a body in chunks with a trailer ("aws-chunked")."""
    data = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if length == 0:
            break
        data, body = data + body[:length], body[length + 2:]
    return data


def without_own_checksum(value, headers, body):
    """XML is compared by meaning: other bytes of the same meaning have another checksum, which must be theirs."""
    name = "x-amz-checksum-crc32"
    own = base64.b64encode(zlib.crc32(body or b"").to_bytes(4, "big")).decode()
    if dict(headers).get(name) == own:
        value["headers"][name] = "the body's"
    return value


def request_value(method, host, path, query, headers, body):
    named = {name.lower(): value for name, value in headers}
    if "x-amz-trailer" in named:  # botocore streams, and puts the checksum behind the data
        named[named.pop("x-amz-trailer")] = CHECKSUM
        del named["x-amz-decoded-content-length"]
        encoding = named.pop("content-encoding").removesuffix("aws-chunked").rstrip(",")
        if encoding:
            named["content-encoding"] = encoding
        body = unchunked(body)
    kind = named.pop("content-type", "")
    scope = named.get("authorization", "").partition(",")[0].split("/")[2:]  # region, service, "aws4_request"
    value = {
        "method": method,
        "host": host,
        "scope": scope,
        "path": urllib.parse.unquote(path),
        "query": sorted(urllib.parse.parse_qsl(query, keep_blank_values=True)),
        "headers": {name: value for name, value in named.items() if name not in IGNORED},
        "content-type": kind.split(";")[0],
        "body": body_value(body, kind),
    }
    return without_own_checksum(value, headers, body)


class Witness:
    """botocore, stopped where it would send."""

    def __init__(self, service):
        self.client = boto3.client(service, region_name=REGION, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret",
                                   config=botocore.config.Config(parameter_validation=False, retries={"max_attempts": 0}))
        self.client.meta.events.register("before-send", self.keep)
        self.sent = None

    def keep(self, request, **_):
        self.sent = request
        return botocore.awsrequest.AWSResponse(request.url, 500, {}, None)

    def request(self, method, params):
        self.sent = None
        try:
            getattr(self.client, method)(**params)
        except Exception:  # the answer is no answer
            pass
        if self.sent is None:
            return None
        url = urllib.parse.urlsplit(self.sent.url)
        body = self.sent.body
        if body is not None and hasattr(body, "read"):
            body = body.read()
        if isinstance(body, str):
            body = body.encode()
        text = [(name, value.decode() if isinstance(value, bytes) else str(value)) for name, value in self.sent.headers.items()]
        return request_value(self.sent.method, url.netloc, url.path, url.query, text, body)


@unittest.skipIf(boto3 is None, "boto3 is not here")
class Requests(unittest.TestCase):
    def chosen_cases(self, service):
        witness = Witness(service)
        methods = {name: method for method, name in witness.client.meta.method_to_api_mapping.items()}
        for _, operation, params in (each for each in CHOSEN if each[0] == service):
            yield {"service": service, "operation": operation, "region": REGION, "params": as_ours(params)}, \
                lambda method=methods[operation], params=params: witness.request(method, params)

    def random_cases(self, service, rng):
        witness = Witness(service)
        methods = witness.client.meta.method_to_api_mapping
        for method in sorted(methods):
            shape = witness.client.meta.service_model.operation_model(methods[method]).input_shape
            for _ in range(ROUNDS):
                params = Values(rng).structure(shape, 0) if shape else {}
                yield {"service": service, "operation": methods[method], "region": REGION, "params": as_ours(params)}, \
                    lambda method=method, params=params: witness.request(method, params)

    def printed(self, folder, asked):
        text = "".join(json.dumps(each) + "\n" for each in asked)
        done = subprocess.run([PROGRAM, str(folder)], input=text, env=riposte.environment(), capture_output=True, text=True,
                              timeout=250)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def compare(self, folder, cases):
        """How many were compared, and of those that are not as botocore's: the operation, and what differs."""
        count, different = 0, []
        for (asked, witness), found in zip(cases, self.printed(folder, [asked for asked, _ in cases])):
            name = f"{asked['service']}:{asked['operation']}"
            expected = witness()
            if expected is None or name in OTHERWISE:
                continue
            count += 1
            ours = found if "error" in found else request_value(found["method"], found["host"], found["path"], found["query"],
                                                                found["headers"], base64.b64decode(found["body"]))
            if expected["content-type"] == "":  # botocore leaves it to the server to see that it is XML or bytes
                expected["content-type"] = ours.get("content-type")
            for header in [header for header, value in expected["headers"].items() if value == CHECKSUM]:
                expected["headers"][header] = ours.get("headers", {}).get(header)
            if ours != expected:
                different.append((name, [f"{key}: {ours.get(key)!r}, botocore: {expected.get(key)!r}"
                                         for key in {**expected, **ours} if ours.get(key) != expected.get(key)]))
        return count, different

    def different(self, folder, services):
        rng = random.Random(SEED)
        count, different = 0, []
        for service in services:
            compared, found = self.compare(folder, list(self.random_cases(service, rng)))
            count, different = count + compared, different + found
        return count, different

    def test_what_the_sdks_do_to_parameters(self):
        for service in sorted({service for service, _, _ in CHOSEN}):
            with self.subTest(service):
                _, different = self.compare(MODELS, list(self.chosen_cases(service)))
                self.assertEqual([], different)

    def test_shipped_services(self):
        services = sorted(path.stem for path in MODELS.glob("*.model"))
        count, different = self.different(MODELS, services)
        self.report(count, different, len(services))

    @unittest.skipUnless(os.environ.get("RIPOSTE_ALL_SERVICES"), "RIPOSTE_ALL_SERVICES is not set")
    def test_all_services(self):
        services = boto3.session.Session().get_available_services()
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, riposte.SOURCE / "tools/import-models", "--to", folder, *services], check=True,
                           stdout=subprocess.DEVNULL)
            count, different = self.different(pathlib.Path(folder), services)
        self.report(count, different, len(services))

    def report(self, count, different, services):
        print(f"{count - len(different)} of {count} requests of {services} services are botocore's (seed {SEED})", file=sys.stderr)
        self.assertEqual([], [f"{name}: {'; '.join(parts)}"[:600] for name, parts in different])


if __name__ == "__main__":
    riposte.main()
