//! Makes the links, sees when they no longer hear, and makes them anew.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, Pipeline, ProtocolVersion, RedisError, RedisResult,
    Value,
};
use tokio::time::{sleep, timeout};

use super::ear::Ear;
use super::hearing::Hearing;
use crate::connect::{CONNECT_WITHIN, redacted};
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
    client: Client,
    keyspace: Arc<Keyspace>,
    name: Arc<str>,
    secrets: Arc<[String]>,
}

impl Origin {
    pub(crate) fn new(
        client: Client,
        keyspace: Arc<Keyspace>,
        name: Arc<str>,
        secrets: Arc<[String]>,
    ) -> Self {
        Self {
            client,
            keyspace,
            name,
            secrets,
        }
    }

    /// The client, but for RESP3: in what came before, a server speaks only when it is asked.
    fn client(&self) -> RedisResult<Client> {
        let info = self.client.get_connection_info().clone();
        let settings = info.redis_settings().clone();
        let settings = settings.set_protocol(ProtocolVersion::RESP3);
        Client::open(info.set_redis_settings(settings))
    }
}

/// Has a stretch begin whenever it can, for as long as it runs.
pub(crate) async fn keep(hearing: Arc<Hearing>, origin: Origin) {
    let mut pauses = pauses();
    let mut is_refusal_told = false;
    loop {
        let number = hearing.prepare();
        match link(&hearing, number, &origin).await {
            Ok(connection) => {
                if hearing.begin(number, connection.clone()) {
                    tracing::debug!(store = %origin.name, "changes are heard");
                }
                if last(&hearing, number, connection).await {
                    pauses = self::pauses();
                    is_refusal_told = false;
                }
                hearing.end(number);
                tracing::debug!(store = %origin.name, "changes are not heard");
            }
            Err(error) => {
                hearing.end(number);
                // A server that is away is told of by the calls that miss it.
                let is_refusal = !error.is_io_error() && !error.is_timeout();
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

/// A link to the primary, on which it tells of every change from now on.
async fn link(
    hearing: &Arc<Hearing>,
    stretch: u64,
    origin: &Origin,
) -> RedisResult<MultiplexedConnection> {
    let ear = Ear {
        hearing: Arc::clone(hearing),
        stretch,
        keyspace: Arc::clone(&origin.keyspace),
    };
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_WITHIN))
        // Its calls have budgets of their own.
        .set_response_timeout(None)
        .set_push_sender(ear);
    let mut connection = origin
        .client()?
        .get_multiplexed_async_connection_with_config(&config)
        .await?;
    let mut track = redis::pipe();
    track
        .cmd("CLIENT")
        .arg(&[
            "TRACKING",
            "ON",
            "BCAST",
            "PREFIX",
            origin.keyspace.base(),
            "NOLOOP",
        ])
        .ignore();
    is_primary(&mut connection, &mut track).await?;
    Ok(connection)
}

/// Asks again and again until the stretch is over, or should be. Whether all went well at least once.
async fn last(hearing: &Hearing, number: u64, mut connection: MultiplexedConnection) -> bool {
    let mut has_lasted = false;
    loop {
        tokio::select! {
            () = hearing.end_of(number) => return has_lasted,
            () = sleep(BEAT) => {}
        }
        if is_primary(&mut connection, &mut redis::pipe())
            .await
            .is_err()
        {
            return has_lasted;
        }
        has_lasted = true;
    }
}

/// Sends the pipeline, and fails unless the server answers in time that it is a primary: a replica, or
/// what was a primary before, may know of changes too late. `HELLO` is the one question for this that
/// every user may ask.
async fn is_primary(
    connection: &mut MultiplexedConnection,
    pipeline: &mut Pipeline,
) -> RedisResult<()> {
    pipeline.cmd("HELLO");
    let answer = pipeline.query_async::<(Value,)>(connection);
    let (hello,) = timeout(ANSWER_WITHIN, answer)
        .await
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    let role = hello.as_map_iter().and_then(|mut fields| {
        let is_role = |name: &Value| *name == Value::BulkString(b"role".to_vec());
        fields.find_map(|(name, role)| is_role(name).then_some(role))
    });
    match role {
        Some(Value::BulkString(role)) if role == b"master" => Ok(()),
        _ => Err(RedisError::from((
            ErrorKind::Client,
            "the server is not a primary",
        ))),
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
