//! Certificates made on the spot.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub struct Papers {
    pub chain: Vec<CertificateDer<'static>>,
    pub certificate_pem: String,
    pub key_pem: String,
}

impl Authority {
    pub fn new() -> Authority {
        Authority::named("An authority")
    }

    pub fn named(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        Authority(CertifiedIssuer::self_signed(params, key).expect("it signs itself"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// Papers for these names, good from 2020 on to the end of this year.
    pub fn signs(&self, names: &[&str], until: i32) -> Papers {
        let (params, key) = asked(names, until);
        let certificate = params.signed_by(&key, &self.0).expect("the authority signs");
        Papers {
            chain: vec![certificate.der().clone()],
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }
}

/// Papers that nobody else has signed.
pub fn self_signed(names: &[&str]) -> Papers {
    let (params, key) = asked(names, 2090);
    let certificate = params.self_signed(&key).expect("it signs itself");
    Papers { chain: vec![certificate.der().clone()], certificate_pem: certificate.pem(), key_pem: key.serialize_pem() }
}

fn asked(names: &[&str], until: i32) -> (CertificateParams, KeyPair) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 12, 31);
    params.distinguished_name.push(DnType::CommonName, "A server");
    (params, KeyPair::generate().expect("a key"))
}

impl Papers {
    fn key(&self) -> PrivateKeyDer<'static> {
        use rustls::pki_types::pem::PemObject;
        PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("a key")
    }

    /// A server with these papers that speaks these protocols; with an authority it wants users to show papers of it.
    pub fn server(&self, protocols: &[&str], wants: Option<&Authority>) -> TlsAcceptor {
        TlsAcceptor::from(self.config(protocols, wants))
    }

    /// How such a server speaks TLS.
    pub fn config(&self, protocols: &[&str], wants: Option<&Authority>) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        let builder = match wants {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(authority.der()).expect("an authority");
                let verifier =
                    rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.expect("a verifier"))
            }
        };
        let mut config = builder.with_single_cert(self.chain.clone(), self.key()).expect("papers");
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}
