//! Objects in S3: lists, objects, and writes that replace nothing. Calls wait for their end, whatever thread makes them.

mod failure;
mod refusal;
mod transport;
mod url;

pub use url::S3Url;

use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::path::Path as Key;
use object_store::{
    BackoffConfig, CredentialProvider, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    RetryConfig,
};
use tokio::runtime::Runtime;

use self::failure::failure;
use self::transport::{REFUSED, Transport};
use super::account::credentials;
use super::credentials::Renewed;
use super::{Regions, endpoint, network, region};
use crate::error::{Error, ErrorKind, Result, TRY_AGAIN};
use crate::progress::Progress;

/// Objects that are read or written at the same time.
pub const AT_ONCE: usize = 32;
/// Retries of calls that fail in a way that may pass, and how long they are made.
const RETRIES: usize = 8;
const RETRIED_FOR: Duration = Duration::from_secs(120);
/// What credentials and the place of a bucket are asked with.
const LIST: &str = "s3:ListBucket";
const GET: &str = "s3:GetObject";
const PUT: &str = "s3:PutObject";
const DELETE: &str = "s3:DeleteObject";

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Whole key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When it was written, in milliseconds since 1970.
    pub written: i64,
}

/// Whether a write may replace an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It must be new.
    New,
    /// It may be there.
    Replace,
}

/// A bucket that was found, and the credentials for it.
#[derive(Clone)]
pub struct Bucket {
    store: Arc<AmazonS3>,
    /// URL of the whole bucket.
    url: S3Url,
    runtime: Arc<Runtime>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Bucket({})", self.url)
    }
}

impl Bucket {
    /// Finds a bucket in whatever region it is. Credentials are those of a profile, or of what the environment names; new ones are
    /// waited for as long as `patience`.
    ///
    /// # Errors
    ///
    /// When there are no credentials, or the bucket cannot be found.
    pub fn find(name: &str, profile: Option<&str>, patience: Duration, progress: &Arc<dyn Progress>) -> Result<Self> {
        let url = S3Url { bucket: name.to_owned(), prefix: String::new() };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime =
            runtime.map_err(|error| Error::new(ErrorKind::Io, "threads", "could not start threads").because(error))?;
        let store = runtime.block_on(find(&url, profile, patience, progress))?;
        Ok(Self { store: Arc::new(store), url, runtime: Arc::new(runtime) })
    }

    /// The objects whose key is `prefix`, or begins with it and a slash, in the order of their keys.
    ///
    /// # Errors
    ///
    /// When they cannot be listed.
    pub fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        let url = self.url.join(prefix);
        let folder = key(&url, prefix)?;
        let object = |meta: object_store::ObjectMeta| Object {
            key: meta.location.to_string(),
            size: meta.size,
            written: meta.last_modified.timestamp_millis(),
        };
        let folder = if prefix.is_empty() { None } else { Some(folder) };
        let listed = || self.store.list(folder.as_ref()).map_ok(object).try_collect::<Vec<_>>();
        let mut all = self.call(&url, LIST, listed)?;
        if all.is_empty()
            && let Some(only) = &folder
        {
            match self.call(&url, GET, || self.store.head(only)) {
                Ok(meta) => all.push(object(meta)),
                // Without s3:ListBucket, S3 denies what is not there.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Denied) => {}
                Err(error) => return Err(error),
            }
        }
        all.sort_unstable();
        Ok(all)
    }

    /// Writes an object into `file`, as it comes. Returns its bytes.
    ///
    /// # Errors
    ///
    /// When it is gone, cannot be read to its end, or cannot be written.
    pub fn download(&self, object: &str, file: &mut dyn Write) -> Result<u64> {
        let url = self.url.join(object);
        let key = key(&url, object)?;
        let unwritten = |error| Error::io(&std::env::temp_dir(), error).hint("set TMPDIR to a folder with more space");
        let got = self.call(&url, GET, || self.store.get(&key))?;
        let size = got.meta.size;
        let (mut pieces, mut received) = (got.into_stream(), 0_u64);
        while let Some(piece) = self.call(&url, GET, || pieces.try_next())? {
            received += piece.len() as u64;
            file.write_all(&piece).map_err(unwritten)?;
        }
        if received != size {
            let message = format!("the object has {size} bytes, and {received} came");
            return Err(Error::new(ErrorKind::Truncated, url.to_string(), message).hint(TRY_AGAIN));
        }
        Ok(size)
    }

    /// Some bytes of an object: at least one, or as many as there are.
    ///
    /// # Errors
    ///
    /// When it is gone or cannot be read.
    pub fn part(&self, object: &str, range: Range<u64>) -> Result<Bytes> {
        let url = self.url.join(object);
        let key = key(&url, object)?;
        let read = async || {
            let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
            self.store.get_opts(&key, options).await?.bytes().await
        };
        self.call(&url, GET, read)
    }

    /// Writes an object. Says whether it was written: with [`Mode::New`], one that is there stays.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn upload(&self, object: &str, bytes: Vec<u8>, write: Mode) -> Result<bool> {
        let url = self.url.join(object);
        let key = key(&url, object)?;
        let bytes = Bytes::from(bytes);
        let mode = match write {
            Mode::New => PutMode::Create,
            Mode::Replace => PutMode::Overwrite,
        };
        let put = async || {
            let options = PutOptions { mode, ..PutOptions::default() };
            match self.store.put_opts(&key, bytes.clone().into(), options).await {
                Ok(_) => Ok(true),
                Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.call(&url, PUT, put)
    }

    /// Removes an object, which may be gone already.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub fn delete(&self, object: &str) -> Result<()> {
        let url = self.url.join(object);
        let key = key(&url, object)?;
        match self.call(&url, DELETE, || self.store.delete(&key)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Does something with each of many objects, many at a time and some ahead of the reader. Results come in their order.
    pub fn map<'b, T, U>(
        &'b self,
        all: Vec<T>,
        job: impl Fn(T) -> U + Send + Sync + 'static,
    ) -> impl Iterator<Item = U> + 'b
    where
        T: Send + 'static,
        U: Send + 'static,
    {
        let job = Arc::new(job);
        let jobs = all.into_iter().map(move |one| {
            let job = Arc::clone(&job);
            self.runtime.spawn_blocking(move || job(one))
        });
        let mut jobs = stream::iter(jobs).buffered(AT_ONCE);
        std::iter::from_fn(move || {
            let done = self.runtime.block_on(jobs.next())?;
            Some(done.unwrap_or_else(|lost| std::panic::resume_unwind(lost.into_panic())))
        })
    }

    /// Makes a call, and waits for it.
    fn call<T, F>(&self, url: &S3Url, action: &str, call: impl FnOnce() -> F) -> Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let refused = Arc::default();
        let answer = self.runtime.block_on(REFUSED.scope(Arc::clone(&refused), call()));
        answer.map_err(|error| {
            let refusal = refused.lock().unwrap_or_else(PoisonError::into_inner).take();
            failure(url, action, refusal, &error).because(error)
        })
    }
}

/// A key, which must not be another one in the same words.
fn key(url: &S3Url, text: &str) -> Result<Key> {
    Key::parse(text).map_err(|error| {
        Error::new(ErrorKind::Usage, url.to_string(), "keys with empty words, . or .. are not supported").because(error)
    })
}

async fn find(
    url: &S3Url,
    profile: Option<&str>,
    patience: Duration,
    progress: &Arc<dyn Progress>,
) -> Result<AmazonS3> {
    let (config, renewed) = credentials(profile, patience, &Regions::Own, progress).await?;
    endpoint::unencrypted_of(&config, &["S3"]).iter().for_each(|warning| progress.warn(warning));
    let transport = Transport(network::connector(profile, progress).await?);
    let own = config.region().map_or_else(|| "us-east-1".to_owned(), ToString::to_string);
    let builder = match endpoint::of(&config, "S3") {
        Some(address) => AmazonS3Builder::new().with_endpoint(address).with_allow_http(true).with_region(own),
        None => {
            let region = region_of(url, &config, &own, &transport).await?;
            let host = host(&config, &region);
            // A name with dots matches no certificate of S3.
            let is_virtual = !url.bucket.contains('.');
            let address = if is_virtual { format!("https://{}.{host}", url.bucket) } else { format!("https://{host}") };
            let builder = AmazonS3Builder::new().with_endpoint(address).with_region(region);
            builder.with_virtual_hosted_style_request(is_virtual)
        }
    };
    let retries = RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES, retry_timeout: RETRIED_FOR };
    let builder = builder.with_bucket_name(&url.bucket).with_credentials(Arc::new(Signer(renewed)));
    let built = builder.with_http_connector(transport).with_retry(retries).build();
    built.map_err(|error| {
        Error::new(ErrorKind::Usage, url.to_string(), "the AWS settings do not allow the call").because(error)
    })
}

/// The host of S3 in a region.
///
/// Source: "Amazon S3 endpoints and quotas" in the AWS general reference.
fn host(config: &SdkConfig, region: &str) -> String {
    let fips = if config.use_fips() == Some(true) { "-fips" } else { "" };
    let dual_stack = if config.use_dual_stack() == Some(true) { ".dualstack" } else { "" };
    let domain = if region::partition(region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("s3{fips}{dual_stack}.{region}.{domain}")
}

/// The region of a bucket, which S3 names in every answer, also to a caller whom it does not know.
///
/// Source: `HeadBucket` in the S3 API reference.
async fn region_of(url: &S3Url, config: &SdkConfig, own: &str, transport: &Transport) -> Result<String> {
    const ACTION: &str = "s3:HeadBucket";
    let address = format!("https://{}/{}", host(config, own), url.bucket);
    let request = http::Request::head(address).body(SdkBody::empty()).ok();
    let Some(request) = request.and_then(|request| request.try_into().ok()) else { return Ok(own.to_owned()) };
    let answer = transport.send(request).await.map_err(|error| failure(url, ACTION, None, &error).because(error))?;
    if answer.status() == http::StatusCode::NOT_FOUND {
        return Err(Error::new(ErrorKind::NotFound, url.to_string(), "there is no such bucket")
            .hint("check the name of the bucket")
            .call(ACTION, None));
    }
    let named = answer.headers().get("x-amz-bucket-region").and_then(|region| region.to_str().ok());
    Ok(named.unwrap_or(own).to_owned())
}

/// Signs with the credentials of all other calls.
#[derive(Debug)]
struct Signer(Renewed);

#[async_trait]
impl CredentialProvider for Signer {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let given = self.0.provide_credentials().await;
        let given = given.map_err(|error| object_store::Error::Generic { store: "S3", source: Box::new(error) })?;
        Ok(Arc::new(AwsCredential {
            key_id: given.access_key_id().to_owned(),
            secret_key: given.secret_access_key().to_owned(),
            token: given.session_token().map(str::to_owned),
        }))
    }
}
