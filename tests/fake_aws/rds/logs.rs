//! The log-file API.

use std::collections::BTreeMap;

use super::inventory::no_instance;
use super::{ApiError, is, page_of};
use crate::fake_aws::fleet::Fleet;
use crate::fake_aws::log_file::LogFile;
use crate::fake_aws::request::Call;
use crate::fake_aws::xml::Xml;

/// The log files of the instance that the call names.
struct Shelf<'a> {
    engine: &'a str,
    files: &'a mut BTreeMap<String, LogFile>,
}

fn shelf<'a>(fleet: &'a mut Fleet, call: &Call) -> Result<Shelf<'a>, ApiError> {
    let id = call.required("DBInstanceIdentifier")?;
    let position = fleet.instances.iter().position(|instance| {
        fleet.region_of(instance) == call.region && is(id, &instance.id, &fleet.arn(&call.region, "db", &instance.id))
    });
    let instance = position.and_then(|position| fleet.instances.get_mut(position)).ok_or_else(|| no_instance(id))?;
    if instance.paused {
        let message = format!("DBInstance {id} is paused, its log files cannot be read.");
        return Err(ApiError::sender(400, "DBInstanceNotReady", message));
    }
    Ok(Shelf { engine: &instance.engine, files: &mut instance.files })
}

/// `DescribeDBLogFiles`. The reference gives no bounds for `MaxRecords`; lists of 1,000 files on one page were seen
/// (rdslogs pull request 8), and for Oracle `MaxRecords` is ignored.
pub(super) fn files(fleet: &mut Fleet, call: &Call) -> Result<Xml, ApiError> {
    let shelf = shelf(fleet, call)?;
    let contains = call.parameter("FilenameContains").unwrap_or_default();
    let since = call.number("FileLastWritten")?.unwrap_or(i64::MIN);
    let larger = call.number("FileSize")?.unwrap_or(-1);
    let size = |file: &LogFile| i64::try_from(file.bytes.len()).unwrap_or(i64::MAX);
    let wanted = shelf
        .files
        .iter()
        .filter(|(name, file)| name.contains(contains) && file.last_written_ms >= since && size(file) > larger);
    let told = |file: &LogFile| file.quirks.listed.map_or_else(|| size(file).to_string(), str::to_owned);
    let found: Vec<(String, i64, String)> =
        wanted.map(|(name, file)| (name.clone(), file.last_written_ms, told(file))).collect();
    let asked = if shelf.engine.starts_with("oracle") { None } else { call.number("MaxRecords")? };
    let records = match asked {
        Some(asked) if !(1..=1000).contains(&asked) => {
            return Err(ApiError::value(format!("Invalid value {asked} for MaxRecords")));
        }
        asked => usize::try_from(asked.unwrap_or(1000)).unwrap_or(0),
    };
    let page = page_of(fleet, call, found, records)?;
    let mut xml = Xml::default();
    xml.list("DescribeDBLogFiles", "DescribeDBLogFilesDetails", &page.items, |xml, (name, written, size)| {
        xml.text("LastWritten", written);
        xml.text("LogFileName", name);
        xml.optional("Size", Some(size).filter(|size| !size.is_empty()));
    });
    xml.optional("Marker", page.marker);
    Ok(xml)
}

/// `DownloadDBLogFilePortion`. More than 10,000 lines cannot be had; no number means that many.
pub(super) fn portion(fleet: &mut Fleet, call: &Call) -> Result<Xml, ApiError> {
    let (most_lines, most_bytes, now_ms) = (fleet.portion_lines, fleet.portion_bytes, fleet.now.as_millisecond());
    let name = call.required("LogFileName")?;
    let files = shelf(fleet, call)?.files;
    let lines = match call.number("NumberOfLines")? {
        None | Some(0) => most_lines,
        Some(asked) => match usize::try_from(asked) {
            Ok(asked) => asked.min(most_lines),
            Err(_) => return Err(ApiError::value(format!("Invalid value {asked} for NumberOfLines"))),
        },
    };
    vanish_if_due(files, name);
    let Some(file) = files.get_mut(name) else {
        let message = format!("DBLog File: {name}, is not found on the DB instance");
        return Err(ApiError::sender(404, "DBLogFileNotFoundFault", message));
    };
    let marker = call.parameter("Marker");
    let Some(portion) = file.portion(name, marker, lines, most_bytes) else {
        return Err(ApiError::value(format!("Invalid marker {}", marker.unwrap_or_default())));
    };
    if !file.quirks.grows.is_empty() {
        file.last_written_ms = now_ms;
    }
    vanish_if_due(files, name);
    let mut xml = Xml::default();
    xml.text("AdditionalDataPending", portion.pending);
    xml.text("Marker", portion.marker);
    xml.bytes("LogFileData", &portion.data);
    Ok(xml)
}

/// `DownloadCompleteDBLogFile` (RDS User Guide, "Reading log file contents using REST"): the bytes of the file.
pub fn complete(fleet: &mut Fleet, call: &Call) -> Result<Vec<u8>, ApiError> {
    let version = call.required("PathVersion")?;
    if !fleet.complete_downloads || !fleet.complete_versions.iter().any(|served| served == version) {
        return Err(ApiError::sender(404, "UnknownOperationException", version));
    }
    let (now_ms, name) = (fleet.now.as_millisecond(), call.required("LogFileName")?);
    let files = shelf(fleet, call)?.files;
    vanish_if_due(files, name);
    let Some(file) = files.get_mut(name) else {
        let message = format!("DBLog File: {name}, is not found on the DB instance");
        return Err(ApiError::sender(404, "DBLogFileNotFoundFault", message));
    };
    file.served += 1;
    file.bytes.extend_from_slice(&file.quirks.grows);
    if !file.quirks.grows.is_empty() {
        file.last_written_ms = now_ms;
    }
    let bytes = file.bytes.clone();
    vanish_if_due(files, name);
    Ok(bytes)
}

/// Removes a file that has been read often enough, or gives it its new name.
fn vanish_if_due(files: &mut BTreeMap<String, LogFile>, name: &str) {
    if !files.get(name).is_some_and(LogFile::is_due_to_vanish) {
        return;
    }
    if let Some(mut file) = files.remove(name) {
        file.quirks.vanishes_after = None;
        if let Some(new_name) = file.quirks.renamed_to.take() {
            files.insert(new_name, file);
        }
    }
}
