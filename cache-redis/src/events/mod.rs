//! Events over a stream: `prefix:version:#events`.

mod entry;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use larder_core::StoreError;
use larder_core::event::EventLog;
use larder_core::event::log::{Entry, Position, Record};
use redis::aio::{ConnectionManager, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Script};
use tokio::sync::Mutex;

use self::entry::{entries, fields, position};
use crate::connect::CONNECT_WITHIN;
use crate::store::failed;

/// About how many events the stream keeps.
const MOST: usize = 10_000;

/// For about how long it keeps them.
const AGE: Duration = Duration::from_secs(24 * 3_600);

/// How many events one read brings.
const AT_ONCE: usize = 100;

/// For how long a consumer's position is kept.
const POSITION_AGE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// The stream of one prefix and version.
pub(crate) struct RedisEvents {
    connection: ConnectionManager,
    client: Client,
    /// A connection of its own: a read that waits would hold up every other command.
    reading: Mutex<Option<MultiplexedConnection>>,
    append: Script,
    stream: String,
    /// Server and stream.
    name: String,
    secrets: Arc<[String]>,
}

impl RedisEvents {
    pub(crate) fn new(
        connection: ConnectionManager,
        client: Client,
        stream: String,
        server: &str,
        secrets: Arc<[String]>,
    ) -> Self {
        Self {
            connection,
            client,
            reading: Mutex::new(None),
            append: Script::new(include_str!("append.lua")),
            name: format!("{server} {stream}"),
            stream,
            secrets,
        }
    }

    fn position_key(&self, consumer: &str) -> String {
        format!("{}:position:{consumer}", self.stream)
    }

    fn failed(&self, error: &redis::RedisError) -> StoreError {
        failed(&self.name, &self.secrets, error)
    }

    fn refused(&self, reason: &str) -> StoreError {
        StoreError::Refused {
            store: self.name.clone(),
            reason: reason.to_owned(),
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(None);
        self.client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| self.failed(&error))
    }
}

#[async_trait]
impl EventLog for RedisEvents {
    fn name(&self) -> &str {
        &self.name
    }

    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        let mut call = self.append.key(&self.stream);
        call.arg(MOST).arg(AGE.as_millis() as u64);
        for record in records {
            let fields = fields(record);
            call.arg(2 * fields.len());
            for (name, value) in fields {
                call.arg(name).arg(&*value);
            }
        }
        call.invoke_async(&mut self.connection.clone())
            .await
            .map_err(|error| self.failed(&error))
    }

    async fn last(&self) -> Result<Position, StoreError> {
        let found: Vec<(Vec<u8>, redis::Value)> = redis::cmd("XREVRANGE")
            .arg(&self.stream)
            .arg(&["+", "-", "COUNT", "1"])
            .query_async(&mut self.connection.clone())
            .await
            .map_err(|error| self.failed(&error))?;
        match found.first() {
            None => Ok(Position::START),
            Some((id, _)) => position(id).ok_or_else(|| self.refused("an entry has no id")),
        }
    }

    async fn read(&self, after: Position, wait: Duration) -> Result<Vec<Entry>, StoreError> {
        // Taken out, and put back only after an answer: a connection whose read was dropped still
        // waits for it.
        let mut reading = self.reading.lock().await;
        let mut connection = match reading.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let answer: redis::Value = redis::cmd("XREAD")
            .arg("COUNT")
            .arg(AT_ONCE)
            .arg("BLOCK")
            // Zero would wait for ever.
            .arg((wait.as_millis() as u64).max(1))
            .arg("STREAMS")
            .arg(&self.stream)
            .arg(after.to_string())
            .query_async(&mut connection)
            .await
            .map_err(|error| self.failed(&error))?;
        let entries = entries(answer).ok_or_else(|| self.refused("no stream was read"))?;
        *reading = Some(connection);
        Ok(entries)
    }

    async fn holds(&self, position: Position) -> Result<bool, StoreError> {
        if position == Position::START {
            return Ok(true);
        }
        let id = position.to_string();
        let found: Vec<redis::Value> = redis::cmd("XRANGE")
            .arg(&self.stream)
            .arg(&[&id, &id])
            .query_async(&mut self.connection.clone())
            .await
            .map_err(|error| self.failed(&error))?;
        Ok(!found.is_empty())
    }

    async fn saved(&self, consumer: &str) -> Result<Option<Position>, StoreError> {
        let saved: Option<Vec<u8>> = redis::cmd("GET")
            .arg(self.position_key(consumer))
            .query_async(&mut self.connection.clone())
            .await
            .map_err(|error| self.failed(&error))?;
        match saved {
            None => Ok(None),
            // One that cannot be read is a place that the stream never comes to: it counts as a gap.
            Some(text) => Ok(Some(
                position(&text).unwrap_or(Position(u64::MAX, u64::MAX)),
            )),
        }
    }

    async fn save(&self, consumer: &str, position: Position) -> Result<(), StoreError> {
        redis::cmd("SET")
            .arg(self.position_key(consumer))
            .arg(position.to_string())
            .arg("PX")
            .arg(POSITION_AGE.as_millis() as u64)
            .query_async(&mut self.connection.clone())
            .await
            .map_err(|error| self.failed(&error))
    }
}

impl fmt::Debug for RedisEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisEvents")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
