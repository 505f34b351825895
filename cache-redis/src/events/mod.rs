//! Events over a stream: `prefix:version:#events`.

mod entry;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use larder_core::StoreError;
use larder_core::event::EventLog;
use larder_core::event::log::{Entry, Position, Record};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Value};
use tokio::sync::Mutex;

use self::entry::{entries, fields, position};
use crate::connection::{Batch, Connection};
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
    connection: Connection,
    /// A connection of its own: a read that waits would hold up every other command.
    reading: Mutex<Option<MultiplexedConnection>>,
    stream: String,
    /// Server and stream.
    name: String,
    secrets: Arc<[String]>,
}

impl RedisEvents {
    pub(crate) fn new(
        connection: Connection,
        stream: String,
        server: &str,
        secrets: Arc<[String]>,
    ) -> Self {
        Self {
            connection,
            reading: Mutex::new(None),
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

    /// The answer to one command.
    async fn ask<T: FromRedisValue>(&self, batch: Batch) -> Result<T, StoreError> {
        let answers = self.connection.run(batch, None).await;
        let answer = answers.and_then(|answers| {
            let answer = answers.into_iter().next().unwrap_or(Value::Nil);
            Ok(redis::from_redis_value(answer.extract_error()?)?)
        });
        answer.map_err(|error| self.failed(&error))
    }
}

#[async_trait]
impl EventLog for RedisEvents {
    fn name(&self) -> &str {
        &self.name
    }

    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        let append = &self.connection.scripts().append;
        let call = batch.script(append, std::slice::from_ref(&self.stream));
        call.arg(MOST).arg(AGE.as_millis() as u64);
        for record in records {
            let fields = fields(record);
            call.arg(2 * fields.len());
            for (name, value) in fields {
                call.arg(name).arg(&*value);
            }
        }
        self.ask(batch).await
    }

    async fn last(&self) -> Result<Position, StoreError> {
        let mut batch = Batch::new();
        let newest = batch.add(&["XREVRANGE"], &self.stream);
        newest.arg(&["+", "-", "COUNT", "1"]);
        let found: Vec<(Vec<u8>, Value)> = self.ask(batch).await?;
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
            None => {
                let connection = self.connection.dedicated(&self.stream).await;
                connection.map_err(|error| self.failed(&error))?
            }
        };
        let answer: Value = redis::cmd("XREAD")
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
            .map_err(|error| {
                // The stream may have moved to another server.
                self.connection.look_again();
                self.failed(&error)
            })?;
        let entries = entries(answer).ok_or_else(|| self.refused("no stream was read"))?;
        *reading = Some(connection);
        Ok(entries)
    }

    async fn holds(&self, position: Position) -> Result<bool, StoreError> {
        if position == Position::START {
            return Ok(true);
        }
        let id = position.to_string();
        let mut batch = Batch::new();
        batch.add(&["XRANGE"], &self.stream).arg(&[&id, &id]);
        let found: Vec<Value> = self.ask(batch).await?;
        Ok(!found.is_empty())
    }

    async fn saved(&self, consumer: &str) -> Result<Option<Position>, StoreError> {
        let position_key = self.position_key(consumer);
        let saved: Option<Vec<u8>> = self.ask(Batch::of(&["GET"], &position_key)).await?;
        match saved {
            None => Ok(None),
            // One that cannot be read is a place that the stream never comes to: it counts as a gap.
            Some(text) => Ok(Some(
                position(&text).unwrap_or(Position(u64::MAX, u64::MAX)),
            )),
        }
    }

    async fn save(&self, consumer: &str, position: Position) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch
            .add(&["SET"], &self.position_key(consumer))
            .arg(position.to_string())
            .arg("PX")
            .arg(POSITION_AGE.as_millis() as u64);
        self.ask(batch).await
    }
}

impl fmt::Debug for RedisEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisEvents")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
