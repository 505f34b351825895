//! The connection that a call takes: a link while there is one, the usual one else.

use std::sync::Arc;

use larder_core::store::Watcher;
use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis::{Cmd, Pipeline, RedisError, RedisFuture, RedisResult, RetryMethod, Value};

use super::hearing::Hearing;

/// One of the links of a stretch.
#[derive(Clone)]
pub(crate) struct Link {
    connection: MultiplexedConnection,
    stretch: u64,
    hearing: Arc<Hearing>,
}

impl Link {
    pub(super) fn new(
        connection: MultiplexedConnection,
        stretch: u64,
        hearing: Arc<Hearing>,
    ) -> Self {
        Self {
            connection,
            stretch,
            hearing,
        }
    }

    pub(super) fn watcher(&self) -> &dyn Watcher {
        self.hearing.watcher()
    }

    pub(super) async fn round_trip(&mut self) -> RedisResult<()> {
        redis::cmd("PING").exec_async(&mut self.connection).await
    }

    pub(super) fn end(&self) {
        self.hearing.end(self.stretch);
    }

    /// The answer, unless it is a sign that this link hears no longer what it should. Then that is told
    /// before anyone can get an answer elsewhere.
    fn valid<T>(
        &self,
        answer: RedisResult<T>,
        values: impl Fn(&T) -> &[Value],
    ) -> Option<RedisResult<T>> {
        let is_valid = match &answer {
            Ok(answer) => !values(answer).iter().any(is_from_elsewhere),
            Err(error) => !ends_link(error),
        };
        if is_valid {
            return Some(answer);
        }
        self.end();
        None
    }
}

/// A link, if there was one when the call began, and the usual connection, which the call takes when
/// the link fails. So a call may be made twice; what larder sends is such that this changes nothing.
pub(crate) struct Line {
    pub(crate) link: Option<Link>,
    pub(crate) usual: ConnectionManager,
}

impl ConnectionLike for Line {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            if let Some(link) = &mut self.link {
                let answer = link.connection.send_packed_command(command).await;
                if let Some(answer) = link.valid(answer, std::slice::from_ref) {
                    return answer;
                }
                self.link = None;
            }
            self.usual.send_packed_command(command).await
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            if let Some(link) = &mut self.link {
                let connection = &mut link.connection;
                let answer = connection.send_packed_commands(pipeline, offset, count);
                let answer = answer.await;
                if let Some(answer) = link.valid(answer, Vec::as_slice) {
                    return answer;
                }
                self.link = None;
            }
            self.usual
                .send_packed_commands(pipeline, offset, count)
                .await
        })
    }

    fn get_db(&self) -> i64 {
        self.usual.get_db()
    }
}

/// Whether the server says that it is not, or not now, the one to ask: it is no primary any more, or
/// the key lies on another one.
fn is_from_elsewhere(answer: &Value) -> bool {
    match answer {
        Value::ServerError(error) => ends_link(&RedisError::from(error.clone())),
        _ => false,
    }
}

fn ends_link(error: &RedisError) -> bool {
    error.is_io_error() || !matches!(error.retry_method(), RetryMethod::NoRetry)
}
