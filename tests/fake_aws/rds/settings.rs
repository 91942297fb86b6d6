//! What is set and what is possible: parameters, certificate authorities, engine versions.

use super::inventory::time;
use super::{ApiError, page};
use crate::fake_aws::fleet::{Certificate, EngineVersion, Fleet, ParameterGroup};
use crate::fake_aws::request::Call;
use crate::fake_aws::xml::Xml;

/// Groups of instances and groups of clusters differ in what their elements are called.
pub(super) struct GroupKind {
    cluster: bool,
    parameter: &'static str,
    list: &'static str,
    entry: &'static str,
    arn: (&'static str, &'static str),
}

/// DB parameter groups.
pub(super) const INSTANCES: GroupKind = GroupKind {
    cluster: false,
    parameter: "DBParameterGroupName",
    list: "DBParameterGroups",
    entry: "DBParameterGroup",
    arn: ("DBParameterGroupArn", "pg"),
};

/// DB cluster parameter groups.
pub(super) const CLUSTERS: GroupKind = GroupKind {
    cluster: true,
    parameter: "DBClusterParameterGroupName",
    list: "DBClusterParameterGroups",
    entry: "DBClusterParameterGroup",
    arn: ("DBClusterParameterGroupArn", "cluster-pg"),
};

impl GroupKind {
    fn find<'a>(&self, fleet: &'a Fleet, name: Option<&str>) -> Result<Vec<&'a ParameterGroup>, ApiError> {
        let of_kind = fleet.parameter_groups.iter().filter(|group| group.cluster == self.cluster);
        let found: Vec<_> = of_kind.filter(|group| name.is_none_or(|name| name == group.name)).collect();
        match name {
            Some(name) if found.is_empty() => {
                let message = format!("{} not found: {name}", self.entry);
                Err(ApiError::sender(404, "DBParameterGroupNotFound", message))
            }
            _ => Ok(found),
        }
    }
}

/// `DescribeDBParameterGroups` and `DescribeDBClusterParameterGroups`.
pub(super) fn parameter_groups(fleet: &Fleet, call: &Call, kind: &GroupKind) -> Result<Xml, ApiError> {
    let page = page(fleet, call, kind.find(fleet, call.parameter(kind.parameter))?)?;
    let mut xml = Xml::default();
    xml.list(kind.list, kind.entry, &page.items, |xml, group| {
        xml.text(kind.parameter, &group.name);
        xml.text("DBParameterGroupFamily", &group.family);
        xml.text("Description", format!("{} of {}", group.name, group.family));
        xml.text(kind.arn.0, fleet.arn(&call.region, kind.arn.1, &group.name));
    });
    xml.optional("Marker", page.marker);
    Ok(xml)
}

/// `DescribeDBParameters` and `DescribeDBClusterParameters`.
pub(super) fn parameters(fleet: &Fleet, call: &Call, kind: &GroupKind) -> Result<Xml, ApiError> {
    let groups = kind.find(fleet, Some(call.required(kind.parameter)?))?;
    let source = call.parameter("Source");
    let all = groups.iter().flat_map(|group| &group.parameters);
    let wanted = all.filter(|parameter| source.is_none_or(|source| source == parameter.source));
    let page = page(fleet, call, wanted.collect())?;
    let mut xml = Xml::default();
    xml.list("Parameters", "Parameter", &page.items, |xml, parameter| {
        xml.text("ParameterName", &parameter.name);
        xml.optional("ParameterValue", parameter.value.as_ref());
        xml.text("Source", &parameter.source);
        xml.text("ApplyType", &parameter.apply_type);
        xml.text("DataType", "string");
        xml.text("IsModifiable", parameter.source != "system");
        xml.text("ApplyMethod", &parameter.apply_method);
    });
    xml.optional("Marker", page.marker);
    Ok(xml)
}

/// `DescribeOptionGroups`.
pub(super) fn option_groups(fleet: &Fleet, call: &Call) -> Result<Xml, ApiError> {
    let wanted = call.parameter("OptionGroupName");
    let all = fleet.option_groups.iter();
    let found: Vec<_> = all.filter(|group| wanted.is_none_or(|wanted| wanted == group.name)).collect();
    if let (Some(wanted), true) = (wanted, found.is_empty()) {
        return Err(ApiError::sender(404, "OptionGroupNotFoundFault", format!("Option group {wanted} not found.")));
    }
    let page = page(fleet, call, found)?;
    let mut xml = Xml::default();
    xml.list("OptionGroupsList", "OptionGroup", &page.items, |xml, group| {
        xml.text("OptionGroupName", &group.name);
        let options: Vec<_> = group.options.iter().collect();
        xml.list("Options", "Option", &options, |xml, (name, settings)| {
            xml.text("OptionName", name);
            xml.optional("Port", group.ports.get(*name));
            let settings: Vec<_> = settings.iter().collect();
            xml.list("OptionSettings", "OptionSetting", &settings, |xml, (name, value)| {
                xml.text("Name", name);
                xml.text("Value", value);
            });
        });
    });
    xml.optional("Marker", page.marker);
    Ok(xml)
}

/// `DescribeDBProxies`.
pub(super) fn proxies(fleet: &Fleet, call: &Call) -> Result<Xml, ApiError> {
    let page = page(fleet, call, fleet.proxies.iter().collect())?;
    let mut xml = Xml::default();
    xml.list("DBProxies", "member", &page.items, |xml, proxy| xml.text("DBProxyName", &proxy.name));
    xml.optional("Marker", page.marker);
    Ok(xml)
}

/// `DescribeDBProxyTargets`.
pub(super) fn proxy_targets(fleet: &Fleet, call: &Call) -> Result<Xml, ApiError> {
    let name = call.required("DBProxyName")?;
    let Some(proxy) = fleet.proxies.iter().find(|proxy| proxy.name == name) else {
        return Err(ApiError::sender(404, "DBProxyNotFoundFault", format!("Proxy {name} not found.")));
    };
    let instances = proxy.instances.iter().map(|instance| (instance, "RDS_INSTANCE"));
    let cluster = proxy.cluster.iter().map(|cluster| (cluster, "TRACKED_CLUSTER"));
    let page = page(fleet, call, instances.chain(cluster).collect())?;
    let mut xml = Xml::default();
    xml.list("Targets", "member", &page.items, |xml, (id, kind)| {
        xml.text("RdsResourceId", id);
        xml.text("Type", kind);
    });
    xml.optional("Marker", page.marker);
    Ok(xml)
}

/// `DescribeCertificates`.
pub(super) fn certificates(fleet: &Fleet, call: &Call) -> Result<Xml, ApiError> {
    let wanted = call.parameter("CertificateIdentifier");
    let all = fleet.certificates.iter();
    let found: Vec<&Certificate> = all.filter(|item| wanted.is_none_or(|wanted| wanted == item.id)).collect();
    if let (Some(wanted), true) = (wanted, found.is_empty()) {
        return Err(ApiError::sender(404, "CertificateNotFound", format!("Certificate {wanted} not found.")));
    }
    let page = page(fleet, call, found)?;
    let mut xml = Xml::default();
    let default = fleet.certificates.iter().find(|certificate| certificate.default);
    xml.optional("DefaultCertificateForNewLaunches", default.map(|certificate| &certificate.id));
    xml.list("Certificates", "Certificate", &page.items, |xml, certificate| {
        xml.text("CertificateIdentifier", &certificate.id);
        xml.text("CertificateType", "CA");
        xml.optional("Thumbprint", certificate.thumbprint.as_ref());
        xml.text("ValidFrom", time(certificate.valid_from));
        xml.text("ValidTill", time(certificate.valid_till));
        xml.text("CertificateArn", format!("arn:aws:rds:{}::cert:{}", call.region, certificate.id));
        xml.text("CustomerOverride", certificate.customer_override);
        xml.optional("CustomerOverrideValidTill", certificate.customer_override_valid_till.map(time));
    });
    xml.optional("Marker", page.marker);
    Ok(xml)
}

/// `DescribeSourceRegions`: all regions but the one that is asked.
pub(super) fn source_regions(fleet: &Fleet, call: &Call) -> Xml {
    let mut xml = Xml::default();
    let others: Vec<String> = fleet.regions().into_iter().filter(|region| *region != call.region).collect();
    xml.list("SourceRegions", "SourceRegion", &others, |xml, region| {
        xml.text("RegionName", region);
        xml.text("Status", "available");
    });
    xml
}

/// `DescribeDBEngineVersions`. Nothing found is an empty list, not an error.
pub(super) fn engine_versions(fleet: &Fleet, call: &Call) -> Result<Xml, ApiError> {
    let (engine, version) = (call.parameter("Engine"), call.parameter("EngineVersion"));
    let wanted = |item: &&EngineVersion| {
        engine.is_none_or(|engine| engine == item.engine) && version.is_none_or(|version| version == item.version)
    };
    let page = page(fleet, call, fleet.engine_versions.iter().filter(wanted).collect())?;
    let mut xml = Xml::default();
    xml.list("DBEngineVersions", "DBEngineVersion", &page.items, |xml, item| {
        xml.text("Engine", &item.engine);
        xml.text("EngineVersion", &item.version);
        xml.text("Status", "available");
        xml.text("SupportsCertificateRotationWithoutRestart", item.rotates_without_restart);
        xml.strings("SupportedCACertificateIdentifiers", &item.cas);
    });
    xml.optional("Marker", page.marker);
    Ok(xml)
}
