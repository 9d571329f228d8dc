//! The database behind the async server: one writer, a few readers, each used by one blocking thread at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::{Reader, Refusal, Server};

/// Pulls that read at the same time.
const READERS: usize = 4;

/// The connections. Their locks are async, so that who waits holds no thread.
pub(super) struct Pool {
    writer: Arc<Mutex<Server>>,
    readers: Vec<Arc<Mutex<Reader>>>,
    turn: AtomicUsize,
}

impl Pool {
    pub(super) fn new(server: Server) -> Result<Self, Refusal> {
        let reader = |_| server.reader().map(|reader| Arc::new(Mutex::new(reader)));
        let readers = (0..READERS).map(reader).collect::<Result<_, _>>()?;
        Ok(Self { writer: Arc::new(Mutex::new(server)), readers, turn: AtomicUsize::new(0) })
    }

    /// Runs with the writer, to the end even if nobody waits for it any more.
    pub(super) async fn write<R, F>(&self, work: F) -> Result<R, Refusal>
    where
        R: Send + 'static,
        F: FnOnce(&mut Server) -> Result<R, Refusal> + Send + 'static,
    {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        spawn_blocking(move || work(&mut writer)).await.map_err(Refusal::failed)?
    }

    /// Runs with one of the readers, taken in turn.
    pub(super) async fn read<R, F>(&self, work: F) -> Result<R, Refusal>
    where
        R: Send + 'static,
        F: FnOnce(&Reader) -> Result<R, Refusal> + Send + 'static,
    {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % READERS;
        let reader = Arc::clone(&self.readers[turn]).lock_owned().await;
        spawn_blocking(move || work(&reader)).await.map_err(Refusal::failed)?
    }
}
