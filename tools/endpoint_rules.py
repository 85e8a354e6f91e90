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
FAMILIES = [("plain", False, False), ("fips", True, False), ("dual", False, True), ("both", True, True)]


def loader_of(folder=None):
    return botocore.loaders.Loader(extra_search_paths=[folder] if folder else [], include_default_search_paths=not folder)


def resolve(provider, rules, region, fips, dual):
    """(host and path, signing region); ("", region) where there is none."""
    given = {"Region": region, "UseFIPS": fips, "UseDualStack": dual, "AccountId": ACCOUNT, "RequiresAccountId": True}
    params = {name: given.get(name, rule.get("default")) for name, rule in rules["parameters"].items()}
    try:
        endpoint = provider.resolve_endpoint(**{name: value for name, value in params.items() if value is not None})
    except botocore.exceptions.EndpointProviderError:
        return "", region
    signing = [scheme.get("signingRegion") for scheme in endpoint.properties.get("authSchemes", [])
               if scheme["name"] == "sigv4"]
    return endpoint.url.removeprefix("https://").removeprefix(ACCOUNT + ".").rstrip("/"), (signing or [None])[0] or region


def spellings(host, signing, region, partition):
    """All (name, signing region or None) that tell this endpoint: with what varies taken out, or left in."""
    names = {host}
    for word, suffix in (("{dual}", partition["dualStackDnsSuffix"]), ("{suffix}", partition["dnsSuffix"])):
        if host.endswith("." + suffix):
            names = {host.removesuffix(suffix) + word}
            break
    names |= {".".join("{region}" if label == region else label for label in name.split(".")) for name in names}
    return {(name, each) for name in names for each in ({signing, None} if signing == region else {signing})}


def most_common(choices):
    """The spelling that serves the most; of those, the one that holds the least of its own."""
    counts = collections.Counter(choice for each in choices for choice in each)
    return max(counts, key=lambda choice: (counts[choice], choice[1] is None, choice[0].count("{"), choice[0])) if counts else None


def rows_of_family(prefix, provider, rules, partitions, family, fips, dual):
    common = (f"{prefix}{'-fips' if fips else ''}.{{region}}.{'{dual}' if dual else '{suffix}'}", None)
    found = {}
    for partition in partitions:
        for region in partition["regions"]:
            if not region.endswith("-global"):
                host, signing = resolve(provider, rules, region, fips, dual)
                found[partition["id"], region] = spellings(host, signing, region, partition["outputs"])
    each = {}
    for partition in partitions:
        choices = [spelt for (name, _), spelt in found.items() if name == partition["id"]]
        each[partition["id"]] = common if all(common in spelt for spelt in choices) else most_common(choices)
    general = most_common([{row} for row in each.values()])
    if list(each.values()).count(general) < 3:
        general = common
    regions = [[region, *row_of(most_common([spelt]))] for (name, region), spelt in found.items() if each[name] not in spelt]
    own = [[name, *row_of(row)] for name, row in each.items() if row != general]
    return regions + own + ([["", *row_of(general)]] if general != common else [])


def row_of(choice):
    return [choice[0]] if choice[1] is None else list(choice)


def rows_of(service, prefix, loader):
    """{"plain": [[place, host, signing region?], …], …}, without what is of the common form; None: AWS publishes no rules."""
    try:
        rules = loader.load_service_model(service, "endpoint-rule-set-1")
    except botocore.exceptions.UnknownServiceError:
        return None
    names = loader.load_data("partitions")
    provider = EndpointProvider(rules, names)
    partitions = [{**each, "regions": sorted(each["regions"])} for each in names["partitions"]]
    rows = {family: rows_of_family(prefix, provider, rules, partitions, family, fips, dual) for family, fips, dual in FAMILIES}
    return {family: found for family, found in rows.items() if found} or None
