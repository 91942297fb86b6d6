//! The CloudWatch API (RPC v2 CBOR), as far as the tests need it. API reference: one page an action.

use super::fleet::Fleet;
use super::rds::ApiError;
use super::request::Call;

/// Answers a call.
pub fn answer(_: &mut Fleet, call: &Call) -> Result<ciborium::Value, ApiError> {
    Err(ApiError::sender(404, "UnknownOperationException", call.action.as_str()))
}
