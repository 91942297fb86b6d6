//! `s3://bucket/prefix`.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A bucket and the beginning of the keys in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct S3Url {
    /// Name of the bucket, or alias of an access point.
    pub bucket: String,
    /// Beginning of the keys, or one key. Without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
}

const SCHEME: &str = "s3://";

impl S3Url {
    /// Whether a path is one, valid or not.
    pub fn is_s3(path: &Path) -> bool {
        path.to_str().is_some_and(|text| text.starts_with(SCHEME))
    }

    /// The URL of a key below it, or of itself without one.
    pub fn join(&self, key: &str) -> Self {
        let words = [self.prefix.as_str(), key].into_iter().filter(|word| !word.is_empty());
        Self { bucket: self.bucket.clone(), prefix: words.collect::<Vec<_>>().join("/") }
    }
}

impl fmt::Display for S3Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{SCHEME}{}/{}", self.bucket, self.prefix)
    }
}

impl FromStr for S3Url {
    type Err = String;

    /// Source: "General purpose bucket naming rules" in the S3 user guide.
    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix(SCHEME).ok_or("use s3://BUCKET/PREFIX")?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        if bucket.starts_with("arn:") {
            return Err("use the name of a bucket or the alias of an access point, not an ARN".to_owned());
        }
        let is_named =
            bucket.bytes().all(is_letter) && !bucket.starts_with(['.', '-']) && !bucket.ends_with(['.', '-']);
        if !(3..=63).contains(&bucket.len()) || !is_named {
            return Err("the name of a bucket has 3 to 63 lowercase letters, digits, dots and hyphens".to_owned());
        }
        let prefix = prefix.trim_end_matches('/');
        if !prefix.is_empty() && prefix.split('/').any(|word| matches!(word, "" | "." | "..")) {
            return Err("the prefix has empty words, . or ..".to_owned());
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_bucket_and_a_prefix() {
        let of =
            |text: &str| text.parse::<S3Url>().map(|url| (url.bucket.clone(), url.prefix.clone(), url.to_string()));
        let found = |bucket: &str, prefix: &str, url: &str| Ok((bucket.to_owned(), prefix.to_owned(), url.to_owned()));
        assert_eq!(of("s3://audit/a/b/"), found("audit", "a/b", "s3://audit/a/b"));
        assert_eq!(of("s3://audit"), found("audit", "", "s3://audit/"));
        for wrong in ["s3://", "s3://A/b", "s3://arn:aws:s3:::x/y", "https://x/y", "s3://audit/../x", "s3://audit/a//b"]
        {
            assert!(wrong.parse::<S3Url>().is_err(), "{wrong}");
        }
        let url: S3Url = "s3://audit".parse().expect("a URL");
        assert_eq!(url.join("x.json").join("").to_string(), "s3://audit/x.json");
    }
}
