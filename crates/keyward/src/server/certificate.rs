//! The certificate that HTTPS is served with, read again when its files change.

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::task::spawn_blocking;
use tokio::time::MissedTickBehavior;

use crate::complaint::Complaint;
use crate::config::TlsFiles;

/// A certificate in use, and the state of the files that it was read from.
#[derive(Debug)]
pub(super) struct Certificate {
    files: TlsFiles,
    seen: Stamps,
    tls: RustlsConfig,
}

/// When a file was changed last, and how long it is; `None` while it can't be looked at.
type Stamp = Option<(SystemTime, u64)>;
type Stamps = (Stamp, Stamp);

impl Certificate {
    /// Reads the certificate and its key.
    pub(super) async fn read(files: TlsFiles) -> Result<Self, Complaint> {
        let (files, seen, read) = look_and_read(files).await?;
        Ok(Self { files, seen, tls: RustlsConfig::from_config(read?) })
    }

    /// What HTTPS is served with; follows what [`Certificate::watch`] reads.
    pub(super) fn tls(&self) -> RustlsConfig {
        self.tls.clone()
    }

    /// Looks at the files again and again, and reads them when they have changed. A new pair that is no good is
    /// told of in the log, and the old one stays: a certificate is often written before its key.
    pub(super) async fn watch(mut self, every: Duration) -> Infallible {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let files = self.files.clone();
            let Ok(now) = spawn_blocking(move || stamps(&files)).await else { continue };
            if now == self.seen {
                continue;
            }
            match look_and_read(self.files.clone()).await {
                Ok((_, seen, Ok(config))) => {
                    self.seen = seen;
                    self.tls.reload_from_config(config);
                    tracing::info!("the TLS certificate was read again");
                }
                Ok((_, seen, Err(complaint))) => {
                    self.seen = seen;
                    let cause = complaint.to_string();
                    tracing::warn!(cause, "the TLS certificate has changed, but the old one stays in use");
                }
                Err(complaint) => {
                    tracing::warn!(cause = complaint.to_string(), "the TLS certificate was not read");
                }
            }
        }
    }
}

type Read = Result<Arc<ServerConfig>, Complaint>;

/// The stamps are taken before reading: what is written in between is seen as a change the next time.
async fn look_and_read(files: TlsFiles) -> Result<(TlsFiles, Stamps, Read), Complaint> {
    spawn_blocking(move || {
        let seen = stamps(&files);
        let read = read(&files);
        (files, seen, read)
    })
    .await
    .map_err(|error| Complaint::new(format!("The TLS certificate can't be read: {error}.")))
}

fn stamps(files: &TlsFiles) -> Stamps {
    let stamp = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    (stamp(&files.certificate), stamp(&files.key))
}

fn read(files: &TlsFiles) -> Read {
    let chain = pem(&files.certificate, "TLS certificate")?;
    let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| {
        let path = files.certificate.display();
        Complaint::new(format!("The TLS certificate {path} holds no certificate in PEM form."))
            .hint("Give the file that begins with -----BEGIN CERTIFICATE-----.")
    })?;
    let key = pem(&files.key, "TLS key")?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| {
        let path = files.key.display();
        Complaint::new(format!("The TLS key {path} holds no private key in PEM form."))
            .hint("Give the file that begins with -----BEGIN PRIVATE KEY-----, without a passphrase.")
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| {
            Complaint::new(format!("The TLS certificate and its key can't be used: {error}."))
                .hint("Make sure that the key is that of the first certificate in the file.")
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn pem(path: &Path, what: &str) -> Result<Vec<u8>, Complaint> {
    fs::read(path).map_err(|error| {
        Complaint::new(format!("The {what} {} can't be read: {error}.", path.display()))
            .hint("Check --tls-cert and --tls-key, and that this user may read both files.")
    })
}
