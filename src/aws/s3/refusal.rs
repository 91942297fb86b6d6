//! What S3 answers to a call that fails.

use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};
use http::{HeaderMap, StatusCode};

/// Longest answer that is read for its code: S3 sends less than 1 KB.
const LONGEST: usize = 64 << 10;

/// An answer that refuses a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    /// As `NoSuchKey`; empty if the answer has no code.
    pub code: String,
    pub message: Option<String>,
    pub request_id: Option<String>,
    /// The region of the bucket, if S3 names it.
    pub region: Option<String>,
}

impl Refusal {
    /// Reads an answer. S3 answers `<Error><Code>NoSuchKey</Code><Message>…`, and HEAD without a body.
    ///
    /// Source: "Error responses" in the S3 API reference.
    pub fn of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (region, request_id) = (header("x-amz-bucket-region"), header("x-amz-request-id"));
        let mut refusal = Self { status: status.as_u16(), region, request_id, ..Self::default() };
        // What cannot be read has no code.
        let _ = refusal.read(body.get(..LONGEST).unwrap_or(body));
        refusal
    }

    fn read(&mut self, body: &[u8]) -> Option<()> {
        let mut xml = Document::try_from(body).ok()?;
        let mut root = xml.root_element().ok()?;
        if root.start_el().matches("Error") {
            return self.read_error(&mut root);
        }
        // An answer to the removal of several objects. Source: `DeleteObjects` in the S3 API reference.
        while let Some(mut tag) = root.next_tag() {
            if tag.start_el().matches("Error") {
                return self.read_error(&mut tag);
            }
        }
        Some(())
    }

    fn read_error(&mut self, error: &mut ScopedDecoder<'_, '_>) -> Option<()> {
        while let Some(mut field) = error.next_tag() {
            let is = |name| field.start_el().matches(name);
            let (is_code, is_message) = (is("Code"), is("Message"));
            let text = try_data(&mut field).ok()?.into_owned();
            match () {
                () if is_code => self.code = text,
                () if is_message => self.message = Some(text),
                () => {}
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_code_and_one_of_a_proxy_has_none() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-request-id", "4442587FB7D0A2F9".parse().expect("a value"));
        // The example of "Error responses" in the S3 API reference.
        let body = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n  <Code>NoSuchKey</Code>\n  \
                     <Message>The resource you requested does not exist</Message>\n  <Resource>/mybucket/myfoto.jpg</Resource> \n  \
                     <RequestId>4442587FB7D0A2F9</RequestId>\n</Error>";
        let refusal = Refusal::of(StatusCode::NOT_FOUND, &headers, body);
        assert_eq!((refusal.status, refusal.code.as_str()), (404, "NoSuchKey"));
        assert_eq!(refusal.message.as_deref(), Some("The resource you requested does not exist"));
        assert_eq!(refusal.request_id.as_deref(), Some("4442587FB7D0A2F9"));
        let body = b"<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key><Code>AccessDenied</Code>\
                     <Message>Access Denied</Message></Error></DeleteResult>";
        assert_eq!(Refusal::of(StatusCode::OK, &headers, body).code, "AccessDenied");
        for other in ["", "<html><Code>x</Code></html>", "<Error><Code>", "\0"] {
            assert_eq!(Refusal::of(StatusCode::FORBIDDEN, &HeaderMap::new(), other.as_bytes()).code, "");
        }
    }
}
