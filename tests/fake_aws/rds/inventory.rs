//! What there is: instances, clusters, and the maintenance that waits for them.

use jiff::Timestamp;

use super::{ApiError, is, page};
use crate::fake_aws::fleet::{Cluster, Fleet, Instance, PendingMaintenance, RdsEvent};
use crate::fake_aws::request::Call;
use crate::fake_aws::xml::Xml;

/// A time as RDS writes it.
pub(super) fn time(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// The instances of the call's region.
pub(super) fn instances_in<'a>(fleet: &'a Fleet, call: &Call) -> Vec<&'a Instance> {
    fleet.instances.iter().filter(|instance| fleet.region_of(instance) == call.region).collect()
}

/// `DBInstanceNotFound`, in the words of RDS.
pub(super) fn no_instance(id: &str) -> ApiError {
    ApiError::sender(404, "DBInstanceNotFound", format!("DBInstance {id} not found."))
}

/// `DescribeDBInstances`.
pub(super) fn instances(fleet: &Fleet, call: &Call) -> Result<Xml, ApiError> {
    let mut found = instances_in(fleet, call);
    if let Some(id) = call.parameter("DBInstanceIdentifier") {
        found.retain(|instance| is(id, &instance.id, &fleet.arn(&call.region, "db", &instance.id)));
        if found.is_empty() {
            return Err(no_instance(id));
        }
    }
    let page = page(fleet, call, found)?;
    let mut xml = Xml::default();
    xml.list("DBInstances", "DBInstance", &page.items, |xml, item| instance(fleet, &call.region, item, xml));
    xml.optional("Marker", page.marker);
    Ok(xml)
}

fn instance(fleet: &Fleet, region: &str, instance: &Instance, xml: &mut Xml) {
    xml.text("DBInstanceIdentifier", &instance.id);
    xml.text("DBInstanceClass", "db.t4g.medium");
    xml.text("Engine", &instance.engine);
    xml.text("DBInstanceStatus", &instance.status);
    xml.text("MasterUsername", "admin");
    let named = || (format!("{}.abcdefghijkl.{region}.rds.amazonaws.com", instance.id), port(&instance.engine));
    let (host, port) = instance.endpoint.clone().unwrap_or_else(named);
    xml.element("Endpoint", |xml| {
        xml.text("Address", host);
        xml.text("Port", port);
    });
    xml.text("InstanceCreateTime", time(instance.created));
    xml.list("DBParameterGroups", "DBParameterGroup", &[instance], |xml, instance| {
        xml.text("DBParameterGroupName", &instance.parameter_group);
        xml.text("ParameterApplyStatus", &instance.parameter_status);
    });
    let options: Vec<_> = instance.option_group.iter().chain(&instance.other_option_group).collect();
    xml.list("OptionGroupMemberships", "OptionGroupMembership", &options, |xml, name| {
        xml.text("OptionGroupName", name);
        xml.text("Status", &instance.option_status);
    });
    xml.text("AvailabilityZone", format!("{region}a"));
    xml.text("PreferredMaintenanceWindow", &instance.maintenance_window);
    xml.element("PendingModifiedValues", |xml| {
        instance.pending_changes.iter().for_each(|(name, value)| xml.text(name, value));
        xml.optional("CACertificateIdentifier", instance.pending_ca.as_ref());
    });
    xml.text("MultiAZ", false);
    xml.text("EngineVersion", &instance.version);
    xml.optional("DBClusterIdentifier", instance.cluster.as_ref());
    xml.text("DbiResourceId", format!("db-{}", instance.id.to_ascii_uppercase()));
    xml.optional("CACertificateIdentifier", instance.ca.as_ref());
    xml.text("DBInstanceArn", fleet.arn(region, "db", &instance.id));
    xml.text("IAMDatabaseAuthenticationEnabled", instance.iam);
    let tags: Vec<_> = instance.tags.iter().collect();
    xml.list("TagList", "Tag", &tags, |xml, (key, value)| {
        xml.text("Key", key);
        xml.text("Value", value);
    });
    if !instance.log_exports.is_empty() {
        xml.strings("EnabledCloudwatchLogsExports", &instance.log_exports);
    }
    if instance.ca.is_some() || instance.cert_valid_till.is_some() {
        xml.element("CertificateDetails", |xml| {
            xml.optional("CAIdentifier", instance.ca.as_ref());
            xml.optional("ValidTill", instance.cert_valid_till.map(time));
        });
    }
}

/// `DescribeDBClusters`.
pub(super) fn clusters(fleet: &Fleet, call: &Call) -> Result<Xml, ApiError> {
    let mut found: Vec<&Cluster> = fleet.clusters.iter().filter(|item| region_of(fleet, item) == call.region).collect();
    // Nor is a cluster there whose members a test has removed.
    let has_member = |cluster: &&Cluster| {
        let listed = |member: &String| fleet.instances.iter().any(|instance| instance.id == *member);
        cluster.members.is_empty() || cluster.members.iter().any(listed)
    };
    found.retain(has_member);
    if let Some(id) = call.parameter("DBClusterIdentifier") {
        found.retain(|cluster| is(id, &cluster.id, &fleet.arn(&call.region, "cluster", &cluster.id)));
        if found.is_empty() {
            return Err(ApiError::sender(404, "DBClusterNotFoundFault", format!("DBCluster {id} not found.")));
        }
    }
    let page = page(fleet, call, found)?;
    let mut xml = Xml::default();
    xml.list("DBClusters", "DBCluster", &page.items, |xml, item| cluster(fleet, &call.region, item, xml));
    xml.optional("Marker", page.marker);
    Ok(xml)
}

fn cluster(fleet: &Fleet, region: &str, cluster: &Cluster, xml: &mut Xml) {
    xml.text("DBClusterIdentifier", &cluster.id);
    xml.text("DBClusterParameterGroup", &cluster.parameter_group);
    xml.text("Status", "available");
    xml.text("Engine", &cluster.engine);
    xml.text("EngineVersion", &cluster.version);
    xml.text("EngineMode", &cluster.engine_mode);
    let host = |kind: &str| format!("{}.cluster-{kind}abcdefghijkl.{region}.rds.amazonaws.com", cluster.id);
    let (writer, reader, port) =
        cluster.endpoints.clone().unwrap_or_else(|| (host(""), host("ro-"), port(&cluster.engine)));
    // Without an instance there is no address.
    if !cluster.members.is_empty() {
        xml.text("Endpoint", writer);
        xml.text("ReaderEndpoint", reader);
    }
    xml.text("Port", port);
    // A test may remove instances.
    let exists =
        |member: &&String| cluster.unlisted_members || fleet.instances.iter().any(|instance| instance.id == **member);
    let members: Vec<&String> = cluster.members.iter().filter(exists).collect();
    let writer = cluster.members.first();
    xml.list("DBClusterMembers", "DBClusterMember", &members, |xml, member| {
        xml.text("DBInstanceIdentifier", member);
        xml.text("IsClusterWriter", writer == Some(*member));
        xml.text("DBClusterParameterGroupStatus", &cluster.parameter_status);
        xml.text("PromotionTier", 1);
    });
    xml.text("DBClusterArn", fleet.arn(region, "cluster", &cluster.id));
    if !cluster.custom_endpoints.is_empty() {
        xml.strings("CustomEndpoints", &cluster.custom_endpoints);
    }
    xml.optional("ClusterScalabilityType", cluster.scalability.as_ref());
}

/// A cluster without instances, such as one of Aurora Serverless v1, lives in the fleet's region.
fn region_of<'a>(fleet: &'a Fleet, cluster: &Cluster) -> &'a str {
    let first = cluster.members.first();
    let member = fleet.instances.iter().find(|instance| Some(&instance.id) == first);
    member.map_or(&fleet.region, |member| fleet.region_of(member))
}

/// `DescribePendingMaintenanceActions`.
pub(super) fn pending_maintenance(fleet: &Fleet, call: &Call) -> Result<Xml, ApiError> {
    let arn = |instance: &Instance| fleet.arn(&call.region, "db", &instance.id);
    let mut resources = instances_in(fleet, call);
    if let Some(wanted) = call.parameter("ResourceIdentifier") {
        resources.retain(|instance| wanted == arn(instance));
        if resources.is_empty() {
            let message = format!("The specified resource {wanted} was not found.");
            return Err(ApiError::sender(404, "ResourceNotFoundFault", message));
        }
    }
    let waiting = |instance: &Instance| -> Vec<&PendingMaintenance> {
        fleet.pending_maintenance.iter().filter(|action| action.instance == instance.id).collect()
    };
    resources.retain(|instance| !waiting(instance).is_empty());
    let page = page(fleet, call, resources)?;
    let mut xml = Xml::default();
    xml.list("PendingMaintenanceActions", "ResourcePendingMaintenanceActions", &page.items, |xml, instance| {
        xml.text("ResourceIdentifier", arn(instance));
        let actions = waiting(instance);
        xml.list("PendingMaintenanceActionDetails", "PendingMaintenanceAction", &actions, |xml, action| {
            xml.text("Action", &action.action);
            xml.optional("AutoAppliedAfterDate", action.auto_applied_after.map(time));
            xml.optional("ForcedApplyDate", action.forced_apply.map(time));
            xml.optional("OptInStatus", action.opt_in.as_ref());
            xml.optional("CurrentApplyDate", action.current_apply.map(time));
        });
    });
    xml.optional("Marker", page.marker);
    Ok(xml)
}

/// Sources that events may be asked of.
const SOURCES: [&str; 4] = ["db-instance", "db-cluster", "db-parameter-group", "db-snapshot"];

/// `DescribeEvents`: of the last hour, unless the call says of how many minutes; no event is kept for more than 14 days.
pub(super) fn events(fleet: &Fleet, call: &Call) -> Result<Xml, ApiError> {
    let source_type = call.parameter("SourceType");
    if let Some(unknown) = source_type.filter(|source| !SOURCES.contains(source)) {
        return Err(ApiError::value(format!("Invalid source type {unknown}")));
    }
    if call.parameter("SourceIdentifier").is_some() && source_type.is_none() {
        let message = "The parameter SourceType must be provided with SourceIdentifier";
        return Err(ApiError::sender(400, "InvalidParameterCombination", message));
    }
    let minutes = call.number("Duration")?.unwrap_or(60).min(14 * 24 * 60);
    let since = fleet.now.as_second() - minutes * 60;
    let lives_here = |event: &RdsEvent| {
        let instance = fleet.instances.iter().find(|instance| instance.id == event.source);
        instance.map_or(&*fleet.region, |instance| fleet.region_of(instance)) == call.region
    };
    let is_asked = |event: &&RdsEvent| {
        source_type.is_none_or(|source| source == event.source_type)
            && call.parameter("SourceIdentifier").is_none_or(|id| id == event.source)
            && event.date.as_second() >= since
            && lives_here(event)
    };
    let page = page(fleet, call, fleet.events.iter().filter(is_asked).collect())?;
    let mut xml = Xml::default();
    xml.list("Events", "Event", &page.items, |xml, event| {
        xml.text("SourceIdentifier", &event.source);
        xml.text("SourceType", &event.source_type);
        xml.text("Message", &event.message);
        xml.element("EventCategories", |xml| {
            event.categories.iter().for_each(|category| xml.text("EventCategory", category));
        });
        xml.text("Date", time(event.date));
        let kind = if event.source_type == "db-cluster" { "cluster" } else { "db" };
        xml.text("SourceArn", fleet.arn(&call.region, kind, &event.source));
    });
    xml.optional("Marker", page.marker);
    Ok(xml)
}

fn port(engine: &str) -> u16 {
    match engine {
        "docdb" => 27017,
        "neptune" => 8182,
        _ if engine.contains("postgres") => 5432,
        _ if engine.starts_with("oracle") => 1521,
        _ if engine.starts_with("sqlserver") => 1433,
        _ if engine.starts_with("db2") => 50000,
        _ => 3306,
    }
}

/// `DescribeGlobalClusters`.
pub(super) fn global_clusters(fleet: &Fleet, call: &Call) -> Result<Xml, ApiError> {
    let page = page(fleet, call, fleet.global_clusters.iter().collect())?;
    let mut xml = Xml::default();
    xml.list("GlobalClusters", "GlobalClusterMember", &page.items, |xml, members| {
        xml.text("GlobalClusterIdentifier", "world");
        let members: Vec<_> = members.iter().collect();
        xml.list("GlobalClusterMembers", "GlobalClusterMember", &members, |xml, arn| xml.text("DBClusterArn", arn));
    });
    xml.optional("Marker", page.marker);
    Ok(xml)
}
