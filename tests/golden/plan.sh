#!/bin/sh
# Certificate rotation, planned by ssl-usage 0.1.0 as of 2026-11-23T00:00:00Z.
# Evidence: 2026-11-20T00:00:00Z to 2026-11-23T00:00:00Z.
#
# Run: env REVIEWED=yes AWS_PROFILE_123456789012=PROFILE sh FILE
# The script skips an instance whose state rejects changes, and continues after a failure.
# It ends with status 1 if it skipped an instance, if a command failed, or if a required rotation has
# no command yet. It can be run again.
# Some commands are held back. To agree to them, name their reasons: AGREED=restart-now
# Before you run it, save a report: ssl-usage analyze --format json -o before.json
set -u

if [ "${REVIEWED:-}" != yes ]; then
    echo 'Nothing was run. Review this file, then set REVIEWED=yes.' >&2
    exit 2
fi

# Keep the AWS CLI from opening a pager.
export AWS_PAGER=''

rotated=0 scheduled=0 skipped=0 failed=0

say() {
    printf '%s\n' "$1" >&2
}

# Check that each profile belongs to its account.
belongs_to() {
    account=$(aws --profile "$1" sts get-caller-identity --query Account --output text) || exit 2
    if [ "$account" != "$2" ]; then
        say "Nothing was run. Profile $1 belongs to account $account, not to $2."
        exit 2
    fi
}

# skip INSTANCE WHY
skip() {
    skipped=$((skipped + 1))
    say "SKIPPED $1: $2"
}

# fail INSTANCE WHY
fail() {
    failed=$((failed + 1))
    say "FAILED $1: $2"
}

# agreed INSTANCE REASON: whether AGREED holds a reason to hold back commands.
agreed() {
    case ",${AGREED:-}," in
        *",$2,"*) return 0 ;;
    esac
    skip "$1" "held back. Read its step. To run it all the same, add $2 to AGREED."
    return 1
}

# in_time INSTANCE SECONDS DATE: whether the command still takes effect before the certificate ends.
in_time() {
    if [ "$(date -u +%s)" -lt "$2" ]; then
        return 0
    fi
    skip "$1" "its last maintenance window before the certificate ends began at $3. Plan again."
    return 1
}

# accepted INSTANCE WHAT OUTPUTS COMMAND...: whether a command prints one of the outputs; none stands for nothing.
accepted() {
    name=$1 what=$2 outputs=$3
    shift 3
    if ! output=$("$@"); then
        fail "$name" "its $what could not be read."
        return 1
    fi
    case " $outputs " in
        *" ${output:-none} "*) return 0 ;;
    esac
    case $what in
        status) next=$(first "$output") ;;
        *) next='Apply or cancel them first.' ;;
    esac
    skip "$name" "$what: $output (accepted: $outputs). $next"
    return 1
}

# run INSTANCE COMMAND...
run() {
    name=$1
    shift
    say "$name"
    if ! "$@"; then
        fail "$name" 'see the error above.'
        return 1
    fi
}

# first STATUS: what to do about an instance whose status rejects changes.
first() {
    case $1 in
        stopped) echo 'First: Start it.' ;;
        stopping) echo 'First: Start it when it has stopped.' ;;
        starting) echo 'First: Wait until it has started.' ;;
        creating) echo 'First: Wait until it is available.' ;;
        storage-full) echo 'First: Add storage.' ;;
        failed) echo 'First: Restore it from a backup.' ;;
        restore-error) echo 'First: Restore it again.' ;;
        deleting) echo 'First: Nothing: it is being deleted.' ;;
        delete-precheck) echo 'First: Nothing: it is being deleted.' ;;
        inaccessible-encryption-credentials) echo 'First: Restore it from a backup, because its KMS key is lost.' ;;
        inaccessible-encryption-credentials-recoverable) echo 'First: Enable its KMS key, and start it.' ;;
        incompatible-network) echo 'First: Repair its subnets or network settings.' ;;
        incompatible-option-group) echo 'First: Repair its option group.' ;;
        incompatible-parameters) echo 'First: Repair its parameter group.' ;;
        incompatible-create) echo 'First: Delete it, and create it again.' ;;
        incompatible-restore) echo 'First: Restore it again.' ;;
        insufficient-capacity) echo 'First: Wait for capacity, or use another instance class.' ;;
        upgrade-failed) echo 'First: Contact AWS Support.' ;;
        *) echo 'Run this script again later.' ;;
    esac
}

belongs_to "${AWS_PROFILE_123456789012:?set it to the AWS profile of this account}" 123456789012

# --- 1. Before the rotation: update the trust stores of clients ---
# Add the named CA to each trust store, or use the bundle of all CAs:
# https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
# AWS GovCloud (US) and the China regions have a bundle of their own.
# orders-legacy (123456789012, eu-west-1): CA rds-ca-rsa2048-g1
#   [ ] 10.99.0.33, user nightly, database orders, application backup: update its trust store
# ledger (123456789012, eu-west-1): CA rds-ca-rsa2048-g1
#   [ ] 10.99.0.52: add the CA to its trust store (it rejected the certificate)

# --- 2. Rotate, most urgent instances first ---

# orders-legacy (postgres): required, expired on 2024-08-22
# Why: 3 sessions from 1 client used TLS (TLSv1.3: 3)
# The rotation restarts the instance immediately.
# Held back (restart-now): The rotation cannot wait: the certificate or its CA expired on
#       2024-08-22, and clients use TLS, so those that verify it cannot connect. The command restarts the
#       instance at once, which interrupts all its clients.
if agreed orders-legacy restart-now &&
    accepted orders-legacy status 'available storage-optimization' aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds describe-db-instances --db-instance-identifier orders-legacy --query 'DBInstances[0].DBInstanceStatus' --output text &&
    accepted orders-legacy 'other pending changes' none aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds describe-db-instances --db-instance-identifier orders-legacy --query 'keys(DBInstances[0].PendingModifiedValues || `{}`)[?@ != '\''CACertificateIdentifier'\'']' --output text &&
    run orders-legacy aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds modify-db-instance --db-instance-identifier orders-legacy --ca-certificate-identifier rds-ca-rsa2048-g1 --apply-immediately; then
    rotated=$((rotated + 1))
fi

# orders-prod (postgres): required, by 2026-12-13
# Why: 180 sessions from 2 clients used TLS (TLSv1.2: 36, TLSv1.3: 144)
# The rotation restarts the instance in the next maintenance window (2026-11-29 05:00 UTC).
if in_time orders-prod 1797742800 '2026-12-20 05:00 UTC' &&
    accepted orders-prod status 'available storage-optimization' aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds describe-db-instances --db-instance-identifier orders-prod --query 'DBInstances[0].DBInstanceStatus' --output text &&
    run orders-prod aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds apply-pending-maintenance-action --resource-identifier arn:aws:rds:eu-west-1:123456789012:db:orders-prod --apply-action server-certificate-rotation --opt-in-type next-maintenance; then
    scheduled=$((scheduled + 1))
fi

# --- 3. Gather evidence first: these instances can wait ---
# None.

# --- 4. No command rotates these instances yet ---

# Cause: AWS should have offered the rotation as a maintenance action by 2026-11-01, and did not.
#       Ask AWS Support, or rotate to another CA.
# - ledger (postgres): required, by 2027-01-30. The rotation restarts the instance.
#   Why: 144 sessions from 1 client used TLS (TLSv1.3: 144)

# Cause: AWS should have offered the rotation as a maintenance action by 2026-11-12, and did not.
#       Ask AWS Support, or rotate to another CA.
# - billing-pool (postgres): required (inconclusive), by 2027-02-10. The rotation restarts the
#       instance.
#   Why: 1 session ended whose login no log shows (user pool_user at 10.99.0.61, the oldest open by
#       2026-11-19 23:00), so whether TLS was used is unknown. Use more --days, or ask the owners.
# - carts-1 (docdb): required, by 2027-02-10. The rotation restarts the instance.
#   Why: parameter tls is enabled and in effect, so every client uses TLS
# - crm-quiet (postgres): required (inconclusive), by 2027-02-10. The rotation restarts the
#       instance.
#   Why: sessions are not logged. Set log_connections to 1 (no restart required), and run ssl-usage
#       again after a full cycle of your jobs.
# - forum (mariadb): required (inconclusive), by 2027-02-10. The rotation restarts the instance.
#   Why: the logs cover 30.0 % of the window, with a gap of 49 h from 2026-11-20 00:00 (the logs are
#       no longer kept), and the policy requires 95.0 %. Logs are kept for 24 h (maximum 24 h): run
#       `ssl-usage collect` on a schedule, or use fewer --days.
# - kiosk (mysql): required (inconclusive), by 2027-02-10. The rotation restarts the instance.
#   Why: up to 3 sessions from before the logs or from a gap may still be open (DatabaseConnections
#       minus logged sessions), so whether TLS is used is unknown. Restart all connection pools, or
#       stop all clients until the metric is 0, or see whether open sessions use TLS:
#       SELECT processlist_user, processlist_host, processlist_db, connection_type FROM performance_schema.threads WHERE type = 'FOREGROUND' AND processlist_user IS NOT NULL; -- needs SELECT on performance_schema.threads; without any row, performance_schema is off
# - loyalty-1 (aurora-mysql): required (inconclusive), by 2027-02-10. The rotation restarts the
#       instance.
#   Why: only the audit log is on, and it does not record TLS. Set general_log to 1 and log_output
#       to FILE (no restart required), and run ssl-usage again after a full cycle of your jobs.
# - mobile-api (mysql): required, by 2027-02-10. The rotation restarts the instance.
#   Why: 60 logins used IAM authentication, which requires TLS, between 2026-11-20 08:00 and
#       2026-11-22 18:00 (IamDbAuthConnectionSuccess)
# - payroll (sqlserver-se): required (inconclusive), by 2027-02-10. The rotation restarts the
#       instance.
#   Why: no log of SQL Server records TLS. To see whether open sessions use TLS, run:
#       SELECT c.session_id, s.login_name, s.host_name, s.program_name, c.net_transport, c.encrypt_option FROM sys.dm_exec_connections c JOIN sys.dm_exec_sessions s ON s.session_id = c.session_id; -- TRUE in encrypt_option is TLS; needs VIEW SERVER STATE; it lists the sessions of this moment, so repeat it
# - shop (mysql): required, by 2027-02-10. The rotation restarts the instance.
#   Why: 72 sessions from 1 client used TLS
# - stock (oracle-se2): required, by 2027-02-10. The rotation restarts only the listener (open
#       sessions stay, new ones get errors meanwhile).
#   Why: 3 sessions from 1 client used TLS
# - intranet (mysql): deferrable, by 2027-02-10. The rotation restarts the instance.
#   Why: no TLS in 72 sessions from 1 client (95 % confidence: at most 4.08 % of such sessions use
#       TLS)
# - reports-batch (postgres): deferrable, by 2027-02-10. The rotation restarts the instance.
#   Why: no TLS in 219 sessions from 3 clients (95 % confidence: at most 1.36 % of such sessions use
#       TLS)
# - warehouse-gap (postgres): deferrable, by 2027-02-10. The rotation restarts the instance.
#   Why: no TLS in 189 sessions from 3 clients (95 % confidence: at most 1.57 % of such sessions use
#       TLS)

# --- 5. These instances need nothing ---
# analytics-1: AWS renews the server certificate without a restart in the maintenance window of
#       2027-02-07. It expires on 2027-08-01, and its CA on 2061-05-25.
# archive: no client can use TLS, because the setting DB2COMM disables it
# catalog-1: Aurora Serverless v1 gets its certificate from AWS Certificate Manager, which renews it
# erp: no client can use TLS, because the option group does not contain the option SSL
# graph-1: Neptune's certificate is signed by Amazon's public certificate authority, which clients
#       trust through their system's trust store; the rotation of RDS's certificate authorities does not
#       affect it
# profiles-1: no client can use TLS, because the setting tls disables it
# scratch: no client can use TLS, because the setting ssl disables it
# wiki: the server certificate expires on 2029-06-01, and its CA on 2061-05-25

# --- 6. Verify the certificates; a change that waits for a restart or window is not shown yet ---
run orders-legacy aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds describe-db-instances --db-instance-identifier orders-legacy --query 'DBInstances[].[DBInstanceIdentifier,CertificateDetails.CAIdentifier,CertificateDetails.ValidTill,PendingModifiedValues.CACertificateIdentifier]' --output text
run orders-prod aws --profile "$AWS_PROFILE_123456789012" --region eu-west-1 rds describe-db-instances --db-instance-identifier orders-prod --query 'DBInstances[].[DBInstanceIdentifier,CertificateDetails.CAIdentifier,CertificateDetails.ValidTill,PendingModifiedValues.CACertificateIdentifier]' --output text

# --- 7. Afterwards: which certificates are active, which clients are missing or connect without TLS? ---
# ssl-usage probe --certificates
# ssl-usage analyze --format json -o after.json
# ssl-usage diff before.json after.json

missing=11
say "Rotated now: $rotated. Scheduled: $scheduled. Skipped: $skipped. Failed: $failed."
say 'No command yet: 14 (the first by 2027-01-30): ledger, billing-pool, carts-1, crm-quiet, forum, kiosk, loyalty-1, mobile-api, payroll, shop, stock, intranet, reports-batch, warehouse-gap.'

if [ $((skipped + failed + missing)) -gt 0 ]; then
    exit 1
fi
