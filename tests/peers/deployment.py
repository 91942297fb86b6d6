"""Reads the examples of samples/deploy as those do for whom they are made, and prints JSON: `deployment.py WHAT ARGUMENT...`

`stacks URL FILE...`: CloudFormation's answer to each template: its outputs, and the policies of roles and of its own.
`organization URL FILE POLICY...`: a StackSet of a role in an organization with an instance in each account. For each policy,
a user with this policy. From then on, IAM is enforced.
`terraform FOLDER`: a folder as Terraform evaluates it, with the names that another parser finds.
`kubernetes FILE`: the objections of Kubernetes' schema, and the documents.
"""

import json
import pathlib
import sys
import urllib.request

import boto3

WHAT, ARGUMENTS = sys.argv[1], sys.argv[2:]
OWN = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
# What the templates ask for. Parameters that a template does not have are left out.
PARAMETERS = {
    "CallerArn": "arn:aws:iam::123456789012:user/caller-*",
    "OrganizationId": "o-a1b2c3d4e5",
    "Image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/ssl-usage:0.1.0",
    "Subnets": "subnet-0123456789abcdef0",
    "SecurityGroups": "sg-0123456789abcdef0",
    "Email": "dba@example.com",
}


def client(service, region="us-east-1", credentials=None):
    return boto3.client(service, region_name=region, endpoint_url=ARGUMENTS[0], **(credentials or OWN))


def post(order, body=b""):
    """Orders something of moto itself."""
    url = f"{ARGUMENTS[0]}/moto-api/{order}"
    urllib.request.urlopen(urllib.request.Request(url, data=body, headers={"Content-Type": "text/plain"}, method="POST")).read()


def parameters(template):
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items() if f"\n  {key}:\n" in template]


def role(iam, name):
    policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
    return {
        "trust": iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"],
        "policies": {policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in policies},
    }


def stacks():
    cloudformation, iam = client("cloudformation"), client("iam")
    found = []
    for number, path in enumerate(ARGUMENTS[1:]):
        template, name = pathlib.Path(path).read_text(), f"stack-{number}"
        cloudformation.create_stack(
            StackName=name, TemplateBody=template, Parameters=parameters(template), Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        assert stack["StackStatus"] == "CREATE_COMPLETE", stack
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        roles = {each["RoleName"]: role(iam, each["RoleName"]) for each in iam.list_roles()["Roles"]}
        managed = [
            iam.get_policy_version(PolicyArn=each["Arn"], VersionId=each["DefaultVersionId"])["PolicyVersion"]["Document"]
            for each in iam.list_policies(Scope="Local")["Policies"]
        ]
        definitions = client("ecs").list_task_definitions()["taskDefinitionArns"]
        tasks = [client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"] for arn in definitions]
        commands = [container["command"] for task in tasks for container in task["containerDefinitions"]]
        found.append({"outputs": outputs, "roles": roles, "managed": managed, "commands": commands})
        # A deleted stack would leave its managed policies behind.
        post("reset")
    return found


def instance(number, credentials=None):
    client("rds", "eu-west-1", credentials).create_db_instance(
        DBInstanceIdentifier=f"of-{number}", Engine="postgres", DBInstanceClass="db.m5.large", MasterUsername="admin",
        MasterUserPassword="a-password", AllocatedStorage=20,
    )


def organization():
    template = pathlib.Path(ARGUMENTS[1]).read_text()
    organizations, cloudformation, iam = client("organizations"), client("cloudformation"), client("iam")
    organizations.create_organization(FeatureSet="ALL")
    members = []
    for name in ["shop", "lab"]:
        account = organizations.create_account(AccountName=name, Email=f"{name}@example.com")
        members.append(account["CreateAccountStatus"]["AccountId"])
    cloudformation.create_stack_set(
        StackSetName="ssl-usage", TemplateBody=template, Parameters=parameters(template),
        Capabilities=["CAPABILITY_NAMED_IAM"], PermissionModel="SERVICE_MANAGED",
        AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False},
    )
    root = organizations.list_roots()["Roots"][0]["Id"]
    cloudformation.create_stack_instances(
        StackSetName="ssl-usage", DeploymentTargets={"OrganizationalUnitIds": [root]}, Regions=["us-east-1"]
    )
    instance("own")
    roles = []
    for number in members:
        arn = f"arn:aws:iam::{number}:role/ssl-usage"
        assumed = client("sts").assume_role(RoleArn=arn, RoleSessionName="seed")["Credentials"]
        credentials = {
            "aws_access_key_id": assumed["AccessKeyId"],
            "aws_secret_access_key": assumed["SecretAccessKey"],
            "aws_session_token": assumed["SessionToken"],
        }
        roles.append(role(client("iam", credentials=credentials), "ssl-usage"))
        instance(number, credentials)
    keys = []
    for number, path in enumerate(ARGUMENTS[2:]):
        name = f"caller-{number}"
        iam.create_user(UserName=name)
        for at, document in enumerate(json.loads(pathlib.Path(path).read_text())):
            iam.put_user_policy(UserName=name, PolicyName=f"policy-{at}", PolicyDocument=json.dumps(document))
        keys.append(iam.create_access_key(UserName=name)["AccessKey"])
    # No further call goes without a check.
    post("reset-auth", b"0")
    keys = [[key["AccessKeyId"], key["SecretAccessKey"]] for key in keys]
    return {"members": members, "roles": roles, "keys": keys}


def terraform():
    import hcl2
    import tfparse

    folder = pathlib.Path(ARGUMENTS[0])
    variables = {"caller_arn": PARAMETERS["CallerArn"], "organization_id": PARAMETERS["OrganizationId"]}
    lines = [f"{name} = {json.dumps(value)}" for name, value in variables.items()] + ['organizational_unit_ids = ["r-abcd"]']
    (folder / "values.tfvars").write_text("\n".join(lines) + "\n")
    evaluated = tfparse.load_from_path(str(folder), stop_on_hcl_error=True, vars_paths=["values.tfvars"])
    names = []
    for path in sorted(folder.glob("*.tf")):
        with path.open() as file:
            parsed = hcl2.load(file)
        for kind in ["variable", "resource", "output"]:
            for block in parsed.get(kind, []):
                # Names keep their quotes.
                (label, body), *_ = block.items()
                inner = next(iter(body)) if kind == "resource" else ""
                names.append(".".join([kind, label.strip('"'), inner.strip('"')]).rstrip("."))
    resources = {kind: blocks for kind, blocks in evaluated.items() if kind.startswith("aws_")}
    return {"names": sorted(names), "resources": resources}


def kubernetes():
    import kubernetes_validate
    import yaml

    documents = list(yaml.safe_load_all(pathlib.Path(ARGUMENTS[0]).read_text()))
    objections = []
    for document in documents:
        try:
            kubernetes_validate.validate(document, "1.31", strict=True)
        except kubernetes_validate.ValidationError as error:
            objections.append(error.message)
    return {"documents": documents, "objections": objections}


print(json.dumps({each.__name__: each for each in [stacks, organization, terraform, kubernetes]}[WHAT](), default=str))
