use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::listener::{Plain, Tls};
use super::service::Answering;
use super::{App, metrics};

/// Where and how to listen.
pub struct ServeOptions {
    pub listen: String,
    /// Where to show metrics without a key.
    pub metrics_listen: Option<String>,
    /// Certificate chain and private key, both PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// A bound socket that is not answering yet.
pub struct Server {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    pub url: String,
    /// Shows metrics without a key.
    private: Option<TcpListener>,
    pub metrics_url: Option<String>,
}

/// Requests under way when the server is told to stop get this long.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

impl Server {
    /// Takes the address, so that a wrong one is known before anything else is done.
    pub async fn bind(options: &ServeOptions) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(&options.listen)
            .await
            .with_context(|| format!("listen on `{}`; is another server running there?", options.listen))?;
        let acceptor = match &options.tls {
            Some((certificate, key)) => Some(tls_acceptor(certificate, key)?),
            None => None,
        };
        let address = listener.local_addr().context("read the listening address")?;
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        if acceptor.is_none() && !address.ip().is_loopback() {
            tracing::warn!(
                "{address} can be reached from other machines and keys travel unencrypted: use --tls-cert and --tls-key, or a proxy that does TLS"
            );
        }
        let private = match &options.metrics_listen {
            Some(listen) => {
                Some(TcpListener::bind(listen).await.with_context(|| format!("listen on `{listen}` to show metrics"))?)
            }
            None => None,
        };
        let private_address = private.as_ref().map(TcpListener::local_addr).transpose();
        let private_address = private_address.context("read the address of the metrics")?;
        let metrics_url = private_address.map(|address| format!("http://{address}/metrics"));
        Ok(Self { listener, acceptor, url: format!("{scheme}://{address}"), private, metrics_url })
    }
}

/// Answers until `stop` changes, then lets requests under way finish.
pub async fn serve(server: Server, app: Arc<App>, mut stop: watch::Receiver<bool>) -> anyhow::Result<()> {
    if let Some(listener) = server.private {
        let (service, stop) = (metrics::private_service(&app), stop.clone());
        tokio::spawn(metrics::serve_private(listener, service, stop));
    }
    let service = Answering(move |peer, request| metrics::metered(Arc::clone(&app), peer, request));
    let mut stopped = stop.clone();
    let stopping = async move {
        // An error means that nobody can tell to stop any more.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let serving = async {
        match server.acceptor {
            None => axum::serve(Plain(server.listener), service).with_graceful_shutdown(stopping).await,
            Some(acceptor) => {
                let listener = Tls::new(server.listener, acceptor)?;
                axum::serve(listener, service).with_graceful_shutdown(stopping).await
            }
        }
    };
    let overdue = async {
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        served = serving => served.context("serve HTTP"),
        () = overdue => {
            tracing::warn!("some requests were still under way after {DRAIN_TIMEOUT:?}; closing them");
            Ok(())
        }
    }
}

fn tls_acceptor(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("read the certificate `{}`", certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(key).with_context(|| format!("read the private key `{}`", key.display()))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("use the certificate and its key")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
