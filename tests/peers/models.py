"""Checks recorded requests and answers against the service models of botocore: `models.py FILE`.

FILE has one exchange a line, as JSON. Prints as JSON what was seen, and what the models do not allow: a request that
names an unknown member or breaks a constraint, an answer with a member that the model does not know, without one that it
requires, or of which botocore's own parser does not keep everything.
"""

import base64
import datetime
import functools
import json
import sys
import xml.etree.ElementTree as ElementTree
from urllib.parse import parse_qsl

import botocore.parsers
import botocore.session
import botocore.validate
import cbor2

# The services as signatures name them, and as botocore does.
SERVICES = {"monitoring": "cloudwatch"}
# Calls of RDS that no SDK has ("Reading log file contents using REST" in the RDS user guide).
IN_NO_MODEL = "/downloadCompleteLogFile/"
# Errors that any service may answer with ("Common errors" in the API references, and those of the gateways).
COMMON_ERRORS = {
    "AccessDenied", "AccessDeniedException", "AuthFailure", "ExpiredToken", "InternalFailure", "InvalidAction",
    "InvalidClientTokenId", "InvalidParameterCombination", "InvalidParameterValue", "MissingAuthenticationToken",
    "MissingParameter", "RequestExpired", "RequestLimitExceeded", "ServiceUnavailable", "SignatureDoesNotMatch",
    "Throttling", "UnauthorizedOperation", "ValidationError",
}
SCALARS = {"boolean", "integer", "long", "float", "double", "string", "timestamp", "blob", "character"}


class Findings:
    """What is wrong with one exchange."""

    def __init__(self, name):
        self.name, self.found = name, []

    def add(self, path, message):
        self.found.append(f"{self.name}: {path or 'the whole'}: {message}")


def scalar(shape, text):
    """The value of a scalar that is written as text."""
    if shape.type_name == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if shape.type_name in ("integer", "long"):
        return int(text) if text.lstrip("-").isdigit() else text
    if shape.type_name in ("float", "double"):
        return float(text)
    if shape.type_name == "timestamp":
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return text


def of_form(shape, prefix, fields, used):
    """The input of the Query protocol."""
    if shape.type_name == "structure":
        members = {}
        for name, member in shape.members.items():
            key = member.serialization.get("name", name)
            value = of_form(member, f"{prefix}.{key}" if prefix else key, fields, used)
            if value is not None:
                members[name] = value
        return members or ({} if not prefix else None)
    if shape.type_name == "list":
        base = prefix if shape.serialization.get("flattened") else f"{prefix}.{shape.member.serialization.get('name', 'member')}"
        items = []
        while any(key == f"{base}.{len(items) + 1}" or key.startswith(f"{base}.{len(items) + 1}.") for key in fields):
            items.append(of_form(shape.member, f"{base}.{len(items) + 1}", fields, used))
        return items or None
    if prefix not in fields:
        return None
    used.add(prefix)
    return scalar(shape, fields[prefix])


def of_document(shape, value, path, findings):
    """The input or the output of the JSON and CBOR protocols, as a validator takes it. Tells what has no place in it."""
    if value is None:
        findings.add(path, "null, which AWS leaves out")
        return None
    if shape.type_name == "structure":
        if not isinstance(value, dict):
            findings.add(path, f"{value!r} is no structure")
            return value
        for name in value.keys() - shape.members.keys():
            findings.add(f"{path}.{name}", "a member that the model does not know")
        known = [name for name in value if name in shape.members]
        return {name: of_document(shape.members[name], value[name], f"{path}.{name}", findings) for name in known}
    if shape.type_name == "list":
        if not isinstance(value, list):
            findings.add(path, f"{value!r} is no list")
            return value
        return [of_document(shape.member, item, f"{path}[{at}]", findings) for at, item in enumerate(value)]
    if shape.type_name == "map":
        return {key: of_document(shape.value, item, f"{path}.{key}", findings) for key, item in value.items()}
    if shape.type_name == "timestamp" and isinstance(value, (int, float)):
        return datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
    return value


def of_xml(shape, node, path, findings):
    """The output of the Query protocol. Tells what has no place in it."""
    tag = lambda node: node.tag.rpartition("}")[2]
    if shape.type_name == "structure":
        members, out = {}, {}
        for name, member in shape.members.items():
            key = member.serialization.get("name", name)
            if member.type_name == "list" and member.serialization.get("flattened"):
                key = member.member.serialization.get("name", key)
            members[key] = (name, member)
        for child in node:
            name, member = members.get(tag(child), (None, None))
            if name is None:
                findings.add(f"{path}.{tag(child)}", "an element that the model does not know")
            elif member.type_name == "list" and member.serialization.get("flattened"):
                out.setdefault(name, []).append(of_xml(member.member, child, f"{path}.{name}", findings))
            elif name in out:
                findings.add(f"{path}.{name}", "there twice: botocore keeps one")
            else:
                out[name] = of_xml(member, child, f"{path}.{name}", findings)
        return out
    if shape.type_name == "list":
        key = shape.member.serialization.get("name", "member")
        for child in node:
            if tag(child) != key:
                findings.add(f"{path}.{tag(child)}", f"an entry of the list is called {key}")
        return [of_xml(shape.member, child, f"{path}[{at}]", findings) for at, child in enumerate(node)]
    if shape.type_name not in SCALARS or len(node):
        findings.add(path, f"elements, where the model has a {shape.type_name}")
        return None
    return scalar(shape, node.text or "")


def check_values(shape, value, path, findings):
    """Required members, types and words of an answer. Its lengths and patterns bind requests only."""
    kinds = {
        "structure": dict, "list": list, "map": dict, "string": str, "boolean": bool, "integer": int, "long": int,
        "float": (int, float), "double": (int, float), "timestamp": datetime.datetime,
    }
    kind = kinds.get(shape.type_name)
    if kind and not isinstance(value, kind):
        return findings.add(path, f"{value!r} is no {shape.type_name}")
    if shape.type_name == "structure":
        for name in set(shape.required_members) - value.keys():
            findings.add(f"{path}.{name}", "required, and not there")
        for name, item in value.items():
            check_values(shape.members[name], item, f"{path}.{name}", findings)
    elif shape.type_name == "list":
        for at, item in enumerate(value):
            check_values(shape.member, item, f"{path}[{at}]", findings)
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        findings.add(path, f"{value!r} is none of {', '.join(shape.enum)}")


def leaves(value):
    """How many scalars there are in a value."""
    if isinstance(value, dict):
        return sum(leaves(item) for item in value.values())
    if isinstance(value, list):
        return sum(leaves(item) for item in value)
    return 1


class Exchange:
    """A request and its answer, with the model of the service."""

    def __init__(self, line, models):
        self.record = json.loads(line)
        self.service = self.record["service"]
        self.model = models(SERVICES.get(self.service, self.service))
        self.request, self.answer = (base64.b64decode(self.record[part]) for part in ["request", "answer"])
        self.method, _, self.path = self.record["target"].partition(" ")
        self.form = dict(parse_qsl(self.request.decode(), keep_blank_values=True)) if self.is_form() else {}
        self.protocol, self.action = self.protocol_and_action()

    def is_form(self):
        return self.service in ("rds", "sts", "ec2")

    def protocol_and_action(self):
        if self.is_form():
            return "ec2" if self.service == "ec2" else "query", self.form.get("Action")
        if "/operation/" in self.path:
            return "smithy-rpc-v2-cbor", self.path.rpartition("/")[2]
        if self.record["action"]:
            return "json", self.record["action"].rpartition(".")[2]
        names = self.model.operation_names
        http = {name: self.model.operation_model(name).http for name in names}
        at = (self.method, self.path)
        return "rest-json", next((name for name in names if (http[name]["method"], http[name]["requestUri"]) == at), None)

    def check(self):
        name = f"{self.service}:{self.action}"
        findings = Findings(name)
        if self.action not in self.model.operation_names:
            findings.add("", f"no operation of the model ({self.record['target']})")
            return name, findings.found
        operation = self.model.operation_model(self.action)
        self.check_request(operation, findings)
        if self.record["status"] >= 300:
            self.check_error(operation, findings)
        else:
            self.check_answer(operation, findings)
        return name, findings.found

    def check_request(self, operation, findings):
        metadata, shape = self.model.metadata, operation.input_shape
        if self.is_form():
            used = set()
            values = of_form(shape, "", self.form, used) if shape else {}
            for name in self.form.keys() - used - {"Action", "Version"}:
                findings.add(name, "a parameter that the model does not know")
            if self.form.get("Version") != metadata["apiVersion"]:
                findings.add("Version", f"not {metadata['apiVersion']}")
        else:
            decode = cbor2.loads if self.protocol == "smithy-rpc-v2-cbor" else json.loads
            values = of_document(shape, decode(self.request or b"{}"), "request", findings) if shape else {}
        if self.protocol == "json" and self.record["action"] != f"{metadata['targetPrefix']}.{self.action}":
            findings.add("x-amz-target", self.record["action"])
        if self.protocol == "smithy-rpc-v2-cbor" and f"/service/{metadata['targetPrefix']}/" not in self.path:
            findings.add("path", self.path)
        if shape:
            report = botocore.validate.ParamValidator().validate(values, shape)
            if report.has_errors():
                findings.add("request", report.generate_report())

    def parsed(self, operation):
        parser = botocore.parsers.create_parser(self.protocol)
        headers = {"content-type": self.record["kind"], "x-amzn-requestid": "id"}
        response = {"body": self.answer, "headers": headers, "status_code": self.record["status"]}
        return parser.parse(response, operation.output_shape)

    def check_answer(self, operation, findings):
        shape = operation.output_shape
        parsed = self.parsed(operation)
        parsed.pop("ResponseMetadata", None)
        if shape is None:
            return
        if self.is_form():
            root = ElementTree.fromstring(self.answer)
            node = self.result(shape, root)
            if node is None:
                return findings.add("answer", "no result")
            values = of_xml(shape, node, "answer", findings)
        else:
            decode = cbor2.loads if self.protocol == "smithy-rpc-v2-cbor" else json.loads
            values = of_document(shape, decode(self.answer), "answer", findings)
        check_values(shape, values, "answer", findings)
        if leaves(values) != leaves(parsed):
            findings.add("answer", f"botocore keeps {leaves(parsed)} of {leaves(values)} values")

    def result(self, shape, root):
        """The element of the result; the EC2 protocol has none, and its identifier beside the members."""
        tag = lambda node: node.tag.rpartition("}")[2]
        if self.protocol == "ec2":
            for child in [child for child in root if tag(child) == "requestId"]:
                root.remove(child)
            return root
        wrapper = shape.serialization.get("resultWrapper")
        return next((child for child in root if tag(child) == wrapper), None)

    def check_error(self, operation, findings):
        code = self.parsed(operation)["Error"].get("Code")
        shapes = list(operation.error_shapes) + list(self.model.error_shapes)
        if code not in COMMON_ERRORS and code not in {shape.error_code for shape in shapes} | {shape.name for shape in shapes}:
            findings.add("error", f"{code} is no error of the service")


def main():
    model = functools.cache(botocore.session.Session().get_service_model)
    seen, found = {}, []
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            if IN_NO_MODEL in json.loads(line)["target"]:
                continue
            name, findings = Exchange(line, model).check()
            seen[name] = seen.get(name, 0) + 1
            found += findings
    print(json.dumps({"seen": seen, "found": sorted(set(found))}))


if __name__ == "__main__":
    main()
