"""Where calls go: the models' endpoint rules as the program reads them, with botocore as the witness."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import riposte

try:
    import botocore.model
    sys.path.insert(0, str(riposte.SOURCE / "tools"))
    import endpoint_rules
except ImportError:
    botocore = None

PROGRAM = os.environ.get("PRINT_ENDPOINTS", str(riposte.SOURCE / "build/release/tests/e2e/print_endpoints"))
SHIPPED = sorted(path.stem for path in (riposte.SOURCE / "aws/model").glob("*.model"))
REGIONS = ["us-east-1", "us-west-2", "ca-west-1", "eu-west-1", "eu-south-2", "ap-southeast-5", "sa-east-1", "me-central-1",
           "cn-north-1", "cn-northwest-1", "us-gov-east-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1",
           "us-isof-south-1", "eusc-de-east-1"]
FEW_REGIONS = ["us-east-1", "eu-west-1", "us-gov-west-1"]


@unittest.skipIf(botocore is None, "botocore is not here")
class Endpoints(unittest.TestCase):
    def printed(self, folder, pairs, fips, dual):
        env = riposte.environment(AWS_USE_FIPS_ENDPOINT=str(fips).lower(), AWS_USE_DUALSTACK_ENDPOINT=str(dual).lower())
        text = "".join(f"{service} {region}\n" for service, region in pairs)
        done = subprocess.run([PROGRAM, str(folder)], input=text, env=env, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def expect_as_botocore(self, folder, services, regions):
        loader = endpoint_rules.loader_of()
        pairs = [(service, region) for service in services for region in regions]
        rules = {service: endpoint_rules.Rules(service, loader.load_service_model(service, "service-2")["metadata"], loader)
                 for service in services}
        partition_of = {region: each["id"] for each in loader.load_data("partitions")["partitions"] for region in each["regions"]}
        for family, fips, dual in endpoint_rules.FAMILIES:
            printed = self.printed(folder, pairs, fips, dual)
            self.assertEqual(len(printed), len(pairs))
            different = []
            for (service, region), line in zip(pairs, printed):
                host, signing, _ = rules[service].resolve(partition_of[region], region, fips, dual)
                expected = f"{host} {signing}" if host else "none"
                if line != expected:
                    different.append(f"{service} {region} {family}: {line}, botocore: {expected}")
            self.assertEqual(different, [])
        return 4 * len(pairs)

    def test_shipped_services_in_every_partition(self):
        count = self.expect_as_botocore(riposte.SOURCE / "aws/model", SHIPPED, REGIONS)
        print(f"{count} endpoints of {len(SHIPPED)} services", file=sys.stderr)

    def test_every_service_that_aws_publishes(self):
        services = endpoint_rules.loader_of().list_available_services("service-2")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, riposte.SOURCE / "tools/import-models", "--to", folder, *services], check=True,
                           stdout=subprocess.DEVNULL, timeout=250)
            self.assertEqual(len(list(pathlib.Path(folder).glob("*.model"))), len(services))
            count = self.expect_as_botocore(folder, services, FEW_REGIONS)
        print(f"{count} endpoints of {len(services)} services", file=sys.stderr)


if __name__ == "__main__":
    riposte.main()
