//! Folders in S3, and the permissions on them.

use std::str::FromStr;

use super::permissions::Statement;
use crate::aws::s3::S3Url;

/// Actions that write a bundle and read it.
const READ_AND_WRITE: &[&str] = &["s3:GetObject", "s3:PutObject"];
/// Actions that read copied logs.
const READ: &[&str] = &["s3:GetObject"];
/// Actions that list a folder. Without them, S3 answers that a missing object is denied.
const LIST: &[&str] = &["s3:ListBucket"];
/// Actions of `compact`, which removes what it merged.
const COMPACT: &[&str] = &["s3:DeleteObject"];
/// Actions on the key with which S3 encrypts what is written, and decrypts what is read.
///
/// Source: "Protecting data using server-side encryption with AWS KMS keys" in the S3 user guide.
const ENCRYPT: &[&str] = &["kms:Decrypt", "kms:GenerateDataKey"];
/// Actions on the key with which S3 decrypts what is read.
const DECRYPT: &[&str] = &["kms:Decrypt"];

/// A folder in a bucket: `s3://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folder(S3Url);

impl FromStr for Folder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url: S3Url = text.parse()?;
        // They have a meaning in policies.
        if url.prefix.contains(['*', '?', '$']) || url.prefix.chars().any(char::is_control) {
            return Err("use a prefix without *, ? and $".to_owned());
        }
        Ok(Self(url))
    }
}

impl Folder {
    /// What is allowed in a folder that holds an evidence bundle.
    pub fn of_bundle(&self) -> Vec<Statement> {
        vec![
            self.list("BundleList"),
            Statement::allow("BundleObjects", READ_AND_WRITE, vec![self.objects()]),
            Statement::allow("OptionalBundleCompaction", COMPACT, vec![self.objects()]),
            self.key("OptionalBundleKey", ENCRYPT),
        ]
    }

    /// What is allowed in a folder of copied logs.
    pub fn of_logs(&self) -> Vec<Statement> {
        vec![
            self.list("LogArchiveList"),
            Statement::allow("LogArchiveObjects", READ, vec![self.objects()]),
            self.key("OptionalLogArchiveKey", DECRYPT),
        ]
    }

    /// Source: "Controlling access to a bucket with user policies" in the S3 user guide.
    fn list(&self, sid: &'static str) -> Statement {
        let list = Statement::allow(sid, LIST, vec![self.arn()]);
        match self.0.prefix.as_str() {
            "" => list,
            prefix => list.only_where("s3:prefix", vec![prefix.to_owned(), format!("{prefix}/*")]),
        }
    }

    /// A key may be used only for what S3 encrypts here. S3 names the object to KMS, or the bucket if it has a bucket key.
    ///
    /// Source: "Encryption context" in "Using server-side encryption with AWS KMS keys" in the S3 user guide.
    fn key(&self, sid: &'static str, actions: &'static [&'static str]) -> Statement {
        let keys = Statement::allow(sid, actions, vec!["arn:*:kms:*:*:key/*".to_owned()]);
        keys.only_where("kms:EncryptionContext:aws:s3:arn", vec![self.arn(), self.objects()])
    }

    fn arn(&self) -> String {
        format!("arn:*:s3:::{}", self.0.bucket)
    }

    fn objects(&self) -> String {
        let parts = [self.arn(), self.0.prefix.clone(), "*".to_owned()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(text: &str) -> Folder {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_folder_is_a_bucket_and_perhaps_a_prefix() {
        for (text, objects) in [
            ("s3://bucket", "arn:*:s3:::bucket/*"),
            ("s3://bucket/", "arn:*:s3:::bucket/*"),
            ("s3://a.b-1/rds/evidence/", "arn:*:s3:::a.b-1/rds/evidence/*"),
        ] {
            assert_eq!(folder(text).objects(), objects, "{text}");
        }
        let wrong =
            ["bucket", "S3://bucket", "s3://", "s3:///a", "s3://ab", "s3://Bucket", "s3://a_b", "s3://-ab", "s3://ab."];
        let patterns = ["s3://bucket/*", "s3://bucket/a?", "s3://bucket/${a}", "s3://bucket//a", "s3://bucket/a//b"];
        for text in wrong.into_iter().chain(patterns) {
            assert!(text.parse::<Folder>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_folder_is_listed() {
        assert!(folder("s3://bucket").list("List").condition.is_none());
        let condition = folder("s3://bucket/a/b").list("List").condition.expect("a condition");
        assert_eq!(condition.patterns["s3:prefix"], ["a/b", "a/b/*"]);
    }
}
