//! Connections on which nothing moves are closed: a client that holds one open costs a file descriptor.

use std::future::{Ready, ready};
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// Accepts connections as [`Watched`] ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct WatchedAcceptor {
    idle: Duration,
}

impl WatchedAcceptor {
    pub(super) fn new(idle: Duration) -> Self {
        Self { idle }
    }
}

impl<S> Accept<TcpStream, S> for WatchedAcceptor {
    type Stream = Watched<TcpStream>;
    type Service = S;
    type Future = Ready<io::Result<(Self::Stream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        // Answers are written at once; waiting for more to fill a packet only delays them.
        ready(stream.set_nodelay(true).map(|()| (Watched::new(stream, self.idle), service)))
    }
}

/// A stream whose reader or writer gets `TimedOut` when nothing has moved for `idle` (at most twice that).
///
/// hyper bounds the time for a request's head, and we bound that for the body and for the handler. What is left
/// is a client that never says which HTTP it speaks, and one that doesn't read its answer.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    idle: Duration,
    /// Set ahead only when it has run out, so that what moves pays for a flag alone.
    deadline: Pin<Box<Sleep>>,
    has_moved: bool,
}

impl<S> Watched<S> {
    fn new(stream: S, idle: Duration) -> Self {
        Self { stream, idle, deadline: Box::pin(tokio::time::sleep(idle)), has_moved: false }
    }

    fn watch<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.has_moved = true;
            return polled;
        }
        while self.deadline.as_mut().poll(context).is_ready() {
            if !std::mem::take(&mut self.has_moved) {
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
            self.deadline.as_mut().reset(Instant::now() + self.idle);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(context, polled)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
