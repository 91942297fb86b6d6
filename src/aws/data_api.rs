//! Queries through the RDS Data API, where no network leads to the database.

use aws_sdk_rdsdata::Client;
use aws_sdk_rdsdata::types::Field;

use super::{Aws, failure, integrity};
use crate::error::{Error, ErrorKind, Result};

/// A transaction on the writer of an Aurora cluster. All of its queries use one session.
///
/// Source: "Using the Amazon RDS Data API" in the Aurora user guide.
#[derive(Clone, Debug)]
pub struct Transaction {
    client: Client,
    cluster: String,
    secret: String,
    id: String,
}

impl Aws {
    /// Begins a transaction. `cluster` and `secret` are ARNs; `database` may be none for Aurora MySQL.
    ///
    /// # Errors
    ///
    /// When AWS or the database denies it.
    pub async fn transaction(&self, cluster: &str, secret: &str, database: Option<&str>) -> Result<Transaction> {
        const ACTION: &str = "rds-data:BeginTransaction";
        let config = aws_sdk_rdsdata::config::Builder::from(&self.config)
            .interceptor(integrity::WholeAnswers(integrity::whole_json))
            .retry_classifier(integrity::RetryCutAnswers);
        let client = Client::from_conf(config.build());
        let begin = client.begin_transaction().resource_arn(cluster).secret_arn(secret);
        let begun = begin.set_database(database.map(str::to_owned)).send().await;
        let begun = begun.map_err(|error| failure(cluster, ACTION, error))?;
        let id =
            begun.transaction_id.ok_or_else(|| Error::new(ErrorKind::Service, cluster, "the transaction has no ID"))?;
        Ok(Transaction { client, cluster: cluster.to_owned(), secret: secret.to_owned(), id })
    }
}

impl Transaction {
    /// The rows of a query, as texts; none for NULL. An answer of more than 1 MB is an error.
    ///
    /// # Errors
    ///
    /// When AWS or the database denies it.
    pub async fn rows(&self, query: &str) -> Result<Vec<Vec<Option<String>>>> {
        const ACTION: &str = "rds-data:ExecuteStatement";
        let execute = self.client.execute_statement().resource_arn(&self.cluster).secret_arn(&self.secret);
        let answer = execute.transaction_id(&self.id).sql(query).send().await;
        let answer = answer.map_err(|error| failure(&self.cluster, ACTION, error))?;
        let unknown = || {
            let error = Error::new(ErrorKind::Endpoint, &self.cluster, "a value of the answer has an unknown type");
            error.call(ACTION, None)
        };
        let row = |row: Vec<Field>| row.into_iter().map(|value| text(value).ok_or_else(unknown)).collect();
        answer.records.into_iter().flatten().map(row).collect()
    }

    /// Ends it. Nothing was changed.
    pub async fn end(self) {
        let end = self.client.rollback_transaction().resource_arn(self.cluster).secret_arn(self.secret);
        // If this fails, the transaction ends by itself after three minutes.
        let _ = end.transaction_id(self.id).send().await;
    }
}

/// A value as text, and none for NULL; no answer for a type that is not understood.
fn text(value: Field) -> Option<Option<String>> {
    Some(match value {
        Field::StringValue(text) => Some(text),
        Field::LongValue(number) => Some(number.to_string()),
        Field::DoubleValue(number) => Some(number.to_string()),
        Field::BooleanValue(is_true) => Some(is_true.to_string()),
        Field::IsNull(true) => None,
        _ => return None,
    })
}
