//! Whether the server at the other end of a link is a primary still.

use redis::aio::MultiplexedConnection;
use redis::cluster::NodeAddress;
use redis::{ErrorKind, Pipeline, RedisError, RedisResult, Value};

use super::finder::read_map;

/// Asks the server whether it is a primary, and one of a cluster whether it sees most of the others. Fails where it is not: a replica, or one that has been replaced, hears of
/// changes too late or not at all. Gives the primaries that a server of a cluster knows.
///
/// `HELLO` is the one question about this that every user may ask.
pub(crate) async fn beat(
    link: &mut MultiplexedConnection,
    address: &NodeAddress,
    is_cluster: bool,
) -> RedisResult<Vec<NodeAddress>> {
    let mut pipeline = Pipeline::new();
    pipeline.cmd("HELLO");
    if is_cluster {
        pipeline.cmd("CLUSTER").arg("SLOTS");
        pipeline.cmd("CLUSTER").arg("INFO");
    }
    let mut answers: Vec<Value> = pipeline.query_async(link).await?;
    let mut primaries = Vec::new();
    if is_cluster {
        let map = answers.split_off(answers.len().saturating_sub(2));
        let (ranges, is_well) = read_map(map, address)?;
        if !is_well {
            return Err(unfit("the server has lost sight of the others"));
        }
        primaries = ranges.into_iter().map(|range| range.at).collect();
        primaries.dedup();
    }
    if answers.last().is_some_and(is_primary) {
        Ok(primaries)
    } else {
        Err(unfit("the server is not a primary"))
    }
}

fn is_primary(hello: &Value) -> bool {
    let is_role = |name: &Value| *name == Value::BulkString(b"role".to_vec());
    hello.as_map_iter().is_some_and(|mut fields| {
        let role = fields.find_map(|(name, role)| is_role(name).then_some(role));
        role == Some(&Value::BulkString(b"master".to_vec()))
    })
}

/// As if it could not be reached: it may be another one's turn soon.
fn unfit(reason: &'static str) -> RedisError {
    RedisError::from((ErrorKind::Io, reason))
}
