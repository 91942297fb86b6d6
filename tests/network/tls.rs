//! A server that ends TLS with a certificate of a private CA, and passes the rest on.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A private CA.
pub struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA"))
    }

    pub fn issuer(&self) -> &CertifiedIssuer<'static, KeyPair> {
        &self.0
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Serves TLS for these names in front of an address, with a certificate that ends in this year.
    pub fn front(&self, names: &[&str], until: i32, behind: SocketAddr) -> SocketAddr {
        self.front_at("127.0.0.1:0", names, until, behind)
    }

    /// The same on another interface.
    pub fn front_at(&self, listen: &str, names: &[&str], until: i32, behind: SocketAddr) -> SocketAddr {
        let key = KeyPair::generate().expect("a key");
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("names");
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(until, 1, 1));
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config =
            config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).expect("a key");
        serve(listen, Some(TlsAcceptor::from(Arc::new(config))), behind)
    }
}

/// Passes on what arrives at another interface.
pub fn relay(listen: &str, behind: SocketAddr) -> SocketAddr {
    serve(listen, None, behind)
}

fn serve(listen: &str, acceptor: Option<TlsAcceptor>, behind: SocketAddr) -> SocketAddr {
    let listener = std::net::TcpListener::bind(listen).expect("a free port");
    listener.set_nonblocking(true).expect("a listener that does not block");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((mut stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(behind).await.ok()?;
                    match acceptor {
                        Some(acceptor) => {
                            let mut client = acceptor.accept(stream).await.ok()?;
                            tokio::io::copy_bidirectional(&mut client, &mut server).await.ok()
                        }
                        None => tokio::io::copy_bidirectional(&mut stream, &mut server).await.ok(),
                    }
                });
            }
        });
    });
    address
}
