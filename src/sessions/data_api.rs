//! Sessions through the RDS Data API: of the writer of an Aurora cluster that enables it.

use ssl_usage_parsers::TlsStart;

use super::database::{Database, QueryError};
use super::failure::SampleFailure;
use super::login::NO_SECRET;
use super::pgpass;
use crate::aws::Aws;
use crate::error::Error;
use crate::inventory::{ClusterRole, InstanceProfile};

/// What a transaction needs: ARNs of the cluster and of the secret.
pub(super) struct DataApi<'p> {
    cluster: &'p str,
    secret: &'p str,
}

impl<'p> DataApi<'p> {
    /// That of an instance.
    ///
    /// # Errors
    ///
    /// When the Data API does not reach it.
    pub fn of(profile: &'p InstanceProfile) -> Result<Self, SampleFailure> {
        let login = &profile.login;
        let (Some(cluster), Some(ClusterRole::Writer)) = (login.data_api.as_deref(), profile.cluster_role) else {
            let why =
                "it reaches only the writers of Aurora clusters that enable it. Use another --login for this instance";
            return Err(SampleFailure::data_api(why));
        };
        let secret = login.master_secret.as_deref().ok_or_else(|| SampleFailure::no_credentials(NO_SECRET))?;
        Ok(Self { cluster, secret })
    }

    /// Begins a transaction on the instance of this name.
    ///
    /// # Errors
    ///
    /// When AWS or the database denies it, and when another instance is the writer by now.
    ///
    /// Sources: "aurora_db_instance_identifier" and "aurora_server_id" in the Aurora user guide.
    pub async fn begin(&self, start: TlsStart, instance: &str, aws: Option<&Aws>) -> Result<Database, SampleFailure> {
        let aws = aws.ok_or_else(|| SampleFailure::no_credentials("there are no AWS credentials"))?;
        let (database, own_name) = match start {
            TlsStart::Mysql => (None, "SELECT @@aurora_server_id"),
            _ => (Some(pgpass::DATABASE), "SELECT aurora_db_instance_identifier()"),
        };
        let begun = aws.transaction(self.cluster, self.secret, database).await;
        let mut database = Database::DataApi(begun.map_err(|error| SampleFailure::data_api(in_full(&error)))?);
        let rows = database.rows(own_name).await;
        let rows = rows.map_err(|QueryError { message, .. }| SampleFailure::data_api(message))?;
        match rows.into_iter().flatten().flatten().next() {
            Some(name) if name.eq_ignore_ascii_case(instance) => Ok(database),
            name => {
                database.close().await;
                let name = name.unwrap_or_else(|| "an unknown instance".to_owned());
                let why = format!("it reached {name}, which is the writer now. Run the command again");
                Err(SampleFailure::data_api(why))
            }
        }
    }
}

/// What the database says, with its own number of the error: AWS passes it on in its message.
pub(super) fn query_error(error: &Error) -> QueryError {
    let message = error.answer().and_then(|answer| answer.message.clone()).unwrap_or_else(|| error.to_string());
    let number = message.split_once("rror code: ").map(|(_, rest)| rest);
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect();
    QueryError { code: number.map(digits).unwrap_or_default(), message }
}

/// An error with what AWS says.
pub(super) fn in_full(error: &Error) -> String {
    error.answer().map_or_else(|| error.to_string(), |answer| format!("{answer}. {error}"))
}
