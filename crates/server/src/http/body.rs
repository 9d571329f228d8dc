//! Requests' bodies: JSON only, bounded in size after decompression, and in time.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use holm_protocol::{ErrorCode, FromJson, Limits, decode};
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::Refusal;

/// A body may be slow (512 KiB at 5 kB/s take 105 s), not silent.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// The whole body.
const READING_MAX: Duration = Duration::from_secs(300);

/// What is read and thrown away of a body that is too large, so that the sender gets to read the answer.
const DRAIN_BYTES_MAX: u64 = 16_000_000;

/// Reads a message.
pub(super) async fn read<T: FromJson + Default>(headers: &HeaderMap, body: Body, limits: Limits) -> Result<T, Refusal> {
    check_headers(headers)?;
    let bytes = timeout(READING_MAX, collect(body, limits)).await.unwrap_or_else(|_| Err(late()))?;
    decode(&bytes).map_err(|unreadable| Refusal::invalid(unreadable.to_string()))
}

fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media_type != "application/json" {
        return Err(Refusal::invalid("the content type is application/json").with_status(415));
    }
    // gzip was undone, and its header removed, before this.
    if !matches!(text(header::CONTENT_ENCODING), "" | "identity") {
        return Err(Refusal::invalid("a body is plain or gzip").with_status(415));
    }
    Ok(())
}

async fn collect(mut body: Body, limits: Limits) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(part) = next(&mut body).await? {
        if (bytes.len() + part.len()) as u64 > limits.bytes {
            drain(body).await;
            return Err(Refusal::too_large(format!("at most {} bytes", limits.bytes), limits));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

async fn drain(mut body: Body) {
    let mut drained = 0;
    while let Ok(Some(part)) = next(&mut body).await {
        drained += part.len() as u64;
        if drained > DRAIN_BYTES_MAX {
            return;
        }
    }
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    loop {
        let frame = timeout(SILENCE_MAX, body.frame()).await.map_err(|_| late())?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(Refusal::invalid("the body broke off")),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

fn late() -> Refusal {
    Refusal::new(ErrorCode::Timeout, "the body did not come in time")
}
