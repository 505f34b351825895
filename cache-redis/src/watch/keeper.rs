//! Makes the links, sees when they no longer hear, and makes them anew.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures_util::future::try_join_all;
use redis::{ErrorKind, Pipeline, RedisError, RedisResult};
use tokio::time::{sleep, timeout};

use super::ear::Ear;
use super::hearing::Hearing;
use super::links::Links;
use crate::connect::redacted;
use crate::connection::{Connection, beat, is_passing};
use crate::store::Keyspace;

/// How often a link is asked whether it still hears. Only a server that stands still, or a network that
/// swallows everything, is noticed by this; whatever ends the connection is noticed at once.
const BEAT: Duration = Duration::from_secs(1);

/// Within what time the server must answer that. Together with [`BEAT`] this is how long changes may
/// go unheard without being known to: a second and a half.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// The first pause before another attempt to make the links, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

/// Where links lead, and what is heard on them.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) connection: Connection,
    pub(crate) keyspace: Arc<Keyspace>,
    pub(crate) name: Arc<str>,
    pub(crate) secrets: Arc<[String]>,
}

/// Has a stretch begin whenever it can, for as long as it runs.
pub(crate) async fn keep(hearing: Arc<Hearing>, origin: Origin) {
    let mut pauses = pauses();
    let mut is_refusal_told = false;
    loop {
        let number = hearing.prepare();
        match links(&hearing, number, &origin).await {
            Ok(links) => {
                let links = Arc::new(links);
                if hearing.begin(Arc::clone(&links)) {
                    tracing::debug!(store = %origin.name, "changes are heard");
                }
                if last(&links, &origin).await {
                    pauses = self::pauses();
                    is_refusal_told = false;
                }
                hearing.end(number);
                tracing::debug!(store = %origin.name, "changes are not heard");
            }
            Err(error) => {
                hearing.end(number);
                // A server that is away is told of by the calls that miss it.
                let is_refusal = !error.is_io_error() && !is_passing(&error);
                if is_refusal && !is_refusal_told {
                    is_refusal_told = true;
                    tracing::warn!(
                        store = %origin.name,
                        reason = redacted(&error, &origin.secrets),
                        "the server does not tell of changes, so process memory above it is not used: let \
                         the user run `client|tracking` and the server speak RESP3 (Redis 6 or newer, no \
                         proxy between), or set coherence = \"strict\""
                    );
                }
            }
        }
        if let Some(pause) = pauses.next() {
            sleep(pause).await;
        }
    }
}

/// A link to every primary, on which it tells of every change from now on.
async fn links(hearing: &Arc<Hearing>, stretch: u64, origin: &Origin) -> RedisResult<Links> {
    let map = origin.connection.map_now().await?;
    let made = map.nodes().iter().map(async |node| {
        let ear = Ear {
            hearing: Arc::clone(hearing),
            stretch,
            keyspace: Arc::clone(&origin.keyspace),
        };
        let mut track = Pipeline::new();
        let prefix = origin.keyspace.base();
        track
            .cmd("CLIENT")
            .arg(&["TRACKING", "ON", "BCAST", "PREFIX", prefix, "NOLOOP"])
            .ignore();
        let mut link = node.link(ear).await?;
        in_time(track.exec_async(&mut link)).await?;
        Ok::<_, RedisError>((node.address().clone(), link))
    });
    let links = Links {
        stretch,
        hearing: Arc::clone(hearing),
        connections: try_join_all(made).await?.into_iter().collect(),
    };
    // Only now, because a primary may have been replaced, or a new one have come, since the map was made.
    check(&links, origin).await?;
    Ok(links)
}

/// Asks again and again until the stretch is over, or should be. Whether all went well at least once.
async fn last(links: &Links, origin: &Origin) -> bool {
    let mut has_lasted = false;
    loop {
        tokio::select! {
            () = links.hearing.end_of(links.stretch) => return has_lasted,
            () = sleep(BEAT) => {}
        }
        if check(links, origin).await.is_err() {
            return has_lasted;
        }
        has_lasted = true;
    }
}

/// Fails unless every link leads to a primary, and every primary that they know has a link. Slots may
/// move between them: who has a key tells of it.
async fn check(links: &Links, origin: &Origin) -> RedisResult<()> {
    let is_cluster = origin.connection.is_cluster();
    let beats = links.connections.iter().map(async |(address, link)| {
        let mut link = link.clone();
        let known = in_time(beat(&mut link, address, is_cluster)).await?;
        match known
            .iter()
            .all(|primary| links.connections.contains_key(primary))
        {
            true => Ok(()),
            false => Err(RedisError::from((ErrorKind::Io, "there is a new primary"))),
        }
    });
    try_join_all(beats).await.map(drop)
}

async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    match timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}

/// Without end, and spread, so that many processes do not come back in step.
fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(PAUSES.0)
        .with_max_delay(PAUSES.1)
        .with_jitter()
        .without_max_times()
        .build()
}
