//! Truncated responses are errors.
//!
//! The SDK reads an XML answer up to where it breaks off: an answer that was cut in the middle, but is complete as HTTP,
//! would be a smaller fleet with no error and no further page. Every answer of the RDS API ends in `</…Response>`.
//!
//! Of JSON it takes an answer without any body for an empty object: the last page of a list, with nothing on it. What was
//! cut elsewhere is an error already, but not one that the call is made again for.
//!
//! An answer in CBOR says how much it holds, so that the SDK refuses one that was cut; but it does not call again.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, InterceptorContext,
};
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// How a whole answer of the RDS API ends.
const END: &[u8] = b"Response>";

/// A truncated response.
#[derive(Debug, thiserror::Error)]
#[error("the response was truncated")]
pub(super) struct CutAnswer;

/// Whether an answer's body is whole.
pub(super) type Whole = fn(&[u8]) -> bool;

/// Whether it is all of an XML answer of the RDS API.
pub(super) fn whole_xml(body: &[u8]) -> bool {
    let tag = memchr::memrchr(b'<', body).and_then(|at| body.get(at..)).unwrap_or_default();
    tag.starts_with(b"</") && tag.trim_ascii_end().ends_with(END)
}

/// Whether it is all of a JSON object.
pub(super) fn whole_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok() && body.trim_ascii_start().starts_with(b"{")
}

/// Fails a successful call whose answer is not whole.
#[derive(Debug)]
pub(super) struct WholeAnswers(pub Whole);

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for WholeAnswers {
    fn name(&self) -> &'static str {
        "WholeAnswers"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let whole = response.body().bytes().is_some_and(self.0);
        if response.status().is_success() && !whole { Err(Box::new(CutAnswer)) } else { Ok(()) }
    }
}

/// Calls again after a cut answer.
#[derive(Debug)]
pub(super) struct RetryCutAnswers;

impl ClassifyRetry for RetryCutAnswers {
    fn name(&self) -> &'static str {
        "RetryCutAnswers"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let cut = context.output_or_error().and_then(Result::err).is_some_and(|error| super::failure::is_cut(error));
        if cut { RetryAction::transient_error() } else { RetryAction::NoActionIndicated }
    }
}

/// Calls again after an answer that says it is a success and cannot be read. For protocols whose answers cannot be cut
/// unseen.
#[derive(Debug)]
pub(super) struct RetryUnreadableAnswers;

impl ClassifyRetry for RetryUnreadableAnswers {
    fn name(&self) -> &'static str {
        "RetryUnreadableAnswers"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let success = context.response().is_some_and(|response| response.status().is_success());
        let unread = success && context.output_or_error().is_some_and(|result| result.is_err());
        if unread { RetryAction::transient_error() } else { RetryAction::NoActionIndicated }
    }
}
