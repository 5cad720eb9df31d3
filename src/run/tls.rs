//! TLS: what is trusted and shown, made once for the run and shared by all users; the handshake; what its errors mean.
//!
//! Cost: making a configuration reads the machine's certificates (some milliseconds and 100 KiB), so it is made once for
//! each target, and only where something goes over TLS.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use super::dial::Trouble;
use super::network::Stream;
use super::place::Base;
use crate::base::Span;
use crate::metrics::ErrorKind;
use crate::plan::{Plan, TargetId, Tls};

/// Most sessions that can be resumed, all servers of a target together; each has about 1 KiB.
const SESSIONS_MAX: usize = 256;

/// What speaks HTTP over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    /// HTTP/1.1
    One,
    /// HTTP/2
    Two,
}

/// What is offered to a server in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    One,
    Two,
    Both,
}

impl Offer {
    fn protocols(self) -> Vec<Vec<u8>> {
        let protocols: &[&[u8]] = match self {
            Offer::One => &[b"http/1.1"],
            Offer::Two => &[b"h2"],
            Offer::Both => &[b"h2", b"http/1.1"],
        };
        protocols.iter().map(|protocol| protocol.to_vec()).collect()
    }
}

/// Why TLS cannot be spoken with a target: what the scenario or the machine lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// The file of the scenario that is at fault; `None`: the machine.
    pub span: Option<Span>,
    /// What is so.
    pub why: String,
}

/// The configurations of a run, by target. Threads share them, and with them the sessions that can be resumed.
#[derive(Debug)]
pub struct Security {
    targets: Vec<Settings>,
    /// Of this machine.
    roots: OnceLock<Result<Arc<RootCertStore>, Unfit>>,
}

#[derive(Debug)]
struct Settings {
    tls: Tls,
    /// For the target's own server.
    own: OnceLock<Result<Arc<ClientConfig>, Unfit>>,
    /// For servers that a redirect or a captured URL leads to: the user does not show there who it is.
    foreign: OnceLock<Result<Arc<ClientConfig>, Unfit>>,
}

impl Security {
    /// That of this plan's targets; nothing is made yet.
    pub(super) fn new(plan: &Plan) -> Security {
        let settings = |tls: &Tls| Settings { tls: tls.clone(), own: OnceLock::new(), foreign: OnceLock::new() };
        Security { targets: plan.targets.iter().map(|target| settings(&target.tls)).collect(), roots: OnceLock::new() }
    }

    /// Makes what the run will need for sure, so that what cannot be made is known before the first packet.
    pub(super) fn prepare(&self, bases: &[Base]) -> Result<(), Unfit> {
        for (settings, base) in self.targets.iter().zip(bases) {
            let said = settings.tls.ca.is_some() || settings.tls.identity.is_some();
            if base.origin.secure || said {
                self.of(base.origin.target, true)?;
            }
        }
        Ok(())
    }

    /// The configuration for the server of this target, or for another one that a step on it has come to.
    pub(super) fn of(&self, target: TargetId, own: bool) -> Result<Arc<ClientConfig>, Unfit> {
        let settings = &self.targets[target.0 as usize];
        let cell = if own { &settings.own } else { &settings.foreign };
        cell.get_or_init(|| self.make(&settings.tls, own)).clone()
    }

    fn make(&self, tls: &Tls, own: bool) -> Result<Arc<ClientConfig>, Unfit> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Unfit { span: None, why: error.to_string() })?;
        let verifier: Arc<dyn ServerCertVerifier> = match tls.verify {
            false => Arc::new(Anyone(provider)),
            true => {
                let roots = match &tls.ca {
                    Some(ca) => Arc::new(trusted(ca)?),
                    None => self.roots.get_or_init(platform).clone()?,
                };
                let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
                Arc::new(Known(verifier.map_err(|error| Unfit { span: None, why: error.to_string() })?))
            }
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = match tls.identity.as_ref().filter(|_| own) {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (certificate, key) = (&identity.certificate, &identity.key);
                let chain = certificates(certificate)?;
                let wrong = |why: String| Unfit { span: Some(key.span), why };
                let private = PrivateKeyDer::from_pem_slice(&key.text)
                    .map_err(|error| wrong(format!("this is no private key: {error}")))?;
                builder.with_client_auth_cert(chain, private).map_err(|error| match error {
                    rustls::Error::InconsistentKeys(_) => wrong("this key does not fit the certificate".into()),
                    rustls::Error::InvalidCertificate(why) => {
                        let why = match is_of_version_1(&why) {
                            true => format!("this certificate {VERSION_1}"),
                            false => "this is no certificate, though it looks like one".to_owned(),
                        };
                        Unfit { span: Some(certificate.span), why }
                    }
                    other => wrong(format!("this key cannot be used: {other}")),
                })?
            }
        };
        config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
        Ok(Arc::new(config))
    }
}

/// The certificates of a file.
fn certificates(pem: &crate::plan::Pem) -> Result<Vec<CertificateDer<'static>>, Unfit> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.text).collect();
    all.map_err(|error| Unfit { span: Some(pem.span), why: format!("this is no certificate: {error}") })
}

/// The authorities of a file.
fn trusted(pem: &crate::plan::Pem) -> Result<RootCertStore, Unfit> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        let why = || "this is no certificate, though it looks like one".to_owned();
        roots.add(certificate).map_err(|_| Unfit { span: Some(pem.span), why: why() })?;
    }
    Ok(roots)
}

/// The authorities that this machine trusts. Those that cannot be read are left out, as browsers do.
fn platform() -> Result<Arc<RootCertStore>, Unfit> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        let why = format!("this machine has no certificates of authorities{why}");
        return Err(Unfit { span: None, why });
    }
    Ok(Arc::new(roots))
}

/// Speaks TLS over `stream` with `host`, a name or an address, and offers HTTP's versions.
pub(super) async fn shake_hands(
    config: Arc<ClientConfig>,
    host: &str,
    offer: Offer,
    stream: Stream,
) -> Result<(Stream, Spoken), Trouble> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Trouble::new(ErrorKind::Tls, format!("no certificate can be for the name `{host}`")))?;
    let connector = TlsConnector::from(config);
    let shaken = connector.with_alpn(offer.protocols()).connect(name, stream).await;
    let stream = shaken.map_err(|error| in_handshake(&error, host))?;
    let spoken = match (stream.get_ref().1.alpn_protocol(), offer) {
        (Some(b"h2"), _) => Spoken::Two,
        (_, Offer::Two) => {
            let why = format!("`{host}` does not choose HTTP/2 in the TLS handshake, and nothing else was offered");
            return Err(Trouble::new(ErrorKind::Tls, why));
        }
        // Servers that know nothing of the choice speak HTTP/1.1.
        _ => Spoken::One,
    };
    Ok((Stream::Tls(Box::new(stream)), spoken))
}

/// What an error in the handshake with `host` means.
fn in_handshake(error: &io::Error, host: &str) -> Trouble {
    if let Some(trouble) = of_io(error) {
        return trouble;
    }
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Trouble::new(ErrorKind::Tls, format!("`{host}` closed the connection in the TLS handshake"));
    }
    let trouble = Trouble::of_io(error);
    Trouble { text: format!("{} in the TLS handshake", trouble.text), ..trouble }
}

/// What an error of a connection means, where TLS is what went wrong.
pub(super) fn of_io(error: &io::Error) -> Option<Trouble> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(Trouble::new(ErrorKind::Tls, words(error)))
}

fn words(error: &rustls::Error) -> String {
    use rustls::Error;
    match error {
        Error::InvalidCertificate(why) => of_certificate(why),
        Error::InvalidMessage(_) => "what answered does not speak TLS: is this a port of plain HTTP?".into(),
        Error::AlertReceived(alert) => {
            let alert = format!("{alert:?}");
            // `HandshakeFailure` is said as two words.
            let mut said = String::new();
            for letter in alert.chars() {
                if letter.is_ascii_uppercase() && !said.is_empty() {
                    said.push(' ');
                }
                said.push(letter.to_ascii_lowercase());
            }
            format!("the server refuses TLS with this user: {said}")
        }
        Error::PeerIncompatible(_) => {
            "the server speaks no version or cipher of TLS that scn speaks (1.2 and 1.3)".into()
        }
        Error::NoApplicationProtocol => "the server speaks none of the versions of HTTP that were offered".into(),
        other => format!("TLS failed: {other}"),
    }
}

fn of_certificate(why: &CertificateError) -> String {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    let ago = |seconds: u64| match seconds {
        0..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    };
    match why {
        Expired => "the server's certificate has expired".into(),
        ExpiredContext { time, not_after } => {
            let since = ago(time.as_secs().saturating_sub(not_after.as_secs()));
            format!("the server's certificate has expired, {since} ago")
        }
        NotValidYet => "the server's certificate is not valid yet".into(),
        NotValidYetContext { time, not_before } => {
            let until = ago(not_before.as_secs().saturating_sub(time.as_secs()));
            format!(
                "the server's certificate is not valid yet, but in {until}; does the clock of this machine go right?"
            )
        }
        NotValidForName => "the server's certificate is for another name".into(),
        NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            if presented.is_empty() {
                return format!("the server's certificate is for no name, and `{expected}` was wanted");
            }
            let most = 3;
            let more = if presented.len() > most { " and others" } else { "" };
            // `DnsName("shop.test")`, `IpAddress(127.0.0.1)`.
            let name = |one: &String| {
                let bare = one.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(one);
                format!("`{}`", bare.trim_matches('"'))
            };
            let names: Vec<String> = presented.iter().take(most).map(name).collect();
            format!("the server's certificate is for {}{more}, and `{expected}` was wanted", names.join(", "))
        }
        CertificateError::BadSignature => {
            "the server's certificate is not signed with the key of the authority that it names".into()
        }
        UnknownIssuer => "the server's certificate is signed by nobody who is trusted".into(),
        why if is_of_version_1(why) => format!("the server's certificate {VERSION_1}"),
        CertificateError::Other(other) => match other.0.downcast_ref::<Odd>() {
            Some(odd) => odd.to_string(),
            None => format!("the server's certificate is not good: {other}"),
        },
        other => format!("the server's certificate is not good: {other}"),
    }
}

/// What is wrong with a certificate that `openssl` has signed without being told of any extension.
const VERSION_1: &str =
    "is of version 1, and TLS wants version 3: sign it with an extension, as `openssl x509 -req` does with `-extfile`";

fn is_of_version_1(why: &CertificateError) -> bool {
    let CertificateError::Other(other) = why else { return false };
    other.0.downcast_ref() == Some(&webpki::Error::UnsupportedCertVersion)
}

/// What is odd about a certificate beyond the words that there are for it.
#[derive(Debug)]
enum Odd {
    SelfSigned,
    Authority,
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Odd::SelfSigned => "the server's certificate is signed by itself, and not one that is trusted",
            Odd::Authority => {
                "the server's certificate is an authority's own (CA:TRUE), which a server may not show: sign one for the server with it"
            }
        })
    }
}

impl std::error::Error for Odd {}

/// Takes certificates that an authority vouches for; says more of those that nobody does.
#[derive(Debug)]
struct Known(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| {
            let certificate = webpki::EndEntityCert::try_from(end_entity);
            let signs_itself = certificate.is_ok_and(|certificate| certificate.issuer() == certificate.subject());
            let odd = match &error {
                rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) if signs_itself => Odd::SelfSigned,
                rustls::Error::InvalidCertificate(CertificateError::Other(other))
                    if other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity) =>
                {
                    Odd::Authority
                }
                _ => return error,
            };
            CertificateError::Other(rustls::OtherError(Arc::new(odd))).into()
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Takes any certificate: `verify off`.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
