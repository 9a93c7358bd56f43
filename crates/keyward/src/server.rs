//! Listening, serving HTTP and HTTPS, and stopping without breaking off what runs.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::middleware::AddExtension;
use axum_server::Handle;
use axum_server::accept::Accept;
use axum_server::tls_rustls::RustlsAcceptor;
use hyper_util::rt::TokioTimer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::complaint::Complaint;
use crate::config::Config;
use crate::server::certificate::Certificate;
use crate::server::connection::WatchedAcceptor;

mod certificate;
mod connection;

/// Connections that wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: u32 = 1024;
/// The longest request head, bytes.
const HEAD_LIMIT: usize = 64 * 1024;
const HEAD_LIMIT_HTTP2: u32 = 64 * 1024;
/// Requests that one HTTP/2 connection may have under way.
const STREAMS: u32 = 256;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// A connection that waits this long for a request (or for the rest of its head) is closed. Longer than the
    /// 60 seconds after which load balancers close theirs, so that they don't run into a closed one.
    pub idle: Duration,
    /// How long running requests may take to finish when the server stops.
    pub stop: Duration,
    /// How long flushing may take after that; with `stop` it stays within the 30 seconds that Kubernetes gives.
    pub flush: Duration,
    /// How often the certificate's files are looked at.
    pub certificate: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(75),
            stop: Duration::from_secs(25),
            flush: Duration::from_secs(4),
            certificate: Duration::from_secs(2),
        }
    }
}

/// A server that listens already, and accepts once it is told to serve.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    certificate: Option<Certificate>,
}

impl Server {
    /// Reads the certificate, takes the address, and writes the port that it got into `config.listen`.
    pub async fn bind(config: &mut Config) -> Result<Self, Complaint> {
        let certificate = match &config.tls {
            Some(files) => Some(Certificate::read(files.clone()).await?),
            None => None,
        };
        let complain = |error: io::Error| cannot_listen(config.listen, &error);
        let listener = listen(config.listen).map_err(complain)?;
        let address = listener.local_addr().map_err(complain)?;
        config.listen = address;
        Ok(Self { listener, address, certificate })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` comes, lets what runs finish, and flushes. A second `stop` breaks off what runs.
    pub async fn serve(
        self,
        router: Router,
        timing: Timing,
        stop: StopSignals,
        flush: impl Future<Output = ()>,
    ) -> Result<(), Complaint> {
        let Self { listener, address, certificate } = self;
        let serving = axum_server::Server::<SocketAddr>::from_listener(listener)
            .acceptor(WatchedAcceptor::new(timing.idle));
        match certificate {
            None => run(serving, router, timing, stop, std::future::pending()).await,
            Some(certificate) => {
                let tls = certificate.tls();
                let serving = serving.map(|acceptor| RustlsAcceptor::new(tls).acceptor(acceptor));
                run(serving, router, timing, stop, certificate.watch(timing.certificate)).await
            }
        }
        .map_err(|error| Complaint::new(format!("Serving at {address} failed: {error}.")))?;
        if tokio::time::timeout(timing.flush, flush).await.is_err() {
            tracing::warn!("what was left to write took too long and was given up");
        }
        Ok(())
    }
}

/// What a connection's requests are handed to: the router, which also learns the peer's address.
type Connected = AddExtension<Router, ConnectInfo<SocketAddr>>;

async fn run<A>(
    mut serving: axum_server::Server<SocketAddr, A>,
    router: Router,
    timing: Timing,
    mut stop: StopSignals,
    watch: impl Future<Output = Infallible>,
) -> io::Result<()>
where
    A: Accept<TcpStream, Connected, Service = Connected> + Clone + Send + Sync + 'static,
    A::Stream: AsyncRead + AsyncWrite + Unpin + Send,
    A::Future: Send,
{
    let builder = serving.http_builder();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(timing.idle).max_buf_size(HEAD_LIMIT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(timing.idle / 2)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD_LIMIT_HTTP2);
    let handle = Handle::new();
    let serving = serving.handle(handle.clone());
    let mut serving = pin!(serving.serve(router.into_make_service_with_connect_info::<SocketAddr>()));
    tokio::select! {
        result = &mut serving => return result,
        never = watch => match never {},
        () = stop.next() => {}
    }
    tracing::info!(connections = handle.connection_count(), "stopping; what runs may finish");
    handle.graceful_shutdown(Some(timing.stop));
    tokio::select! {
        result = &mut serving => return result,
        () = stop.next() => {}
    }
    tracing::warn!(connections = handle.connection_count(), "stopping at once");
    handle.shutdown();
    serving.await
}

/// What tells a server to stop: SIGTERM and SIGINT, or somebody by hand.
#[derive(Debug)]
pub struct StopSignals(mpsc::Receiver<()>);

impl StopSignals {
    /// Catches this process's signals from now on.
    pub fn catch() -> Result<Self, Complaint> {
        let complain = |error: io::Error| Complaint::new(format!("Signals can't be caught: {error}."));
        let mut terminate = signal(SignalKind::terminate()).map_err(complain)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(complain)?;
        let (sender, stop) = Self::by_hand();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if sender.send(()).await.is_err() {
                    return;
                }
            }
        });
        Ok(stop)
    }

    /// Whatever is sent is taken for a signal: for a program that holds the server within it.
    pub fn by_hand() -> (mpsc::Sender<()>, Self) {
        let (sender, receiver) = mpsc::channel(2);
        (sender, Self(receiver))
    }

    /// Waits for the next; forever, when nobody is left to send one.
    async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of the server before may linger in TIME_WAIT for a minute; a living server is still noticed.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Complaint {
    let complaint = |what: &str| Complaint::new(format!("Can't listen on {address}: {what}."));
    match error.kind() {
        ErrorKind::AddrInUse => complaint("another program listens there")
            .hint("Stop it, or choose another port, as in: keyward serve --listen 8481"),
        ErrorKind::AddrNotAvailable => complaint("this machine has no such address")
            .hint("Use 127.0.0.1 for this machine only, or 0.0.0.0 for all its addresses."),
        ErrorKind::PermissionDenied => {
            complaint("this user may not").hint("Choose a port from 1024 on, with --listen.")
        }
        _ => complaint(&error.to_string()).hint("Choose another address with --listen."),
    }
}
