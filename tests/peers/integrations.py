"""Reads reports as their consumers do: `integrations.py KIND FILE`, where KIND is `openmetrics`, `ocsf` or `asff`.

OpenMetrics is read by both parsers of Prometheus's client, for OpenMetrics and for the older text format, which must agree.
Prints the samples as JSON: metric, labels, value. OCSF is checked by the schema of OCSF 1.6.0, and what `samples/asff.jq`
makes of it by botocore's model of Security Hub. Prints what they object to.
"""

import json
import pathlib
import sys

PROFILES = ["cloud", "datetime"]


def openmetrics(text):
    from prometheus_client import parser
    from prometheus_client.openmetrics import parser as strict

    def samples(families):
        families = list(families)
        assert {family.type for family in families} == {"gauge"}, families
        return [[sample.name, sample.labels, sample.value] for family in families for sample in family.samples]

    by_strict = samples(strict.text_string_to_metric_families(text))
    assert by_strict == samples(parser.text_string_to_metric_families(text)), "the parsers disagree"
    return by_strict


def captions(value, attributes, objects, at):
    """Objections to texts that are not the captions of the numbers beside them."""
    for name, item in value.items():
        attribute = attributes.get(name, {})
        caption = attribute.get("enum", {}).get(str(item), {}).get("caption")
        sibling = value.get(attribute.get("sibling", name.removesuffix("_id")))
        if caption and name.endswith("_id") and sibling not in (caption, None):
            yield f"{at}.{name}: {sibling} is not {caption}"
        for child in item if isinstance(item, list) else [item]:
            if isinstance(child, dict) and attribute.get("object_type") in objects:
                known = objects[attribute["object_type"]]["attributes"]
                yield from captions(child, known, objects, f"{at}.{name}")


def ocsf(text):
    from jsonschema import Draft202012Validator
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

    whole = get_ocsf_schema(version="1.6.0")
    finding = OcsfJsonSchemaEmbedded(whole).get_class_schema("compliance_finding", PROFILES)
    # The schema has no room for attributes that it does not name.
    assert finding["additionalProperties"] is False and "time_dt" in finding["properties"]
    validator, attributes = Draft202012Validator(finding), whole["classes"]["compliance_finding"]["attributes"]
    objections = []
    for event in json.loads(text):
        objections += [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(event)]
        objections += captions(event, attributes, whole["objects"], "$")
        if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
            objections.append(f"$.type_uid: {event['type_uid']}")
    return objections


def asff(text):
    import jq
    from botocore.session import Session
    from botocore.validate import ParamValidator

    program = (pathlib.Path(__file__).parents[2] / "samples/asff.jq").read_text(encoding="utf-8")
    call = Session().get_service_model("securityhub").operation_model("BatchImportFindings").input_shape
    options = {"partition": "aws", "region": "eu-west-1", "account": "123456789012"}
    batches = jq.compile(program, args=options).input_value(json.loads(text)).all()
    objections = [ParamValidator().validate({"Findings": batch}, call).generate_report() for batch in batches]
    findings = [finding for batch in batches for finding in batch]
    # Lengths are not in the model, but in its documentation.
    for name, most in {"Id": 512, "Title": 256, "Description": 1024}.items():
        objections += [f"{name}: {len(finding[name])}" for finding in findings if not 1 <= len(finding[name]) <= most]
    statuses = [finding["Compliance"]["Status"] for finding in findings]
    return {"objections": [text for text in objections if text], "statuses": statuses}


if __name__ == "__main__":
    kind, path = sys.argv[1:]
    with open(path, encoding="utf-8", newline="") as file:
        json.dump({"openmetrics": openmetrics, "ocsf": ocsf, "asff": asff}[kind](file.read()), sys.stdout)
