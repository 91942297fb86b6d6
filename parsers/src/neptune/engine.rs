//! The facts about Amazon Neptune.

use crate::engine::Engine;

/// Amazon Neptune accepts only HTTPS. Amazon's public certificate authority signs and renews its certificate, so an RDS
/// certificate authority has no part in it.
///
/// Source: <https://docs.aws.amazon.com/neptune/latest/userguide/security-ssl.html>.
pub static ENGINE: Engine = Engine {
    metrics: None,
    certificate_elsewhere: Some(
        "Neptune's certificate is signed by Amazon's public certificate authority, which clients trust through their \
         system's trust store; the rotation of RDS's certificate authorities does not affect it",
    ),
    always_tls: Some("Neptune accepts only HTTPS, so every client uses TLS"),
    ..Engine::new("neptune", "Neptune", &["neptune"])
};
