//! Answers that are longer than any should be, and lists that go on for ever.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use ciborium::Value;
use http_body::Frame;

use super::request::Call;

/// Bytes that are sent at once.
const PIECE: usize = 1024 * 1024;

/// A body that is made while it is sent: a beginning, a piece so often, and an end.
struct Flood {
    begin: Bytes,
    piece: Bytes,
    left: u64,
    end: Bytes,
}

impl HttpBody for Flood {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = if !self.begin.is_empty() {
            std::mem::take(&mut self.begin)
        } else if self.left > 0 {
            self.left -= 1;
            self.piece.clone()
        } else {
            std::mem::take(&mut self.end)
        };
        Poll::Ready((!next.is_empty()).then_some(Ok(Frame::data(next))))
    }
}

/// An answer with so many blanks before its last tag or bracket.
pub fn blanks(answer: Vec<u8>, bytes: u64) -> Body {
    let last = answer.windows(2).rposition(|pair| pair == b"</").unwrap_or(answer.len().saturating_sub(1));
    let (begin, end) = answer.split_at(last);
    let (begin, end) = (Bytes::copy_from_slice(begin), Bytes::copy_from_slice(end));
    Body::new(Flood { begin, piece: vec![b' '; PIECE].into(), left: bytes / PIECE as u64, end })
}

/// An answer again and again.
pub fn endless(answer: &[u8]) -> Body {
    let piece = answer.repeat(PIECE / answer.len().max(1) + 1).into();
    Body::new(Flood { begin: Bytes::new(), piece, left: u64::MAX, end: Bytes::new() })
}

/// The call for the first page of a list.
pub fn first_page(call: &Call) -> Call {
    let mut call = call.clone();
    ["Marker", "NextToken"].iter().for_each(|name| drop(call.parameters.remove(*name)));
    call.body = match serde_json::from_slice(&call.body) {
        Ok(serde_json::Value::Object(mut fields)) => {
            ["nextToken", "NextToken"].iter().for_each(|name| drop(fields.remove(*name)));
            serde_json::Value::from(fields).to_string().into()
        }
        _ => with_token(&call.body, None).map_or(call.body.clone(), Bytes::from),
    };
    call
}

/// An answer of any protocol with another marker.
pub fn marked(call: &Call, answer: &[u8], marker: &str) -> Vec<u8> {
    if let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_slice(answer) {
        let name = if call.service == "logs" { "nextToken" } else { "NextToken" };
        fields.insert(name.to_owned(), marker.into());
        return serde_json::Value::from(fields).to_string().into_bytes();
    }
    if let Some(answer) = with_token(answer, Some(marker)) {
        return answer;
    }
    let text = String::from_utf8(answer.to_vec()).expect("XML");
    let (name, end) = match call.service.as_str() {
        "ec2" => ("nextToken", format!("</{}Response>", call.action)),
        _ if call.action == "ListAccounts" => ("NextToken", format!("</{}Result>", call.action)),
        _ => ("Marker", format!("</{}Result>", call.action)),
    };
    text.replace(&end, &format!("<{name}>{marker}</{name}>{end}")).into_bytes()
}

/// A map in CBOR with another token; none where it is no such map.
fn with_token(bytes: &[u8], token: Option<&str>) -> Option<Vec<u8>> {
    let Ok(Value::Map(mut fields)) = ciborium::from_reader(bytes) else { return None };
    fields.retain(|(name, _)| name.as_text() != Some("NextToken"));
    fields.extend(token.map(|token| (Value::Text("NextToken".to_owned()), Value::Text(token.to_owned()))));
    let mut written = Vec::new();
    ciborium::into_writer(&Value::Map(fields), &mut written).expect("a vector takes all");
    Some(written)
}
