//! The CloudWatch Logs API (JSON 1.1), as far as the tests need it. API reference: one page an action.

use super::fleet::Fleet;
use super::rds::ApiError;
use super::request::Call;

/// Answers a call.
pub fn answer(_: &mut Fleet, call: &Call) -> Result<serde_json::Value, ApiError> {
    Err(ApiError::sender(404, "UnknownOperationException", call.action.as_str()))
}
