//! What a login to a database needs of AWS: a token of IAM database authentication, or a secret.

use aws_sdk_rds::auth_token::{AuthTokenGenerator, Config};

use super::{Aws, failure, integrity};
use crate::error::{Error, ErrorKind, Result};

impl Aws {
    /// A token for a user of a database, which is a password for 15 minutes. It is signed here: no call is made. `user` must be
    /// encoded for a URL.
    ///
    /// Source: "IAM database authentication" in the RDS user guide.
    ///
    /// # Errors
    ///
    /// When there are no credentials.
    pub async fn database_token(&self, host: &str, port: u16, user: &str) -> Result<String> {
        let invalid = |happened: String| Error::new(ErrorKind::Credentials, host, happened);
        // The generator ends the process for a host that is none.
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || [b'.', b'-', b'_'].contains(&byte);
        if host.is_empty() || !host.bytes().all(is_host) {
            return Err(invalid("the endpoint is not a host name".to_owned()));
        }
        let config = Config::builder().hostname(host).port(u64::from(port)).username(user).build();
        let config = config.map_err(|error| invalid(error.to_string()))?;
        let token = AuthTokenGenerator::new(config).auth_token(&self.config).await;
        Ok(token.map_err(|error| invalid(error.to_string()))?.as_str().to_owned())
    }

    /// The text of a secret in AWS Secrets Manager.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is no text.
    pub async fn secret(&self, arn: &str) -> Result<String> {
        const ACTION: &str = "secretsmanager:GetSecretValue";
        let config = aws_sdk_secretsmanager::config::Builder::from(&self.config)
            .interceptor(integrity::WholeAnswers(integrity::whole_json))
            .retry_classifier(integrity::RetryCutAnswers);
        let client = aws_sdk_secretsmanager::Client::from_conf(config.build());
        let answer = client.get_secret_value().secret_id(arn).send().await;
        let answer = answer.map_err(|error| failure(arn, ACTION, error))?;
        let missing = || Error::new(ErrorKind::Service, arn, "the secret is not a text");
        answer.secret_string.ok_or_else(missing)
    }
}
