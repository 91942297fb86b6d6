//! The probe of the live sessions that would help an inconclusive instance, and what it needs.

use serde::Serialize;
use ssl_usage_parsers::TlsStart;

use crate::inventory::{EndpointKind, InstanceProfile};
use crate::sessions::{grants, lists_sessions};
use crate::verdict::{Policy, ReasonCode, Verdict};

/// The database user in commands and statements.
const USER: &str = "monitor";

/// A probe of an instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ProbeStep {
    /// What it shows.
    pub shows: String,
    /// What to run, as an argument vector.
    pub command: Vec<String>,
    /// Statements for the database that make the user and let it list sessions.
    pub statements: Vec<String>,
    /// Where its password belongs, as the end of a sentence; empty if it has none.
    #[serde(skip)]
    pub password: &'static str,
    /// The resource of the IAM action `rds-db:connect`; none if the login does not use IAM.
    pub rds_db_connect: Option<String>,
}

/// The probe that helps most; none if the instance is judged already, or its sessions cannot be listed.
pub(super) fn step(profile: &InstanceProfile, verdict: &Verdict, policy: &Policy) -> Option<ProbeStep> {
    let engine = profile.known_engine()?;
    let start = engine.tls_start?;
    let has_endpoint = profile.endpoints.iter().any(|endpoint| endpoint.kind == EndpointKind::Instance);
    if !verdict.unproven || !has_endpoint || !lists_sessions(engine) {
        return None;
    }
    let is_settled_by = |code| verdict.reasons.first().is_some_and(|reason| reason.code == code);
    let login = match (profile.iam_authentication, &profile.login.master_secret) {
        (true, _) => "iam",
        (_, Some(_)) => "secret",
        _ if start == TlsStart::Tds => "env",
        _ => "file",
    };
    let (shows, repeat) = match (is_settled_by(ReasonCode::OlderSessionsOpen), start) {
        (_, TlsStart::Tds) => (
            "If a session uses TLS, the verdict is `required`. Nothing shows that no client uses it: if no sample does over a \
             full cycle of your jobs, add an attestation to the policy.",
            Some(24),
        ),
        (true, TlsStart::Mysql) => (
            "One sample shows whether the sessions that were opened before the logs use TLS. If performance_schema is off, also \
             run GRANT PROCESS ON *.* TO 'monitor'@'%'; so that connection IDs can be compared with the audit log.",
            None,
        ),
        (true, _) => ("One sample shows whether the sessions that were opened before the logs use TLS.", None),
        (false, TlsStart::Mysql) => (
            "Samples show who is connected, and the server's counter of TLS handshakes shows whether clients use TLS in \
             between. No log is needed.",
            Some(policy.least_window_hours + 1),
        ),
        (false, _) => (
            "If a session uses TLS, the verdict is `required`. To conclude that no client uses TLS, logs are needed.",
            None,
        ),
    };
    let words = ["ssl-usage", "probe", "--sessions", "--login", login];
    let mut command: Vec<String> = words.map(str::to_owned).to_vec();
    if login == "iam" {
        command.extend(["--user".to_owned(), USER.to_owned()]);
    }
    command.extend(["--region".to_owned(), profile.region.clone()]);
    command.extend(["--instance".to_owned(), profile.instance.clone()]);
    if let Some(hours) = repeat {
        command.extend(["--every", "60s", "--for"].map(str::to_owned));
        command.push(format!("{hours}h"));
    }
    let rds_db_connect = (login == "iam").then(|| resource(profile)).flatten();
    let password = match (login, start) {
        ("iam" | "secret", _) => "",
        (_, TlsStart::Tds) => ", with SQLCMDUSER and SQLCMDPASSWORD set",
        (_, TlsStart::Mysql) => ", with its name and password in the section [client] of ~/.my.cnf",
        (_, _) => ", with a line HOST:5432:postgres:monitor:PASSWORD in ~/.pgpass",
    };
    Some(ProbeStep { shows: shows.to_owned(), command, password, statements: statements(login, start), rds_db_connect })
}

/// Statements for the master user. It may list sessions itself.
///
/// Source: "Creating a database account using IAM authentication" in the RDS user guide.
fn statements(login: &str, start: TlsStart) -> Vec<String> {
    let create = match (login, start) {
        ("secret", _) => return Vec::new(),
        ("iam", TlsStart::Mysql) => {
            vec![format!("CREATE USER '{USER}'@'%' IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS';")]
        }
        ("iam", _) => vec![format!("CREATE USER \"{USER}\";"), format!("GRANT rds_iam TO \"{USER}\";")],
        (_, TlsStart::Tds) => vec![format!("CREATE LOGIN [{USER}] WITH PASSWORD = 'choose a password';")],
        (_, TlsStart::Mysql) => vec![format!("CREATE USER '{USER}'@'%' IDENTIFIED BY 'choose a password';")],
        (_, _) => vec![format!("CREATE USER \"{USER}\" PASSWORD 'choose a password';")],
    };
    create.into_iter().chain(grants(USER, start)).collect()
}

/// The resource of `rds-db:connect`.
///
/// Source: "Creating and using an IAM policy for IAM database access" in the RDS user guide.
fn resource(profile: &InstanceProfile) -> Option<String> {
    let partition = profile.arn.split(':').nth(1)?;
    let id = profile.login.resource_id.as_deref()?;
    Some(format!("arn:{partition}:rds-db:{}:{}:dbuser:{id}/{USER}", profile.region, profile.account))
}
