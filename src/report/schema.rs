//! JSON Schemas of the documents. That of reports defines what others share with it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The JSON Schema of reports as JSON, and under `$defs/line` that of each line of them as NDJSON.
pub const SCHEMA: &str = include_str!("verdict-v1.schema.json");

/// Where definitions are.
const DEFINITIONS: &str = "$defs";

/// A schema with the definitions that it refers to: its own ones, and else those of [`SCHEMA`].
///
/// # Errors
///
/// When a schema is no JSON.
pub fn complete(schema: &str) -> serde_json::Result<Value> {
    let mut whole: Value = serde_json::from_str(schema)?;
    let shared: Value = serde_json::from_str(SCHEMA)?;
    loop {
        let defined = whole.get(DEFINITIONS).and_then(Value::as_object).cloned().unwrap_or_default();
        let definition = |name: &String| Some((name.clone(), shared.get(DEFINITIONS)?.get(name)?.clone()));
        let missing = references(&whole).into_iter().filter(|name| !defined.contains_key(name));
        let missing: Map<String, Value> = missing.filter_map(|name| definition(&name)).collect();
        let Some(fields) = whole.as_object_mut().filter(|_| !missing.is_empty()) else { return Ok(whole) };
        fields.insert(DEFINITIONS.to_owned(), defined.into_iter().chain(missing).collect());
    }
}

/// The names of the definitions that a schema refers to.
fn references(schema: &Value) -> BTreeSet<String> {
    match schema {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(|to| to.as_str()?.strip_prefix("#/$defs/"));
            own.map(str::to_owned).into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}
