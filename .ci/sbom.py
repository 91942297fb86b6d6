"""Finishes and checks an SBOM: sbom.py RESOLVED COMPILED FINISHED

RESOLVED is the SBOM by `cargo cyclonedx`. It contains optional packages that are never compiled, because `cargo metadata`
resolves them, and the path of the clone. COMPILED is the list of packages by `cargo tree`, which are those that cargo
compiles. FINISHED contains exactly these.
"""

import json
import os
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def compiled_packages(path):
    """Names and versions in lines such as `ring v0.17.14 (*)`."""
    with open(path, encoding="utf-8") as lines:
        return {(name, version.removeprefix("v")) for name, version in (line.split()[:2] for line in lines)}


def package(component):
    return component["name"], component["version"]


def finish(sbom, compiled):
    """Removes what is not compiled."""
    removed = {component["bom-ref"] for component in sbom["components"] if package(component) not in compiled}
    sbom["components"] = [component for component in sbom["components"] if component["bom-ref"] not in removed]
    sbom["dependencies"] = [entry for entry in sbom["dependencies"] if entry["ref"] not in removed]
    for entry in sbom["dependencies"]:
        entry["dependsOn"] = [ref for ref in entry.get("dependsOn", []) if ref not in removed]


def problems(sbom, text, compiled):
    components = [sbom["metadata"]["component"], *sbom["components"]]
    for name, version in sorted(compiled - {package(component) for component in components}):
        yield f"{name} {version} is missing"
    for component in components:
        for field in ("licenses", "purl"):
            if not component.get(field):
                yield f"{' '.join(package(component))} has no {field}"
    if {component["bom-ref"] for component in components} != {entry["ref"] for entry in sbom["dependencies"]}:
        yield "components and dependencies are not of the same packages"
    if "serialNumber" in sbom or os.getcwd() in text:
        yield "it differs between machines: it contains a serial number or the path of the clone"
    for error in JsonStrictValidator(SchemaVersion.V1_5).validate_str(text, all_errors=True) or ():
        yield f"it is not valid CycloneDX 1.5: {error}"


def main():
    resolved, compiled, finished = sys.argv[1:]
    compiled = compiled_packages(compiled)
    with open(resolved, encoding="utf-8") as file:
        sbom = json.loads(file.read().replace(f"path+file://{os.getcwd()}", "path+file://."))
    finish(sbom, compiled)
    text = json.dumps(sbom, indent=2, ensure_ascii=False) + "\n"
    if found := list(problems(sbom, text, compiled)):
        sys.exit("\n".join([f"{resolved} is wrong:", *found]))
    with open(finished, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"{finished}: {len(compiled)} packages")


main()
