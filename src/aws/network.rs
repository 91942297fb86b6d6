//! The HTTP client under all calls, those for credentials too: proxies, trusted CAs, bounds of answers, the cause of a failed
//! connection, and who is told of each call.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use http::Uri;
use tokio::sync::OnceCell;

use super::call::{begun, ended};
use super::connection::{Unreachable, diagnose};
use super::trust::Trust;
use super::{CONNECT, answer, proxy};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Progress;

/// The HTTP client for calls with a profile, or with what the environment names.
///
/// # Errors
///
/// When the proxy or the CA bundle that is set cannot be used.
pub(super) async fn client(profile: Option<&str>, progress: &Arc<dyn Progress>) -> Result<SharedHttpClient> {
    let (trust, context) = tls(profile).await?;
    let client = |proxies: ProxyConfig| {
        let context = context.clone();
        Builder::new().build_with_connector_fn(move |settings, _| {
            connection(
                &proxies,
                &context,
                settings.cloned().unwrap_or_else(|| HttpConnectorSettings::builder().build()),
            )
        })
    };
    let (direct, proxied) = (client(ProxyConfig::disabled()), client(ProxyConfig::from_env()));
    let diagnoses = Arc::new(Diagnoses { trust, known: Mutex::default() });
    let network = Network { direct, proxied, diagnoses, progress: Arc::clone(progress) };
    Ok(answer::bounded(SharedHttpClient::new(network)))
}

/// The same for calls that no client of the SDK makes. Answers are as long as they are.
///
/// # Errors
///
/// As [`client`].
pub(super) async fn connector(profile: Option<&str>, progress: &Arc<dyn Progress>) -> Result<SharedHttpConnector> {
    let (trust, context) = tls(profile).await?;
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT).build();
    let of = |proxies: ProxyConfig| SharedHttpConnector::new(connection(&proxies, &context, settings.clone()));
    let (direct, proxied) = (of(ProxyConfig::disabled()), of(ProxyConfig::from_env()));
    let diagnoses = Arc::new(Diagnoses { trust, known: Mutex::default() });
    Ok(SharedHttpConnector::new(NetworkConnector { direct, proxied, diagnoses, progress: Arc::clone(progress) }))
}

/// The trusted CAs, also as the HTTP client has them.
async fn tls(profile: Option<&str>) -> Result<(Trust, TlsContext)> {
    proxy::check()?;
    let trust = Trust::of_profile(profile).await?;
    let context = TlsContext::builder().with_trust_store(trust.store()).build();
    let context = context.map_err(|error| Error::new(ErrorKind::Io, "TLS", "could not be set up").because(error))?;
    Ok((trust, context))
}

fn connection(proxies: &ProxyConfig, context: &TlsContext, settings: HttpConnectorSettings) -> Connector {
    let builder = Connector::builder().proxy_config(proxies.clone());
    let builder = builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context.clone());
    builder.connector_settings(settings).build()
}

/// What is known of addresses that could not be reached. All calls to one fail for the same reason.
#[derive(Debug)]
struct Diagnoses {
    trust: Trust,
    known: Mutex<HashMap<String, Arc<OnceCell<Option<Unreachable>>>>>,
}

impl Diagnoses {
    async fn of(&self, address: &Uri) -> Option<Unreachable> {
        let key = format!("{}://{}", address.scheme_str().unwrap_or_default(), address.authority()?);
        let known = Arc::clone(self.lock().entry(key.clone()).or_default());
        let found = known.get_or_init(|| diagnose(address, &self.trust)).await.clone();
        if found.is_none() {
            // It can be reached again: the next failure may have another cause.
            self.lock().remove(&key);
        }
        found
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<OnceCell<Option<Unreachable>>>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Network {
    direct: SharedHttpClient,
    proxied: SharedHttpClient,
    diagnoses: Arc<Diagnoses>,
    progress: Arc<dyn Progress>,
}

impl fmt::Debug for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Network")
    }
}

impl HttpClient for Network {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(NetworkConnector {
            direct: self.direct.http_connector(settings, components),
            proxied: self.proxied.http_connector(settings, components),
            diagnoses: Arc::clone(&self.diagnoses),
            progress: Arc::clone(&self.progress),
        })
    }
}

struct NetworkConnector {
    direct: SharedHttpConnector,
    proxied: SharedHttpConnector,
    diagnoses: Arc<Diagnoses>,
    progress: Arc<dyn Progress>,
}

impl fmt::Debug for NetworkConnector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("NetworkConnector")
    }
}

impl HttpConnector for NetworkConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let address = request.uri().parse::<Uri>().unwrap_or_default();
        let call = begun(&request, &address);
        let connector = if proxy::is_local(&address) { &self.direct } else { &self.proxied };
        let (answer, start) = (connector.call(request), Instant::now());
        let (diagnoses, progress) = (Arc::clone(&self.diagnoses), Arc::clone(&self.progress));
        HttpConnectorFuture::new(async move {
            let answer = answer.await;
            progress.call(&ended(call, start.elapsed(), answer.as_ref().ok()));
            match answer {
                // Where the connection stands, the cause is known.
                Err(error) if is_of_connection(&error) => Err(match diagnoses.of(&address).await {
                    Some(unreachable) if unreachable.is_permanent() => ConnectorError::other(unreachable.into(), None),
                    Some(unreachable) => ConnectorError::io(unreachable.into()),
                    None => error,
                }),
                answer => answer,
            }
        })
    }
}

/// Whether a call failed before the request was sent, as far as the HTTP client tells.
fn is_of_connection(error: &ConnectorError) -> bool {
    let mut causes = std::iter::successors(StdError::source(error), |error| (*error).source());
    error.is_timeout() || causes.any(|cause| cause.to_string().contains("(Connect)"))
}
