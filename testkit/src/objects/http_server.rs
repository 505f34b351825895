//! An HTTP server in this process that can be killed.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;

use crate::port::LoopbackPort;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1_024;

pub(crate) type Answer = Response<UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>>;
type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;
type Service = Arc<dyn Fn(Request<Incoming>) -> Answering + Send + Sync>;

/// A server on 127.0.0.1, with a thread and a runtime of its own: it outlives the runtime of the test
/// that started it, and ends, with all of its connections, when it is told to.
pub(crate) struct HttpServer {
    port: LoopbackPort,
    service: Service,
    running: Mutex<Option<Running>>,
}

struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl HttpServer {
    /// Starts a server that answers each request by `service`. It listens when this returns.
    pub(crate) fn start<F>(service: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let server = Self {
            port: LoopbackPort::reserved(),
            service: Arc::new(move |request| Box::pin(service(request))),
            running: Mutex::new(None),
        };
        server.restart();
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.number()
    }

    /// Drops the listener and all connections, and waits until they are gone.
    pub(crate) fn kill(&self) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Running { stop, thread }) = running {
            drop(stop);
            thread.join().expect("the server's thread does not panic");
        }
    }

    /// Listens again on the same port.
    pub(crate) fn restart(&self) {
        self.kill();
        let (stop, stopped) = oneshot::channel();
        let (listens, listening) = std::sync::mpsc::channel();
        let (port, service) = (self.port(), Arc::clone(&self.service));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("start a runtime");
            // Dropping the runtime at the end drops every connection.
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = serve(port, service, || listens.send(())) => {}
                }
            });
        });
        listening.recv().expect("the server listens");
        let running = Running { stop, thread };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn serve<T>(port: u16, service: Service, listens: impl FnOnce() -> T) {
    let socket = TcpSocket::new_v4().expect("open a TCP socket");
    // The port is reserved by a socket of our own.
    socket.set_reuseaddr(true).expect("set SO_REUSEADDR");
    socket
        .bind((Ipv4Addr::LOCALHOST, port).into())
        .expect("bind the reserved port");
    let listener = socket.listen(BACKLOG).expect("listen on the reserved port");
    listens();
    loop {
        // A client that was gone before it was accepted is no reason to end.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve_connection(stream, Arc::clone(&service)));
        }
    }
}

async fn serve_connection(stream: TcpStream, service: Service) {
    // An answer in two parts would wait 40 ms for the first to be acknowledged. As below otherwise.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request| {
        let answering = service(request);
        async move { Ok::<_, Infallible>(answering.await) }
    });
    // A connection that breaks is the client's to notice.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}
