#!/bin/sh
# Certificate rotation, planned by ssl-usage 0.1.0 as of 2026-11-23T00:00:00Z.
# Evidence: 2026-11-20T00:00:00Z to 2026-11-23T00:00:00Z.
#
# Run: env REVIEWED=yes AWS_PROFILE_123456789012=PROFILE sh FILE
# The script stops at the first command that fails. It can be run again.
# Before you run it, save a report: ssl-usage analyze --format json -o before.json
set -eu

if [ "${REVIEWED:-}" != yes ]; then
    echo 'Nothing was run. Review this file, then set REVIEWED=yes.' >&2
    exit 2
fi

# Keep the AWS CLI from opening a pager.
export AWS_PAGER=''

# Check that each profile belongs to its account.
belongs_to() {
    account=$(aws --profile "$1" sts get-caller-identity --query Account --output text)
    if [ "$account" != "$2" ]; then
        printf 'Nothing was run. Profile %s belongs to account %s, not to %s.\n' "$1" "$account" "$2" >&2
        exit 2
    fi
}
belongs_to "${AWS_PROFILE_123456789012:?set it to the AWS profile of this account}" 123456789012

# --- 1. Before the rotation: update the trust stores of clients ---
# orders-legacy (123456789012, eu-west-1): CA rds-ca-rsa2048-g1
#   [ ] 10.99.0.33, user nightly, database orders, application backup: update its trust store
# ledger (123456789012, eu-west-1): CA rds-ca-rsa2048-g1
#   [ ] 10.99.0.52: add the CA to its trust store (it rejected the certificate)

# --- 2. Rotate, most urgent instances first ---

# orders-legacy (postgres): required, by 2024-08-22
# Why: 3 sessions from 1 client used TLS (TLSv1.3: 3)
# The rotation restarts the instance in the next maintenance window.
printf '%s\n' orders-legacy >&2
aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds modify-db-instance --db-instance-identifier orders-legacy --ca-certificate-identifier rds-ca-rsa2048-g1 --no-apply-immediately

# orders-prod (postgres): required, by 2026-12-13
# Why: 180 sessions from 2 clients used TLS (TLSv1.2: 36, TLSv1.3: 144)
# The rotation restarts the instance in the next maintenance window.
printf '%s\n' orders-prod >&2
aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds apply-pending-maintenance-action --resource-identifier arn:aws:rds:eu-west-1:123456789012:db:orders-prod --apply-action server-certificate-rotation --opt-in-type next-maintenance

# ledger (postgres): required, by 2027-01-30
# Why: 144 sessions from 1 client used TLS (TLSv1.3: 144)
# The rotation restarts the instance.
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.

# billing-pool (postgres): required (inconclusive), by 2027-02-10
# Why: 1 session of 1 client was opened before the window (the oldest before 2026-11-19 23:00), so
#       whether TLS was used is unknown. Use more --days, or see whether open sessions use TLS:
#       SELECT datname, usename, ssl, client_addr FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND usename <> 'rdsadmin'
# The rotation restarts the instance.
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.

# carts-1 (docdb): required, by 2027-02-10
# Why: parameter tls is enabled and in effect, so every client uses TLS
# The rotation restarts the instance.
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.

# crm-quiet (postgres): required (inconclusive), by 2027-02-10
# Why: sessions are not logged. Set log_connections to 1 (no restart required), and run ssl-usage
#       again after a full cycle of your jobs.
# The rotation restarts the instance.
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.
# These commands enable logging. They do not rotate the certificate. A general log holds every
#       statement, including secrets. `ssl-usage preflight` prints the commands that undo them.
printf '%s\n' crm-quiet >&2
aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds modify-db-parameter-group --db-parameter-group-name pg16-quiet --parameters ParameterName=log_connections,ParameterValue=1,ApplyMethod=immediate ParameterName=log_disconnections,ParameterValue=1,ApplyMethod=immediate

# forum (mariadb): required (inconclusive), by 2027-02-10
# Why: the logs cover 30.0 % of the window, with a gap of 49 h from 2026-11-20 00:00 (the logs are
#       no longer kept), and the policy requires 95.0 %. Logs are kept for 24 h (maximum 24 h): run
#       `ssl-usage collect` on a schedule, or use fewer --days.
# The rotation restarts the instance.
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.

# kiosk (mysql): required (inconclusive), by 2027-02-10
# Why: up to 3 sessions from before the logs or from a gap may still be open (DatabaseConnections
#       minus logged sessions), so whether TLS is used is unknown. Restart all connection pools, or
#       stop all clients until the metric is 0, or see whether open sessions use TLS:
#       SELECT id, user, host, connection_type FROM performance_schema.threads pst JOIN information_schema.processlist isp ON pst.processlist_id = isp.id
# The rotation restarts the instance.
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.

# loyalty-1 (aurora-mysql): required (inconclusive), by 2027-02-10
# Why: only the audit log is on, and it does not record TLS. Set general_log to 1 and log_output to
#       FILE (no restart required), and run ssl-usage again after a full cycle of your jobs.
# The rotation restarts the instance.
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.
# These commands enable logging. They do not rotate the certificate. A general log holds every
#       statement, including secrets. `ssl-usage preflight` prints the commands that undo them.
printf '%s\n' loyalty-1 >&2
aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds modify-db-cluster-parameter-group --db-cluster-parameter-group-name aurora-mysql8-audited --parameters ParameterName=general_log,ParameterValue=1,ApplyMethod=immediate ParameterName=log_output,ParameterValue=FILE,ApplyMethod=immediate

# mobile-api (mysql): required, by 2027-02-10
# Why: 60 logins used IAM authentication, which requires TLS, between 2026-11-20 08:00 and
#       2026-11-22 18:00 (IamDbAuthConnectionSuccess)
# The rotation restarts the instance.
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.

# payroll (sqlserver-se): required (inconclusive), by 2027-02-10
# Why: no log of SQL Server records TLS. To see whether open sessions use TLS, run:
#       SELECT session_id, encrypt_option, net_transport, auth_scheme FROM sys.dm_exec_connections
# The rotation restarts the instance.
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.

# shop (mysql): required, by 2027-02-10
# Why: 72 sessions from 1 client used TLS
# The rotation restarts the instance.
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.

# stock (oracle-se2): required, by 2027-02-10
# Why: 3 sessions from 1 client used TLS
# The rotation restarts only the listener (open sessions stay, new ones wait).
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.

# warehouse-gap (postgres): required (inconclusive), by 2027-02-10
# Why: the logs cover 86.1 % of the window, with a gap of 10 h from 2026-11-21 10:00 (log files are
#       missing), and the policy requires 95.0 %. Choose a window without the gaps.
# The rotation restarts the instance.
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.

# intranet (mysql): deferrable, by 2027-02-10
# Why: no TLS in 72 sessions from 1 client (95 % confidence: at most 4.08 % of such sessions use
#       TLS)
# The rotation restarts the instance.
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.

# reports-batch (postgres): deferrable, by 2027-02-10
# Why: no TLS in 219 sessions from 3 clients (95 % confidence: at most 1.36 % of such sessions use
#       TLS)
# The rotation restarts the instance.
# No command rotates it: the CA stays the same, so no command can rotate the certificate yet. AWS
#       offers the rotation as a pending maintenance action, three months before
#       the certificate expires or earlier; run ssl-usage again then.

# --- 3. These instances need nothing ---
# analytics-1: the server certificate expires on 2027-03-01 or is renewed earlier without a restart,
#       and its CA expires on 2061-05-25
# archive: no client can use TLS, because the setting DB2COMM disables it
# catalog-1: Aurora Serverless v1 gets its certificate from AWS Certificate Manager, which renews it
# erp: no client can use TLS, because the setting option SSL disables it
# graph-1: Neptune's certificate is signed by Amazon's public certificate authority, which clients
#       trust through their system's trust store; the rotation of RDS's certificate authorities does not
#       affect it
# profiles-1: no client can use TLS, because the setting tls disables it
# scratch: no client can use TLS, because the setting ssl disables it
# wiki: the server certificate expires on 2029-06-01 or is renewed earlier without a restart, and
#       its CA expires on 2061-05-25

# --- 4. Verify the certificates; a change that waits for a restart or window is not shown yet ---
aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds describe-db-instances --db-instance-identifier orders-legacy --query 'DBInstances[].[DBInstanceIdentifier,CertificateDetails.CAIdentifier,CertificateDetails.ValidTill,PendingModifiedValues.CACertificateIdentifier]' --output text
aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds describe-db-instances --db-instance-identifier orders-prod --query 'DBInstances[].[DBInstanceIdentifier,CertificateDetails.CAIdentifier,CertificateDetails.ValidTill,PendingModifiedValues.CACertificateIdentifier]' --output text

# --- 5. After some days, compare: which clients are missing, or connect without TLS? ---
# ssl-usage analyze --format json -o after.json
# ssl-usage diff before.json after.json
