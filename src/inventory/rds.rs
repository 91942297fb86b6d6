//! The inventory of one region from the RDS API: one call for each page of instances and clusters, and one for each
//! parameter group and engine version in use.

use std::collections::BTreeMap;

use aws_sdk_rds::operation::describe_certificates::DescribeCertificatesOutput;
use aws_sdk_rds::operation::describe_db_clusters::DescribeDbClustersOutput;
use aws_sdk_rds::operation::describe_db_proxies::DescribeDbProxiesOutput;
use aws_sdk_rds::operation::describe_db_proxy_targets::DescribeDbProxyTargetsOutput;
use aws_sdk_rds::operation::describe_global_clusters::DescribeGlobalClustersOutput;
use aws_sdk_rds::operation::describe_pending_maintenance_actions::DescribePendingMaintenanceActionsOutput;
use aws_sdk_rds::types::{DbCluster, DbInstance, GlobalCluster, Parameter as ApiParameter, Tag as ApiTag};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use ssl_usage_parsers::OPTION;

use super::authority::Authorities;
use super::database_login::DatabaseLogin;
use super::endpoint::endpoints;
use super::filter::Filter;
use super::profile::{Certificate, Fleet, InstanceProfile, LeftOut, Level, PendingAction};
use super::{clusters, parameters, pending_changes};
use crate::aws::{Aws, is_unavailable, list};
use crate::error::{Error, Result};
use crate::problem::Problem;

/// Takes the inventory of the instances of a region that a filter takes.
///
/// # Errors
///
/// When the instances cannot be listed. What else cannot be asked is an entry in the fleet's `errors`, and in `unknown` of
/// the instances that it concerns.
pub async fn take(aws: &Aws, filter: &Filter, taken_at: Timestamp) -> Result<Fleet> {
    let listed = instances(aws).await?;
    let mut asked = Asked {
        aws,
        errors: Vec::new(),
        clusters: BTreeMap::new(),
        global: Vec::new(),
        groups: BTreeMap::new(),
        versions: BTreeMap::new(),
    };
    asked.clusters().await;
    if !asked.clusters.is_empty() {
        asked.global_clusters().await;
    }
    asked.check_members(&listed);
    let authorities = asked.authorities().await;
    let shared = Shared { authorities, pending: asked.pending().await, proxies: asked.proxies().await };
    let mut instances = Vec::new();
    for instance in listed.iter().filter(|instance| filter.takes(*instance)) {
        instances.push(asked.profile(instance, &shared).await);
    }
    let empty = asked.clusters.values().filter(|cluster| filter.takes(*cluster));
    instances.extend(empty.filter_map(clusters::without_instances));
    instances.sort_by(|one, other| one.arn.cmp(&other.arn));
    let account = aws.account.clone().or_else(|| instances.first().map(|instance| instance.account.clone()));
    let errors = asked.errors.into_iter().map(|problem| problem.at(account.as_deref(), &aws.region)).collect();
    let (region, caller, whole) = (aws.region.clone(), aws.caller.clone(), filter.takes_whole_regions());
    let left_out = listed.iter().filter(|instance| !filter.takes(*instance));
    let left_out = LeftOut {
        instances: left_out
            .clone()
            .filter_map(|instance| instance.db_instance_identifier().map(str::to_owned))
            .collect(),
        tags: left_out.flat_map(|instance| instance.tag_list().iter().map(tag)).collect(),
    };
    Ok(Fleet { taken_at, account, region, caller, whole, instances, errors, left_out })
}

/// A tag as the filter has it: `KEY=VALUE`.
fn tag(tag: &ApiTag) -> String {
    format!("{}={}", tag.key().unwrap_or_default(), tag.value().unwrap_or_default())
}

/// An instant of the API; none outside of what a calendar holds.
pub(super) fn instant(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

async fn instances(aws: &Aws) -> Result<Vec<DbInstance>> {
    let ask = |marker| aws.rds.describe_db_instances().set_marker(marker).send();
    list(&aws.region, "rds:DescribeDBInstances", ask, |page| (page.db_instances, page.marker)).await
}

/// What all instances of a region share; none where it could not be read.
struct Shared {
    authorities: Option<Authorities>,
    pending: Option<BTreeMap<String, Vec<PendingAction>>>,
    /// Names of proxies, by the name of their target.
    proxies: Option<BTreeMap<String, Vec<String>>>,
}

impl Shared {
    /// Adds what is scheduled for an instance, and the proxies in front of it.
    fn add_to(&self, profile: &mut InstanceProfile, cluster: Option<&DbCluster>) {
        match &self.pending {
            // What is scheduled for a cluster is scheduled for its instances.
            Some(pending) => {
                let cluster = cluster.and_then(DbCluster::db_cluster_arn);
                let arns = [Some(profile.arn.as_str()), cluster].into_iter().flatten();
                profile.pending = arns.filter_map(|arn| pending.get(arn)).flatten().cloned().collect();
            }
            None => profile.unknown.push("rds:DescribePendingMaintenanceActions".to_owned()),
        }
        match &self.proxies {
            Some(proxies) => {
                let names = [Some(&profile.instance), profile.cluster.as_ref()].into_iter().flatten();
                profile.proxies = names.filter_map(|name| proxies.get(name)).flatten().cloned().collect();
                profile.proxies.sort_unstable();
                profile.proxies.dedup();
            }
            None => profile.unknown.push("rds:DescribeDBProxies".to_owned()),
        }
        if self.authorities.is_none() {
            profile.unknown.push("rds:DescribeCertificates".to_owned());
        }
    }
}

/// What is known of an engine version.
#[derive(Clone)]
struct Version {
    rotates_without_restart: Option<bool>,
    supported: Option<Vec<String>>,
}

/// Answers that many instances share, each asked for once.
struct Asked<'a> {
    aws: &'a Aws,
    errors: Vec<Problem>,
    clusters: BTreeMap<String, DbCluster>,
    /// ARNs of the clusters of each global cluster.
    global: Vec<Vec<String>>,
    groups: BTreeMap<(Level, String), Option<Vec<ApiParameter>>>,
    versions: BTreeMap<(String, String), Option<Version>>,
}

impl Asked<'_> {
    /// Keeps an error, and says that there is no answer.
    fn missing<T>(&mut self, error: &Error) -> Option<T> {
        self.errors.push(Problem::from(error));
        None
    }

    async fn clusters(&mut self) {
        let ask = |marker| self.aws.rds.describe_db_clusters().set_marker(marker).send();
        let take = |page: DescribeDbClustersOutput| (page.db_clusters, page.marker);
        match list(&self.aws.region, "rds:DescribeDBClusters", ask, take).await {
            Ok(clusters) => {
                let named = |cluster: DbCluster| Some((cluster.db_cluster_identifier()?.to_owned(), cluster));
                self.clusters = clusters.into_iter().filter_map(named).collect();
            }
            Err(error) => self.errors.push(Problem::from(&error)),
        }
    }

    /// Keeps an error for each member of a cluster that is not among the instances.
    fn check_members(&mut self, listed: &[DbInstance]) {
        let listed =
            listed.iter().filter_map(|instance| instance.db_instance_identifier().map(str::to_owned)).collect();
        let missing = clusters::unlisted(self.clusters.values(), &listed);
        self.errors.extend(missing.iter().map(Problem::from));
    }

    async fn global_clusters(&mut self) {
        let ask = |marker| self.aws.rds.describe_global_clusters().set_marker(marker).send();
        let take = |page: DescribeGlobalClustersOutput| (page.global_clusters, page.marker);
        match list(&self.aws.region, "rds:DescribeGlobalClusters", ask, take).await {
            Ok(global) => {
                let members = |global: &GlobalCluster| {
                    global
                        .global_cluster_members()
                        .iter()
                        .filter_map(|member| member.db_cluster_arn().map(str::to_owned))
                        .collect()
                };
                self.global = global.iter().map(members).collect();
            }
            // Then there are none.
            Err(error) if is_unavailable(&error) => {}
            Err(error) => self.errors.push(Problem::from(&error)),
        }
    }

    /// ARNs of the other clusters of a cluster's global cluster.
    fn beside(&self, cluster: &DbCluster) -> Vec<String> {
        let own = cluster.db_cluster_arn().unwrap_or_default();
        let global = self.global.iter().find(|members| members.iter().any(|arn| arn == own));
        let mut others: Vec<_> = global.into_iter().flatten().filter(|arn| *arn != own).cloned().collect();
        others.sort_unstable();
        others
    }

    async fn authorities(&mut self) -> Option<Authorities> {
        let mut default = None;
        let ask = |marker| self.aws.rds.describe_certificates().set_marker(marker).send();
        let take = |page: DescribeCertificatesOutput| {
            default = default.take().or(page.default_certificate_for_new_launches);
            (page.certificates, page.marker)
        };
        let certificates = match list(&self.aws.region, "rds:DescribeCertificates", ask, take).await {
            Ok(certificates) => certificates,
            Err(error) => return self.missing(&error),
        };
        Some(Authorities::new(&certificates, default.as_deref()))
    }

    async fn pending(&mut self) -> Option<BTreeMap<String, Vec<PendingAction>>> {
        let ask = |marker| self.aws.rds.describe_pending_maintenance_actions().set_marker(marker).send();
        let take = |page: DescribePendingMaintenanceActionsOutput| (page.pending_maintenance_actions, page.marker);
        match list(&self.aws.region, "rds:DescribePendingMaintenanceActions", ask, take).await {
            Ok(resources) => {
                let mut pending: BTreeMap<String, Vec<PendingAction>> = BTreeMap::new();
                for resource in resources {
                    let Some(arn) = resource.resource_identifier() else { continue };
                    let actions = resource.pending_maintenance_action_details().iter().filter_map(|action| {
                        // `ca-certificate-rotation` and `server-certificate-rotation` are both seen.
                        let name = action.action().filter(|name| name.contains("certificate"))?;
                        Some(PendingAction {
                            resource: Some(arn.to_owned()),
                            action: name.to_owned(),
                            auto_applied_after: action.auto_applied_after_date().and_then(instant),
                            forced_apply: action.forced_apply_date().and_then(instant),
                            current_apply: action.current_apply_date().and_then(instant),
                        })
                    });
                    pending.entry(arn.to_owned()).or_default().extend(actions);
                }
                Some(pending)
            }
            Err(error) => self.missing(&error),
        }
    }

    /// The proxies of the region, by the instances and clusters behind them.
    async fn proxies(&mut self) -> Option<BTreeMap<String, Vec<String>>> {
        let rds = &self.aws.rds;
        let ask = |marker| rds.describe_db_proxies().set_marker(marker).send();
        let take = |page: DescribeDbProxiesOutput| (page.db_proxies, page.marker);
        let proxies = match list(&self.aws.region, "rds:DescribeDBProxies", ask, take).await {
            Ok(proxies) => proxies,
            Err(error) if is_unavailable(&error) => Vec::new(),
            Err(error) => return self.missing(&error),
        };
        let mut behind: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in proxies.iter().filter_map(|proxy| proxy.db_proxy_name()) {
            let ask = |marker| rds.describe_db_proxy_targets().db_proxy_name(name).set_marker(marker).send();
            let take = |page: DescribeDbProxyTargetsOutput| (page.targets, page.marker);
            match list(name, "rds:DescribeDBProxyTargets", ask, take).await {
                Ok(targets) => {
                    for target in
                        targets.iter().flat_map(|target| [target.rds_resource_id(), target.tracked_cluster_id()])
                    {
                        let target = target.filter(|target| !target.is_empty());
                        behind.entry(target.unwrap_or_default().to_owned()).or_default().push(name.to_owned());
                    }
                }
                Err(error) => return self.missing(&error),
            }
        }
        Some(behind)
    }

    async fn group(&mut self, level: Level, name: &str) -> Option<Vec<ApiParameter>> {
        let key = (level, name.to_owned());
        if let Some(known) = self.groups.get(&key) {
            return known.clone();
        }
        let rds = &self.aws.rds;
        let answer: Result<Vec<ApiParameter>> = match level {
            Level::Instance => {
                let ask = |marker| rds.describe_db_parameters().db_parameter_group_name(name).set_marker(marker).send();
                list(name, "rds:DescribeDBParameters", ask, |page| (page.parameters, page.marker)).await
            }
            Level::Cluster => {
                let call = rds.describe_db_cluster_parameters().db_cluster_parameter_group_name(name);
                let ask = |marker| call.clone().set_marker(marker).send();
                list(name, "rds:DescribeDBClusterParameters", ask, |page| (page.parameters, page.marker)).await
            }
            Level::Option => {
                let ask = |marker| rds.describe_option_groups().option_group_name(name).set_marker(marker).send();
                let groups =
                    list(name, "rds:DescribeOptionGroups", ask, |page| (page.option_groups_list, page.marker)).await;
                groups.and_then(|groups| parameters::of_options(name, &groups))
            }
        };
        let answer = match answer {
            Ok(parameters) => Some(parameters),
            Err(error) => self.missing(&error),
        };
        self.groups.insert(key, answer.clone());
        answer
    }

    async fn version(&mut self, engine: &str, version: &str) -> Option<Version> {
        let key = (engine.to_owned(), version.to_owned());
        if let Some(known) = self.versions.get(&key) {
            return known.clone();
        }
        let call = self.aws.rds.describe_db_engine_versions().engine(engine).engine_version(version).include_all(true);
        let subject = format!("{engine} {version}");
        let ask = |marker| call.clone().set_marker(marker).send();
        let answer = list(&subject, "rds:DescribeDBEngineVersions", ask, |page| (page.db_engine_versions, page.marker));
        let found = match answer.await {
            Ok(versions) => {
                let found = versions.into_iter().find(|found| found.engine_version() == Some(version));
                found.map(|found| Version {
                    rotates_without_restart: found.supports_certificate_rotation_without_restart(),
                    supported: found.supported_ca_certificate_identifiers,
                })
            }
            Err(error) => self.missing(&error),
        };
        self.versions.insert(key, found.clone());
        found
    }

    async fn profile(&mut self, instance: &DbInstance, shared: &Shared) -> InstanceProfile {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let arn = arn(self.aws, instance);
        let mut arn_parts = arn.split(':').skip(3).map(str::to_owned);
        let (region, account) = (arn_parts.next().unwrap_or_default(), arn_parts.next().unwrap_or_default());
        let cluster_name = instance.db_cluster_identifier().map(str::to_owned);
        let cluster = cluster_name.as_ref().and_then(|name| self.clusters.get(name)).cloned();
        let mut profile = InstanceProfile {
            arn,
            account,
            region,
            instance: text(instance.db_instance_identifier()),
            cluster: cluster_name,
            cluster_role: cluster.as_ref().and_then(|cluster| clusters::role(cluster, instance)),
            cluster_siblings: cluster.as_ref().map(|cluster| clusters::siblings(cluster, instance)).unwrap_or_default(),
            custom_endpoints: cluster.as_ref().map(|cluster| cluster.custom_endpoints().to_vec()).unwrap_or_default(),
            endpoints: endpoints(instance, cluster.as_ref()),
            login: DatabaseLogin::of(instance, cluster.as_ref()),
            engine: text(instance.engine()),
            engine_version: text(instance.engine_version()),
            engine_mode: cluster.as_ref().and_then(|cluster| cluster.engine_mode().map(str::to_owned)),
            is_limitless: false,
            status: text(instance.db_instance_status()),
            maintenance_window: maintenance_window(instance, cluster.as_ref()),
            pending_changes: pending_changes(instance, cluster.as_ref()),
            created_at: instance.instance_create_time().and_then(instant),
            iam_authentication: instance.iam_database_authentication_enabled() == Some(true),
            certificate: Certificate::default(),
            pending: Vec::new(),
            parameters: BTreeMap::new(),
            proxies: Vec::new(),
            global_members: cluster.as_ref().map(|cluster| self.beside(cluster)).unwrap_or_default(),
            log_exports: instance.enabled_cloudwatch_logs_exports().to_vec(),
            tags: Some(tags(instance.tag_list())),
            unknown: Vec::new(),
        };
        if profile.cluster.is_some() && cluster.is_none() {
            profile.unknown.push("rds:DescribeDBClusters".to_owned());
        }
        let version = self.version(&profile.engine, &profile.engine_version).await;
        if version.is_none() {
            profile.unknown.push("rds:DescribeDBEngineVersions".to_owned());
        }
        profile.certificate = certificate(instance, cluster.as_ref(), shared, version);
        shared.add_to(&mut profile, cluster.as_ref());
        self.parameters(&mut profile, instance, cluster.as_ref()).await;
        profile
    }

    async fn parameters(&mut self, profile: &mut InstanceProfile, instance: &DbInstance, cluster: Option<&DbCluster>) {
        let Some(engine) = profile.known_engine() else { return };
        let names = parameters::names(engine);
        if let Some((cluster, group)) =
            cluster.and_then(|cluster| Some((cluster, cluster.db_cluster_parameter_group()?)))
        {
            let members = cluster.db_cluster_members();
            let member = members.iter().find(|member| member.db_instance_identifier() == Some(&profile.instance));
            let status = member.and_then(|member| member.db_cluster_parameter_group_status());
            match self.group(Level::Cluster, group).await {
                Some(found) => {
                    parameters::apply(&mut profile.parameters, &names, (group, status), Level::Cluster, &found);
                }
                None => profile.unknown.push("rds:DescribeDBClusterParameters".to_owned()),
            }
        }
        let is_unanswered =
            |call: &String| call == "rds:DescribeDBClusters" || call == "rds:DescribeDBClusterParameters";
        let cluster_unknown = profile.unknown.iter().any(is_unanswered);
        let is_option = |name: &&str| name.starts_with(OPTION);
        let memberships = if names.iter().any(is_option) { instance.option_group_memberships() } else { &[] };
        for membership in memberships {
            let Some(name) = membership.option_group_name() else { continue };
            // Between two groups, it is unknown which of them the instance uses.
            let status = membership.status().filter(|_| memberships.len() == 1);
            match self.group(Level::Option, name).await {
                Some(found) => {
                    let group = (name, status);
                    parameters::apply(&mut profile.parameters, &names, group, Level::Option, &found);
                    parameters::absent_options(&mut profile.parameters, &names, group);
                }
                None => profile.unknown.push("rds:DescribeOptionGroups".to_owned()),
            }
        }
        for group in instance.db_parameter_groups() {
            let Some(name) = group.db_parameter_group_name() else { continue };
            match self.group(Level::Instance, name).await {
                Some(mut found) => {
                    if cluster_unknown {
                        parameters::keep_set(&mut found);
                    }
                    let group = (name, group.parameter_apply_status());
                    parameters::apply(&mut profile.parameters, &names, group, Level::Instance, &found);
                }
                None => profile.unknown.push("rds:DescribeDBParameters".to_owned()),
            }
        }
    }
}

/// The ARN of an instance, also where the answer does not say it.
fn arn(aws: &Aws, instance: &DbInstance) -> String {
    instance.db_instance_arn().map(str::to_owned).unwrap_or_else(|| {
        let (account, name) = (aws.account.as_deref().unwrap_or("unknown"), instance.db_instance_identifier());
        format!("arn:aws:rds:{}:{account}:db:{}", aws.region, name.unwrap_or_default())
    })
}

/// The maintenance window. A Multi-AZ DB cluster, which has a certificate of its own, has one for all members.
fn maintenance_window(instance: &DbInstance, cluster: Option<&DbCluster>) -> Option<String> {
    let shared = cluster.filter(|cluster| cluster.certificate_details().is_some());
    let of_cluster = shared.and_then(DbCluster::preferred_maintenance_window);
    of_cluster.or(instance.preferred_maintenance_window()).map(str::to_owned)
}

/// What else is pending of an instance or of its Multi-AZ DB cluster.
fn pending_changes(instance: &DbInstance, cluster: Option<&DbCluster>) -> Vec<String> {
    let mut pending = pending_changes::of_instance(instance.pending_modified_values());
    pending.extend(pending_changes::of_cluster(cluster.and_then(DbCluster::pending_modified_values)));
    pending.sort_unstable();
    pending.dedup();
    pending
}

/// Tags by key.
pub(super) fn tags(tags: &[ApiTag]) -> BTreeMap<String, String> {
    let pair = |tag: &ApiTag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    tags.iter().filter_map(pair).collect()
}

fn certificate(
    instance: &DbInstance,
    cluster: Option<&DbCluster>,
    shared: &Shared,
    version: Option<Version>,
) -> Certificate {
    // A Multi-AZ DB cluster has one certificate for all its instances.
    let details = instance.certificate_details().or_else(|| cluster?.certificate_details());
    let ca = details.and_then(|details| details.ca_identifier()).or(instance.ca_certificate_identifier());
    let authorities = shared.authorities.as_ref();
    let end = |name: Option<&str>| name.and_then(|name| authorities?.end(name));
    let supported = version.as_ref().and_then(|version| version.supported.as_deref());
    let target = authorities.and_then(|authorities| authorities.target(supported));
    let of_cluster = || cluster?.pending_modified_values()?.certificate_details()?.ca_identifier();
    let pending = instance.pending_modified_values().and_then(|pending| pending.ca_certificate_identifier());
    Certificate {
        ca: ca.map(str::to_owned),
        valid_till: details.and_then(|details| details.valid_till()).and_then(instant),
        ca_valid_till: end(ca),
        target_ca_valid_till: end(target.as_deref()),
        target_ca: target,
        pending_ca: pending.or_else(of_cluster).map(str::to_owned),
        rotates_without_restart: version.and_then(|version| version.rotates_without_restart),
        served: Vec::new(),
    }
}
