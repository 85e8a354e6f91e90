"""Random parameters for any operation, as botocore takes them and as Riposte does."""

import base64
import datetime
import string

TEXT = string.ascii_letters + string.digits + "-_.~ /+&=%:<>\"'é"
PLAIN = string.ascii_lowercase + string.digits
DEPTH_MOST = 4
REGIONS, REGION = ("SourceRegion", "DestinationRegion"), "eu-west-1"


class Values:
    """Parameters by the model's shapes: all required members, and of the others each with a chance of one in two."""

    def __init__(self, random):
        self.random = random

    def text(self, shape, plain):
        if shape.enum:
            return self.random.choice(shape.enum)
        least = shape.metadata.get("min", 1)
        length = min(max(least, self.random.randint(1, 12)), shape.metadata.get("max", 100))
        alphabet = PLAIN if plain else TEXT
        return "x" + "".join(self.random.choice(alphabet) for _ in range(length - 1))

    def number(self, shape):
        least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 1000)
        return self.random.randint(int(least), max(int(least), min(int(most), int(least) + 10**6)))

    def structure(self, shape, depth):
        members = dict(shape.members)
        if getattr(shape, "is_tagged_union", False):
            name = self.random.choice(sorted(members))
            members = {name: members[name]}
        found = {}
        for name, member in members.items():
            wanted = name in shape.required_members or member.metadata.get("idempotencyToken") or getattr(shape, "is_tagged_union", False)
            if wanted or (depth < DEPTH_MOST and self.random.random() < 0.5):
                found[name] = REGION if name in REGIONS else self.value(member, depth + 1)
        return found

    def value(self, shape, depth, plain=False):
        kind = shape.type_name
        if getattr(shape, "is_document_type", False):
            return {"a": [1, "b", True]}
        if kind == "structure":
            return self.structure(shape, depth)
        if kind == "list":
            least = shape.metadata.get("min", 0)
            count = max(least, self.random.randint(1, 2) if depth < DEPTH_MOST else least)
            return [self.value(shape.member, depth + 1) for _ in range(min(count, 3) if least <= 3 else least)]
        if kind == "map":
            count = max(shape.metadata.get("min", 0), self.random.randint(1, 2) if depth < DEPTH_MOST else 0)
            return {self.text(shape.key, True): self.value(shape.value, depth + 1) for _ in range(count)}
        if kind in ("string", "character"):
            return self.text(shape, plain or shape.serialization.get("location") in ("header", "headers"))
        if kind in ("integer", "long"):
            return self.number(shape)
        if kind in ("float", "double"):
            return self.number(shape) + 0.5 if shape.metadata.get("max", 10) > 1 else 0.5
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind == "timestamp":
            return datetime.datetime.fromtimestamp(self.random.randint(0, 2 * 10**9), datetime.timezone.utc)
        if kind == "blob":
            return bytes(self.random.randrange(256) for _ in range(self.random.randint(1, 20)))
        raise AssertionError(kind)


def as_ours(value):
    """Blobs as base64, times as RFC 3339."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dict):
        return {key: as_ours(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_ours(each) for each in value]
    return value
