//! The RDS API (Query protocol, version 2014-10-31), as far as the tests need it. API reference: one page an action.

mod inventory;
mod logs;
mod settings;

pub use logs::complete;

use std::ops::RangeInclusive;

use super::fleet::Fleet;
use super::request::Call;
use super::xml::Xml;

/// How many records a page may be asked to hold, on the pages of all listings but the one of log files.
const RECORDS: RangeInclusive<i64> = 20..=100;

/// An error that the service answers with.
#[derive(Debug)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// `Sender` or `Receiver`: whose fault it is.
    pub kind: &'static str,
    /// The code.
    pub code: &'static str,
    /// A sentence.
    pub message: String,
}

impl ApiError {
    /// The caller's mistake.
    pub fn sender(status: u16, code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { status, kind: "Sender", code, message: message.into() }
    }

    /// The service's mistake.
    pub fn receiver(status: u16, code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { status, kind: "Receiver", code, message: message.into() }
    }

    /// A parameter with a value that is not allowed.
    pub fn value(message: impl Into<String>) -> ApiError {
        ApiError::sender(400, "InvalidParameterValue", message)
    }
}

/// Answers a call with the elements of its result.
pub fn answer(fleet: &mut Fleet, call: &Call) -> Result<Xml, ApiError> {
    if let Some(filter) = call.parameters.keys().find(|name| name.starts_with("Filters.")) {
        // An answer that ignored the filter would prove the wrong thing.
        return Err(ApiError::value(format!("This fake knows no filters ({filter})")));
    }
    match call.action.as_str() {
        "DescribeDBInstances" => inventory::instances(fleet, call),
        "DescribeDBClusters" => inventory::clusters(fleet, call),
        "DescribeEvents" => inventory::events(fleet, call),
        "DescribePendingMaintenanceActions" => inventory::pending_maintenance(fleet, call),
        "DescribeDBParameterGroups" => settings::parameter_groups(fleet, call, &settings::INSTANCES),
        "DescribeDBClusterParameterGroups" => settings::parameter_groups(fleet, call, &settings::CLUSTERS),
        "DescribeDBParameters" => settings::parameters(fleet, call, &settings::INSTANCES),
        "DescribeDBClusterParameters" => settings::parameters(fleet, call, &settings::CLUSTERS),
        "DescribeGlobalClusters" => inventory::global_clusters(fleet, call),
        "DescribeDBProxies" => settings::proxies(fleet, call),
        "DescribeDBProxyTargets" => settings::proxy_targets(fleet, call),
        "DescribeOptionGroups" => settings::option_groups(fleet, call),
        "DescribeCertificates" => settings::certificates(fleet, call),
        "DescribeDBEngineVersions" => settings::engine_versions(fleet, call),
        "DescribeSourceRegions" => Ok(settings::source_regions(fleet, call)),
        "DescribeDBLogFiles" => logs::files(fleet, call),
        "DownloadDBLogFilePortion" => logs::portion(fleet, call),
        action if action.contains(' ') => Err(ApiError::sender(404, "UnknownOperationException", action)),
        action => {
            let message = format!("Could not find operation {action} for version 2014-10-31");
            Err(ApiError::sender(400, "InvalidAction", message))
        }
    }
}

/// A part of a listing.
struct Page<T> {
    items: Vec<T>,
    marker: Option<String>,
}

/// The part of `items` that the call's `Marker` and `MaxRecords` ask for.
fn page<T>(fleet: &Fleet, call: &Call, items: Vec<T>) -> Result<Page<T>, ApiError> {
    let asked = match call.number("MaxRecords")? {
        Some(asked) if !RECORDS.contains(&asked) => {
            let (least, most) = (RECORDS.start(), RECORDS.end());
            return Err(ApiError::value(format!(
                "Invalid value {asked} for MaxRecords. Must be between {least} and {most}"
            )));
        }
        asked => asked.unwrap_or(*RECORDS.end()),
    };
    page_of(fleet, call, items, usize::try_from(asked).unwrap_or(0))
}

/// The part of `items` that the call's `Marker` asks for, at most `records` of them.
fn page_of<T>(fleet: &Fleet, call: &Call, items: Vec<T>, records: usize) -> Result<Page<T>, ApiError> {
    let records = fleet.page_records.map_or(records, |most| records.min(most));
    let start = match call.parameter("Marker") {
        None => 0,
        // Markers are opaque: nobody may build one.
        Some(marker) => match marker.strip_prefix("after-").and_then(|count| count.parse().ok()) {
            Some(count) => count,
            None => return Err(ApiError::value(format!("Invalid marker {marker}"))),
        },
    };
    let end = start + records;
    let marker = (end < items.len()).then(|| format!("after-{end}"));
    Ok(Page { items: items.into_iter().skip(start).take(records).collect(), marker })
}

/// Whether `wanted` is this resource: identifiers are given alone or as an ARN, in any case of letters.
fn is(wanted: &str, id: &str, arn: &str) -> bool {
    wanted.eq_ignore_ascii_case(id) || wanted == arn
}
