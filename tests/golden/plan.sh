#!/bin/sh
# Rotation of certificates, planned by ssl-usage 0.1.0 as of 2026-11-23T00:00:00Z.
# The evidence is of 2026-11-20T00:00:00Z to 2026-11-23T00:00:00Z.
#
# Run it with: env REVIEWED=yes AWS_PROFILE_123456789012=PROFILE sh FILE
# It stops at the first command that fails, and may be run again.
set -eu

if [ "${REVIEWED:-}" != yes ]; then
    echo 'Nothing was run: read this file first, and then set REVIEWED=yes.' >&2
    exit 2
fi

# What the AWS CLI prints is not to wait for a key.
export AWS_PAGER=''

# Each command names its profile; the profile must be one of the account that it is for.
is_of() {
    account=$(aws --profile "$1" sts get-caller-identity --query Account --output text)
    if [ "$account" != "$2" ]; then
        printf 'Nothing was run: profile %s is of account %s, not of %s.\n' "$1" "$account" "$2" >&2
        exit 2
    fi
}
is_of "${AWS_PROFILE_123456789012:?the AWS profile of this account is not set}" 123456789012

# --- 1. Trust stores, before anything else ---
# orders-legacy (123456789012, eu-west-1): rds-ca-rsa2048-g1
#   [ ] 10.99.0.33, user nightly, database orders, application backup: update trust store
# ledger (123456789012, eu-west-1): rds-ca-rsa2048-g1
#   [ ] 10.99.0.52: did not accept the certificate

# --- 2. Instances, most urgent first ---

# orders-legacy (postgres): required, by 2024-08-22
# Why: 3 sessions with TLS from 1 client (TLSv1.3: 3)
# The rotation takes a restart of the instance, in the next maintenance window.
printf '%s\n' orders-legacy >&2
aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds modify-db-instance --db-instance-identifier orders-legacy --ca-certificate-identifier rds-ca-rsa2048-g1 --no-apply-immediately

# orders-prod (postgres): required, by 2026-12-13
# Why: 180 sessions with TLS from 2 clients (TLSv1.2: 36, TLSv1.3: 144)
# The rotation takes a restart of the instance, in the next maintenance window.
printf '%s\n' orders-prod >&2
aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds apply-pending-maintenance-action --resource-identifier arn:aws:rds:eu-west-1:123456789012:db:orders-prod --apply-action server-certificate-rotation --opt-in-type next-maintenance

# ledger (postgres): required, by 2027-01-30
# Why: 144 sessions with TLS from 1 client (TLSv1.3: 144)
# The rotation takes a restart of the instance.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end

# billing-pool (postgres): required, unproven, by 2027-02-10
# Why: 1 session left that 1 client opened before the window, the oldest before 2026-11-19 23:00: how they were carried is not known; ask the live sessions, or look further back
# The rotation takes a restart of the instance.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end

# carts-1 (docdb): required, by 2027-02-10
# Why: tls is enabled and in effect: whoever connects uses TLS
# The rotation takes a restart of the instance.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end

# crm-quiet (postgres): required, unproven, by 2027-02-10
# Why: sessions are not logged: set log_connections to 1; no restart is needed, and ask again after a full cycle of your jobs
# The rotation takes a restart of the instance.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end
printf '%s\n' crm-quiet >&2
aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds modify-db-parameter-group --db-parameter-group-name pg16-quiet --parameters ParameterName=log_connections,ParameterValue=1,ApplyMethod=immediate ParameterName=log_disconnections,ParameterValue=1,ApplyMethod=immediate

# forum (mariadb): required, unproven, by 2027-02-10
# Why: the logs show 30.0 % of the window, with a gap of 49 h from 2026-11-20 00:00 (not-kept), and 95.0 % are demanded; logs are kept for 24 hours, 24 at most: collect on a schedule, or ask for fewer days
# The rotation takes a restart of the instance.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end

# kiosk (mysql): required, unproven, by 2027-02-10
# Why: up to 3 sessions that began before the logs, or in a gap, may still be open (DatabaseConnections, less those whose beginning is logged): how they are carried is not known; renew the pools of all clients, or stop all together until the metric reaches 0; ask the live sessions: SELECT id, user, host, connection_type FROM performance_schema.threads pst JOIN information_schema.processlist isp ON pst.processlist_id = isp.id
# The rotation takes a restart of the instance.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end

# loyalty-1 (aurora-mysql): required, unproven, by 2027-02-10
# Why: the audit log, which is on, does not show how sessions are carried: set general_log to 1 and log_output to FILE; no restart is needed, and ask again after a full cycle of your jobs
# The rotation takes a restart of the instance.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end
printf '%s\n' loyalty-1 >&2
aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds modify-db-cluster-parameter-group --db-cluster-parameter-group-name aurora-mysql8-audited --parameters ParameterName=general_log,ParameterValue=1,ApplyMethod=immediate ParameterName=log_output,ParameterValue=FILE,ApplyMethod=immediate

# mobile-api (mysql): required, by 2027-02-10
# Why: 60 logins by IAM, which works over TLS only, between 2026-11-20 08:00 and 2026-11-22 18:00 (IamDbAuthConnectionSuccess)
# The rotation takes a restart of the instance.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end

# payroll (sqlserver-se): required, unproven, by 2027-02-10
# Why: no log of SQL Server shows how sessions are carried; ask the live sessions: SELECT session_id, encrypt_option, net_transport, auth_scheme FROM sys.dm_exec_connections
# The rotation takes a restart of the instance.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end

# shop (mysql): required, by 2027-02-10
# Why: 72 sessions with TLS from 1 client
# The rotation takes a restart of the instance.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end

# stock (oracle-se2): required, by 2027-02-10
# Why: 3 sessions with TLS from 1 client
# The rotation restarts the listener alone: open sessions live on, and new ones wait.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end

# warehouse-gap (postgres): required, unproven, by 2027-02-10
# Why: the logs show 86.1 % of the window, with a gap of 10 h from 2026-11-21 10:00 (missing), and 95.0 % are demanded; ask for a window without the gaps
# The rotation takes a restart of the instance.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end

# intranet (mysql): deferrable, by 2027-02-10
# Why: 72 sessions from 1 client, none of them with TLS (95 % sure: at most 4.08 % of sessions like these use it)
# The rotation takes a restart of the instance.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end

# reports-batch (postgres): deferrable, by 2027-02-10
# Why: 219 sessions from 3 clients, none of them with TLS (95 % sure: at most 1.36 % of sessions like these use it)
# The rotation takes a restart of the instance.
# Nothing rotates it here: the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end

# --- 3. Nothing to do ---
# analytics-1: the server certificate ends 2027-03-01, or is renewed before that without a restart, and its authority ends 2061-05-25
# archive: DB2COMM switches TLS off, and is in effect
# catalog-1: Aurora Serverless v1 has its certificate from AWS Certificate Manager, which renews it
# erp: option SSL switches TLS off, and is in effect
# graph-1: Neptune's certificate is of Amazon's public authority, which clients trust by their system's store; the rotation of RDS's authorities does not touch it
# profiles-1: tls switches TLS off, and is in effect
# scratch: ssl switches TLS off, and is in effect
# wiki: the server certificate ends 2029-06-01, or is renewed before that without a restart, and its authority ends 2061-05-25

# --- 4. What is served now; what waits for a restart or a window is not yet there ---
aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds describe-db-instances --db-instance-identifier orders-legacy --query 'DBInstances[].[DBInstanceIdentifier,CertificateDetails.CAIdentifier,CertificateDetails.ValidTill,PendingModifiedValues.CACertificateIdentifier]' --output text
aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds describe-db-instances --db-instance-identifier orders-prod --query 'DBInstances[].[DBInstanceIdentifier,CertificateDetails.CAIdentifier,CertificateDetails.ValidTill,PendingModifiedValues.CACertificateIdentifier]' --output text

# --- 5. In some days, when clients have connected again: who did not come back, or without TLS? ---
# ssl-usage analyze --format json -o after.json
# ssl-usage diff before.json after.json
