//! What the RDS API says of logins to a database.

use aws_sdk_rds::types::{DbCluster, DbInstance};
use serde::{Deserialize, Serialize};

/// What a login to the database of an instance needs. It holds no password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseLogin {
    /// `DbiResourceId` of the instance, or `DbClusterResourceId` of its cluster: the resource of `rds-db:connect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// ARN of the secret of the master user (`MasterUserSecret`), if RDS keeps it in Secrets Manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master_secret: Option<String>,
    /// ARN of its cluster, if the RDS Data API is on (`HttpEndpointEnabled`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_api: Option<String>,
}

impl DatabaseLogin {
    /// Of an instance, and of the cluster that it belongs to.
    pub(super) fn of(instance: &DbInstance, cluster: Option<&DbCluster>) -> Self {
        let of_cluster = cluster.and_then(DbCluster::db_cluster_resource_id);
        let secret = cluster.and_then(DbCluster::master_user_secret).or(instance.master_user_secret());
        let with_data_api = cluster.filter(|cluster| cluster.http_endpoint_enabled() == Some(true));
        Self {
            resource_id: of_cluster.or(instance.dbi_resource_id()).map(str::to_owned),
            master_secret: secret.and_then(|secret| secret.secret_arn()).map(str::to_owned),
            data_api: with_data_api.and_then(DbCluster::db_cluster_arn).map(str::to_owned),
        }
    }

    /// Whether the API says nothing of logins, as in older bundles.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
