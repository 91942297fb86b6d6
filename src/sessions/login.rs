//! The database user and password of a session probe. A password is never on the command line, in a bundle or in an error.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use ssl_usage_parsers::TlsStart;

use super::data_api::in_full;
use super::failure::SampleFailure;
use super::{option_file, pgpass};
use crate::aws::Aws;
use crate::inventory::{Endpoint, InstanceProfile};

/// Where the password comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginMethod {
    /// A token that the AWS credentials sign (IAM database authentication).
    Iam,
    /// The secret of the master user that RDS keeps in AWS Secrets Manager.
    Secret,
    /// The same secret, through the RDS Data API.
    DataApi,
    /// `PGPASSWORD`, `MYSQL_PWD` or `SQLCMDPASSWORD`.
    Environment,
    /// `.pgpass` or `.my.cnf`.
    File,
}

impl LoginMethod {
    /// Whether it calls AWS.
    pub fn needs_aws(self) -> bool {
        matches!(self, Self::Iam | Self::Secret | Self::DataApi)
    }
}

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The database user.
    pub user: String,
    /// The password.
    pub password: String,
    /// Whether the password is sent as it is, as IAM database authentication requires.
    pub is_token: bool,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Where logins come from, for all instances of a run.
#[derive(Clone, Debug)]
pub struct Login {
    /// Where the password comes from.
    pub method: LoginMethod,
    /// The user that the command line names.
    pub user: Option<String>,
    /// The environment's value of a variable.
    pub variable: fn(&str) -> Option<String>,
}

/// The files and variables of the clients of an engine.
///
/// Sources: "The Password File" and "Environment Variables" in the documentation of PostgreSQL; "Using Option Files" and
/// "Environment Variables" in that of MySQL; "sqlcmd utility" in that of SQL Server.
struct ClientSettings {
    user: Option<&'static str>,
    password: &'static str,
    file: Option<&'static str>,
    file_variable: Option<&'static str>,
}

const POSTGRES: ClientSettings = ClientSettings {
    user: Some("PGUSER"),
    password: "PGPASSWORD",
    file: Some(".pgpass"),
    file_variable: Some("PGPASSFILE"),
};
const MYSQL: ClientSettings =
    ClientSettings { user: None, password: "MYSQL_PWD", file: Some(".my.cnf"), file_variable: None };
/// Those of `sqlcmd`.
const SQL_SERVER: ClientSettings =
    ClientSettings { user: Some("SQLCMDUSER"), password: "SQLCMDPASSWORD", file: None, file_variable: None };

/// Why there is no secret.
pub(super) const NO_SECRET: &str = "RDS keeps no secret of the master user for this instance. Use --login env or file.";
/// What else there is for SQL Server.
const OTHER_LOGIN: &str = "Use --login secret or env.";

/// What a name in a token is encoded with.
const IN_TOKEN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What RDS keeps in a secret. There may be more in it.
#[derive(Deserialize)]
struct MasterUser {
    username: String,
    password: String,
}

impl Login {
    /// The user and the password for an instance. `aws` is needed for tokens and secrets.
    ///
    /// # Errors
    ///
    /// When there is no password.
    pub(super) async fn credentials(
        &self,
        profile: &InstanceProfile,
        endpoint: &Endpoint,
        aws: Option<&Aws>,
    ) -> Result<Credentials, SampleFailure> {
        let client = match profile.known_engine().and_then(|engine| engine.tls_start) {
            Some(TlsStart::Mysql) => MYSQL,
            Some(TlsStart::Tds) => SQL_SERVER,
            _ => POSTGRES,
        };
        let named = || {
            let user = self.user.clone().or_else(|| (self.variable)(client.user?));
            user.ok_or_else(|| {
                SampleFailure::no_credentials(
                    "the database user is unknown. Add --user, which is for all engines of a run.",
                )
            })
        };
        match self.method {
            LoginMethod::Iam if client.file.is_none() => Err(SampleFailure::no_credentials(format!(
                "RDS for SQL Server has no IAM database authentication. {OTHER_LOGIN}"
            ))),
            LoginMethod::Iam if !profile.iam_authentication => Err(SampleFailure::no_credentials(
                "IAM database authentication is off on this instance. Use --login secret, env or file.",
            )),
            LoginMethod::Iam => {
                let aws = aws.ok_or_else(|| SampleFailure::no_credentials("there are no AWS credentials"))?;
                let user = named()?;
                let encoded = utf8_percent_encode(&user, IN_TOKEN).to_string();
                let token = aws.database_token(&endpoint.host, endpoint.port, &encoded).await;
                let password = token.map_err(|error| SampleFailure::no_credentials(in_full(&error)))?;
                Ok(Credentials { user, password, is_token: true })
            }
            LoginMethod::Secret | LoginMethod::DataApi => self.secret(profile, aws).await,
            LoginMethod::Environment => {
                let missing = || SampleFailure::no_credentials(format!("the variable {} is not set", client.password));
                let password = (self.variable)(client.password).ok_or_else(missing)?;
                Ok(Credentials { user: named()?, password, is_token: false })
            }
            LoginMethod::File => self.of_file(&client, endpoint),
        }
    }

    async fn secret(&self, profile: &InstanceProfile, aws: Option<&Aws>) -> Result<Credentials, SampleFailure> {
        let aws = aws.ok_or_else(|| SampleFailure::no_credentials("there are no AWS credentials"))?;
        let missing = || SampleFailure::no_credentials(NO_SECRET);
        let arn = profile.login.master_secret.as_deref().ok_or_else(missing)?;
        let text = aws.secret(arn).await.map_err(|error| SampleFailure::no_credentials(in_full(&error)))?;
        // The error of the parser may repeat what is in the secret.
        let unreadable = |_| SampleFailure::no_credentials(format!("the secret {arn} has no username and password"));
        let MasterUser { username, password } = serde_json::from_str(&text).map_err(unreadable)?;
        Ok(Credentials { user: username, password, is_token: false })
    }

    fn of_file(&self, client: &ClientSettings, endpoint: &Endpoint) -> Result<Credentials, SampleFailure> {
        let Some(file) = client.file else {
            return Err(SampleFailure::no_credentials(format!("SQL Server has no password file. {OTHER_LOGIN}")));
        };
        let named = client.file_variable.and_then(self.variable).map(PathBuf::from);
        let home = || Some(PathBuf::from((self.variable)("HOME")?).join(file));
        let path = named.or_else(home).ok_or_else(|| SampleFailure::no_credentials("HOME is not set"))?;
        let found = match file {
            ".pgpass" => pgpass::login(&path, endpoint, self.user.as_deref().or((self.variable)("PGUSER").as_deref())),
            _ => option_file::login(&path, self.user.as_deref()),
        };
        let (user, password) =
            found.map_err(|why| SampleFailure::no_credentials(format!("{}: {why}", path.display())))?;
        Ok(Credentials { user, password, is_token: false })
    }
}
