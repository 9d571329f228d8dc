//! Starting, accepting connections, ending.
//!
//! The accept loop is our own because hyper's limits on slow requests are set per connection, which
//! `axum::serve` does not offer.

use std::io::{self, Write};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{interval, sleep, timeout};

use super::guard::Digested;
use super::news::News;
use super::pool::Pool;
use super::sync::now_ms;
use super::{App, Config, Shared, router};
use crate::{Audit, Life, Refusal, Rules, Server};

/// Open connections; a browser holds at most 6.
const CONNECTIONS_MAX: usize = 2_048;

/// The time that a request's head may take.
const HEAD_MAX: Duration = Duration::from_secs(20);

/// The time that requests get to finish when the server ends.
const ENDING_MAX: Duration = Duration::from_secs(10);

const COLLECT_EVERY: Duration = Duration::from_secs(3_600);

/// Serves until SIGINT or SIGTERM, then finishes what is under way. Prints one line when it is ready.
///
/// # Errors
///
/// What kept it from starting, in one sentence.
pub async fn serve(config: Config, mut rules: Rules) -> Result<(), String> {
    rules.limits = config.limits;
    rules.policies.extend(config.policies.clone());
    rules.scopes.extend(config.scopes.clone());
    if config.debug.is_some() {
        rules.audit = Audit::On;
    }
    let server = Server::open(&config.data, rules, &Life::Drawn).map_err(|refusal| sentence(&refusal))?;
    let pool = Pool::new(server).map_err(|refusal| sentence(&refusal))?;
    let (close, closing) = watch::channel(false);
    let app = Arc::new(Shared {
        pool,
        news: News::new(),
        token: config.token.as_deref().map(Digested::of),
        limits: config.limits,
        debug: config.debug,
        closing,
    });
    let listener = TcpListener::bind(config.address).await;
    let listener = listener.map_err(|error| format!("Cannot listen on {}: {error}.", config.address))?;
    let address = listener.local_addr().map_err(|error| format!("Cannot listen: {error}."))?;
    let mut ending = pin!(ending().map_err(|error| format!("Cannot hear signals: {error}."))?);
    // Nobody reading it is fine.
    writeln!(io::stdout(), "holm-server listening on http://{address}").ok();

    let collecting = tokio::spawn(collect_now_and_then(Arc::clone(&app)));
    let open = GracefulShutdown::new();
    let router = router(Arc::clone(&app), &config);
    tokio::select! {
        () = accept(listener, &open, &router) => {}
        () = &mut ending => {}
    }
    close.send_replace(true);
    if timeout(ENDING_MAX, open.shutdown()).await.is_err() {
        eprintln!("holm-server: some requests did not end in time");
    }
    collecting.abort();
    app.pool.write(|server| server.checkpoint()).await.map_err(|refusal| sentence(&refusal))
}

async fn accept(listener: TcpListener, open: &GracefulShutdown, router: &Router) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let permit = Arc::clone(&permits).acquire_owned().await.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = connection(stream, router, open);
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: those who leave give some back.
                eprintln!("holm-server: cannot accept: {error}");
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

fn connection(
    stream: TcpStream,
    router: &Router,
    open: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + 'static {
    // Only speed depends on it.
    stream.set_nodelay(true).ok();
    let service = TowerToHyperService::new(router.clone());
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let watched = open.watch(connection);
    async move {
        // A connection that breaks is its client's business.
        watched.await.ok();
    }
}

async fn collect_now_and_then(app: App) {
    let mut every = interval(COLLECT_EVERY);
    loop {
        every.tick().await;
        if let Err(refusal) = app.pool.write(|server| server.collect(now_ms())).await {
            eprintln!("holm-server: collecting: {refusal}");
        }
    }
}

/// Ends with SIGINT (Ctrl-C) or SIGTERM.
#[cfg(unix)]
fn ending() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends with Ctrl-C.
#[cfg(not(unix))]
fn ending() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        tokio::signal::ctrl_c().await.ok();
    })
}

fn sentence(refusal: &Refusal) -> String {
    let text = refusal.detail.as_ref().unwrap_or(&refusal.body.message);
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    format!("{}.", first.chain(letters).collect::<String>())
}
