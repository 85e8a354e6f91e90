"""AWS's published endpoint rules as rows: the names that are not PREFIX[-fips].REGION.SUFFIX (aws_service_endpoint_rules
in aws/model.h has the form).

The rules are a program (endpoint-rule-set-1.json). botocore runs it for every region of every partition, with and without
FIPS and dual-stack; what comes out is told by the fewest rows: one for all partitions, one for each that differs, one for
each region that differs from its partition.
"""

import collections

import botocore.exceptions
import botocore.loaders
from botocore.endpoint_provider import EndpointProvider

ACCOUNT = "123456789012"  # in the host's name of s3control
BUCKET = "amzn-s3-demo-bucket"  # in the host's name of s3
FAMILIES = [("plain", False, False), ("fips", True, False), ("dual", False, True), ("both", True, True)]


def loader_of(folder=None):
    return botocore.loaders.Loader(extra_search_paths=[folder] if folder else [], include_default_search_paths=not folder)


def resolve(provider, rules, region, fips, dual, context=None):
    """(host and path, signing region, signing name or None); ("", region, None) where there is none. `context`: what an
    operation says of itself."""
    given = {"Region": region, "UseFIPS": fips, "UseDualStack": dual, "AccountId": ACCOUNT, "RequiresAccountId": True} | (context or {})
    params = {name: given.get(name, rule.get("default")) for name, rule in rules["parameters"].items()}
    try:
        endpoint = provider.resolve_endpoint(**{name: value for name, value in params.items() if value is not None})
    except botocore.exceptions.EndpointProviderError:
        return "", region, None
    schemes = [scheme for scheme in endpoint.properties.get("authSchemes", []) if scheme["name"] in ("sigv4", "sigv4-s3express")]
    scheme = (schemes or [{}])[0]
    host = endpoint.url.removeprefix("https://").removeprefix(ACCOUNT + ".").removeprefix(BUCKET + ".").rstrip("/")
    return host, scheme.get("signingRegion") or region, scheme.get("signingName")


def spellings(host, signing, service, region, partition):
    """All (name, signing region or None, signing name or None) that tell this endpoint: with what varies taken out, or left
    in."""
    names = {host}
    for word, suffix in (("{dual}", partition["dualStackDnsSuffix"]), ("{suffix}", partition["dnsSuffix"])):
        if host.endswith("." + suffix):
            names = {host.removesuffix(suffix) + word}
            break
    names |= {".".join("{region}" if label == region else label for label in name.split(".")) for name in names}
    return {(name, each, service) for name in names for each in ({signing, None} if signing == region else {signing})}


def most_common(choices):
    """The spelling that serves the most; of those, the one that holds the least of its own."""
    counts = collections.Counter(choice for each in choices for choice in each)
    return max(counts, key=lambda choice: (counts[choice], choice[1] is None, choice[0].count("{"), choice[0]))


def one_places(prefix, loader):
    """{partition: region}: where calls of a service that has one place in a partition are signed for. The rules do not tell
    of all of them."""
    found = {}
    for partition in loader.load_data("endpoints")["partitions"]:
        service = partition["services"].get(prefix, {})
        if service.get("isRegionalized", True) is False:
            place = service["endpoints"].get(service.get("partitionEndpoint"), {})
            found[partition["partition"]] = place.get("credentialScope", {}).get("region")
    return found


def row_of(choice):
    row = list(choice)
    while row[-1] is None:
        row.pop()
    return row


def context_of(operation, shapes):
    """What the rules ask of an operation: its own constants, and that it names a bucket."""
    context = {name: each["value"] for name, each in operation.get("staticContextParams", {}).items()}
    members = shapes[operation["input"]["shape"]].get("members", {}) if "input" in operation else {}
    if any(member.get("contextParam", {}).get("name") == "Bucket" for member in members.values()):
        context["Bucket"] = BUCKET
    return context


class Rules:
    """The rules of one service; `exist` is false where AWS publishes none."""

    def __init__(self, service, metadata, loader):
        self.prefix, self.exist = metadata["endpointPrefix"], True
        self.signing_name = metadata.get("signingName", self.prefix)
        try:
            self.rules = loader.load_service_model(service, "endpoint-rule-set-1")
        except botocore.exceptions.UnknownServiceError:
            self.exist = False
            return
        names = loader.load_data("partitions")
        self.one_place = one_places(self.prefix, loader)
        self.provider = EndpointProvider(self.rules, names)
        self.partitions = [{**each, "regions": sorted(each["regions"])} for each in names["partitions"]]
        self.known = {}

    def resolve(self, partition, region, fips, dual, context=None):
        """As resolve, and where the rules do not name a signing region, the partition's one place."""
        host, signing, service = resolve(self.provider, self.rules, region, fips, dual, context)
        return host, self.one_place.get(partition) or signing if signing == region else signing, service

    def rows_of_family(self, fips, dual, context):
        prefix, found, each = self.prefix, {}, {}
        common = (f"{prefix}{'-fips' if fips else ''}.{{region}}.{'{dual}' if dual else '{suffix}'}", None, None)
        for partition in self.partitions:
            for region in partition["regions"]:
                if not region.endswith("-global"):
                    host, signing, service = self.resolve(partition["id"], region, fips, dual, context)
                    other = service if service != self.signing_name else None
                    found[partition["id"], region] = spellings(host, signing, other, region, partition["outputs"])
            choices = [spelt for (name, _), spelt in found.items() if name == partition["id"]]
            each[partition["id"]] = common if all(common in spelt for spelt in choices) else most_common(choices)
        general = most_common([{row} for row in each.values()])
        if list(each.values()).count(general) < 3:
            general = common
        regions = [[region, *row_of(most_common([spelt]))] for (name, region), spelt in found.items() if each[name] not in spelt]
        own = [[name, *row_of(row)] for name, row in each.items() if row != general]
        return regions + own + ([["", *row_of(general)]] if general != common else [])

    def rows(self, context=None):
        """{"plain": [[place, host, signing region?, signing name?], …], …}, without what is of the common form; {}: all is."""
        if not self.exist:
            return {}
        key = str(sorted((context or {}).items()))
        if key not in self.known:
            rows = {family: self.rows_of_family(fips, dual, context)
                    for family, fips, dual in FAMILIES}
            self.known[key] = {family: found for family, found in rows.items() if found}
        return self.known[key]
