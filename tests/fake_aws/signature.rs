//! Checks a signature of version 4 by making it once more. Source: IAM User Guide, "Create a signed AWS API request".

use axum::http::{HeaderMap, Method, Uri, header};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// What is percent-encoded in a path. Source: the same, "UriEncode".
const PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
/// The secret of every access key here.
const SECRET: &str = "secret";

/// Whether the request is signed with the secret.
pub fn is_right(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> bool {
    signature(method, uri, headers, body).is_some_and(|(given, made)| given == made)
}

/// The signature that was given, and the one that is due.
fn signature(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Option<(String, String)> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let given = text(header::AUTHORIZATION.as_str())?.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let field = |name: &str| given.split(", ").find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    let (_, scope) = field("Credential")?.split_once('/')?;
    let names = field("SignedHeaders")?;
    let must = ["host", "x-amz-date"].iter().all(|must| names.split(';').any(|name| name == *must));
    let token = text("x-amz-security-token").is_none() || names.contains("x-amz-security-token");
    if !must || !token {
        return None;
    }
    let lines: Option<String> = names.split(';').map(|name| Some(format!("{name}:{}\n", text(name)?.trim()))).collect();
    // The path is encoded as it was sent, once more; there is no query.
    let request = [
        method.as_str(),
        &utf8_percent_encode(uri.path(), &PATH).to_string(),
        uri.query().unwrap_or_default(),
        &lines?,
        names,
        &hash(body),
    ];
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", text("x-amz-date")?, hash(request.join("\n").as_bytes()));
    let key = scope.split('/').fold(format!("AWS4{SECRET}").into_bytes(), |key, part| keyed(&key, part.as_bytes()));
    Some((field("Signature")?.to_owned(), hex(&keyed(&key, to_sign.as_bytes()))))
}

fn keyed(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("keys have any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hash(text: &[u8]) -> String {
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
