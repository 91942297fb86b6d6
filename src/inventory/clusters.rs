//! Clusters, as far as instances do not show them: clusters without instances, and members that no listing shows.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_rds::types::{ClusterScalabilityType, DbCluster, DbClusterMember, DbInstance};

use super::database_login::DatabaseLogin;
use super::profile::{Certificate, ClusterRole, InstanceProfile};
use super::rds::{instant, tags};
use crate::error::{Error, ErrorKind, TRY_AGAIN};

/// The role of an instance in its cluster; none where the answer does not say it.
pub(super) fn role(cluster: &DbCluster, instance: &DbInstance) -> Option<ClusterRole> {
    let of = |member: &&DbClusterMember| member.db_instance_identifier() == instance.db_instance_identifier();
    let writes = cluster.db_cluster_members().iter().find(of)?.is_cluster_writer()?;
    Some(if writes { ClusterRole::Writer } else { ClusterRole::Reader })
}

/// Identifiers of the other members of an instance's cluster.
pub(super) fn siblings(cluster: &DbCluster, instance: &DbInstance) -> Vec<String> {
    let others = members(cluster).filter(|member| Some(*member) != instance.db_instance_identifier());
    let mut others: Vec<_> = others.map(str::to_owned).collect();
    others.sort_unstable();
    others
}

fn members(cluster: &DbCluster) -> impl Iterator<Item = &str> {
    cluster.db_cluster_members().iter().filter_map(DbClusterMember::db_instance_identifier)
}

/// Errors for members of clusters that the listing of instances does not show: two answers contradict each other.
pub(super) fn unlisted<'c>(clusters: impl Iterator<Item = &'c DbCluster>, listed: &BTreeSet<String>) -> Vec<Error> {
    let members = clusters.flat_map(|cluster| members(cluster).map(move |member| (cluster, member)));
    let missing = members.filter(|(_, member)| !listed.contains(*member));
    missing
        .map(|(cluster, member)| {
            let message = format!(
                "rds:DescribeDBClusters lists this instance as a member of {}, but rds:DescribeDBInstances does not return it",
                cluster.db_cluster_identifier().unwrap_or_default()
            );
            Error::new(ErrorKind::Service, member, message).hint(TRY_AGAIN)
        })
        .collect()
}

/// A cluster without instances as a row of the inventory: its identifier and ARN stand for those of an instance. None for a
/// cluster with instances, and where the answer does not give its ARN.
pub(super) fn without_instances(cluster: &DbCluster) -> Option<InstanceProfile> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let arn = cluster.db_cluster_arn().filter(|_| cluster.db_cluster_members().is_empty())?.to_owned();
    let mut arn_parts = arn.split(':').skip(3).map(str::to_owned);
    let (region, account) = (arn_parts.next().unwrap_or_default(), arn_parts.next().unwrap_or_default());
    Some(InstanceProfile {
        arn,
        account,
        region,
        instance: text(cluster.db_cluster_identifier()),
        cluster: cluster.db_cluster_identifier().map(str::to_owned),
        cluster_role: None,
        cluster_siblings: Vec::new(),
        custom_endpoints: cluster.custom_endpoints().to_vec(),
        endpoints: Vec::new(),
        login: DatabaseLogin::default(),
        engine: text(cluster.engine()),
        engine_version: text(cluster.engine_version()),
        engine_mode: cluster.engine_mode().map(str::to_owned),
        is_limitless: cluster.cluster_scalability_type() == Some(&ClusterScalabilityType::Limitless),
        status: text(cluster.status()),
        maintenance_window: cluster.preferred_maintenance_window().map(str::to_owned),
        pending_changes: Vec::new(),
        created_at: cluster.cluster_create_time().and_then(instant),
        iam_authentication: cluster.iam_database_authentication_enabled() == Some(true),
        certificate: Certificate::default(),
        pending: Vec::new(),
        parameters: BTreeMap::new(),
        proxies: Vec::new(),
        global_members: Vec::new(),
        log_exports: Vec::new(),
        unknown: Vec::new(),
        tags: Some(tags(cluster.tag_list())),
    })
}
