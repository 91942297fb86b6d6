# OCSF findings of `ssl-usage analyze --format ocsf` in the AWS Security Finding Format (ASFF), which BatchImportFindings of
# Security Hub CSPM takes. It must be called in the account of the findings. Each line of output is a batch for one call.
#
#   jq -c -f asff.jq --arg partition aws --arg region eu-west-1 --arg account 123456789012 findings.ocsf.json
#
# Source: API reference of Security Hub CSPM, AwsSecurityFinding and BatchImportFindings.

[
  .[] | select(.cloud.account.uid == $account) | {
    SchemaVersion: "2018-10-08",
    Id: .finding_info.uid,
    ProductArn: "arn:\($partition):securityhub:\($region):\($account):product/\($account)/default",
    ProductName: "ssl-usage",
    GeneratorId: "ssl-usage/\(.compliance.control)",
    AwsAccountId: $account,
    Types: ["Software and Configuration Checks"],
    CreatedAt: .time_dt,
    UpdatedAt: .time_dt,
    Title: .finding_info.title,
    Description: .finding_info.desc,
    Severity: {Label: (.severity | ascii_upcase)},
    # A finding that passes is resolved by Security Hub, and is new again when it fails.
    Compliance: {Status: {Pass: "PASSED", Warning: "WARNING", Fail: "FAILED"}[.compliance.status]},
    Remediation: {Recommendation: ({Text: .remediation.desc, Url: .remediation.references[0]?} | del(..|nulls))},
    Resources: [
      if .resources then {
        Type: (if .resources[0].type == "AWS::RDS::DBCluster" then "AwsRdsDbCluster" else "AwsRdsDbInstance" end),
        Id: .resources[0].uid,
        Region: .resources[0].region,
        Partition: $partition
      } else {Type: "AwsAccount", Id: "AWS::::Account:\($account)", Region: .cloud.region, Partition: $partition} end
    ]
  } | if .Remediation.Recommendation == {} then del(.Remediation) else . end
] | range(0; length; 20) as $from | .[$from:$from + 20]
