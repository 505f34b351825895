//! What goes to one server in one pipeline, and what is to be done about an answer.

use std::sync::Arc;

use redis::cluster::NodeAddress;
use redis::{Cmd, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};

use super::{Acknowledgement, Node};
use crate::watch::Links;

/// Commands for one server.
pub(super) struct Parcel {
    pub(super) node: Arc<Node>,
    /// The server does not have the slot yet: each command must say that it was sent on.
    pub(super) is_asking: bool,
    /// Of each command, its place in the batch.
    pub(super) places: Vec<usize>,
    pipeline: Pipeline,
}

impl Parcel {
    /// The parcel for this server, which is begun if there is none.
    pub(super) fn of<'p>(
        parcels: &'p mut Vec<Self>,
        node: &Arc<Node>,
        is_asking: bool,
    ) -> &'p mut Self {
        let is_it =
            |parcel: &Self| Arc::ptr_eq(&parcel.node, node) && parcel.is_asking == is_asking;
        match parcels.iter().position(is_it) {
            Some(at) => &mut parcels[at],
            None => parcels.push_mut(Self {
                node: Arc::clone(node),
                is_asking,
                places: Vec::new(),
                pipeline: Pipeline::new(),
            }),
        }
    }

    pub(super) fn add(&mut self, place: usize, command: Cmd) {
        if self.is_asking {
            // It is good for the one command that follows; a pipeline is not interrupted.
            self.pipeline.cmd("ASKING");
        }
        self.pipeline.add_command(command);
        self.places.push(place);
    }

    /// The command whose place is `places[at]`.
    pub(super) fn command(&self, at: usize) -> &Cmd {
        let at = if self.is_asking { 2 * at + 1 } else { at };
        let mut commands = self.pipeline.cmd_iter();
        commands.nth(at).expect("every place has a command")
    }

    /// Sends all, over a link where there is one. The answers, and how many replicas have what was
    /// changed.
    pub(super) async fn send(
        &mut self,
        acknowledgement: Option<Acknowledgement>,
        links: Option<&Links>,
    ) -> RedisResult<(Vec<Value>, u32)> {
        let wanted = self.pipeline.len();
        let (mut values, had) = match acknowledgement {
            None => {
                let values = match links {
                    Some(links) => links.send(&self.node, &self.pipeline).await?,
                    None => self.node.send(&self.pipeline).await?,
                };
                (values, u32::MAX)
            }
            Some(acknowledgement) => {
                if let Some(links) = links {
                    links.expect(&self.node);
                }
                let mut pipeline = self.pipeline.clone();
                let within = acknowledgement.within.as_millis().max(1);
                // Zero would wait for ever.
                let within = u64::try_from(within).unwrap_or(u64::MAX);
                pipeline
                    .cmd("WAIT")
                    .arg(acknowledgement.replicas)
                    .arg(within);
                let mut values = self.node.send_apart(&pipeline).await?;
                let had = match values.pop() {
                    Some(Value::Int(had)) => u32::try_from(had).unwrap_or(0),
                    Some(Value::ServerError(error)) => return Err(error.into()),
                    _ => 0,
                };
                (values, had)
            }
        };
        if values.len() != wanted {
            return Err(RedisError::from((
                redis::ErrorKind::UnexpectedReturnType,
                "another number of answers than of commands",
            )));
        }
        if self.is_asking {
            values = values.into_iter().skip(1).step_by(2).collect();
        }
        Ok((values, had))
    }
}

/// What is to be done after an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing: it is one.
    Over,
    /// The server must learn the scripts.
    Unloaded,
    /// The slot is another server's.
    Moved(NodeAddress),
    /// The slot is on its way to another server, and the key has arrived there.
    Ask(NodeAddress),
    /// The server cannot serve; another one may.
    Unfit,
}

impl Turn {
    /// What a server at `asked` means.
    pub(super) fn after(answer: &Value, asked: &NodeAddress) -> Self {
        let Value::ServerError(error) = answer else {
            return Self::Over;
        };
        let redirect = || {
            let (_, to) = error.details()?.split_once(' ')?;
            match to.strip_prefix(':') {
                // The same machine.
                Some(port) => Some(NodeAddress::new(asked.host(), port.parse().ok()?)),
                None => NodeAddress::try_from(to).ok(),
            }
        };
        match error.kind() {
            Some(ServerErrorKind::NoScript) => Self::Unloaded,
            Some(ServerErrorKind::Moved) => redirect().map_or(Self::Unfit, Self::Moved),
            Some(ServerErrorKind::Ask) => redirect().map_or(Self::Unfit, Self::Ask),
            Some(
                ServerErrorKind::ReadOnly
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown,
            ) => Self::Unfit,
            _ => Self::Over,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(answer: &str) -> Turn {
        let answer = redis::parse_redis_value(answer.as_bytes()).expect("it is an answer");
        Turn::after(&answer, &NodeAddress::new("here", 1))
    }

    #[test]
    fn an_answer_says_where_to_turn() {
        for (answer, turn) in [
            ("+OK\r\n", Turn::Over),
            ("-ERR no\r\n", Turn::Over),
            ("-NOSCRIPT none\r\n", Turn::Unloaded),
            (
                "-MOVED 7 10.0.0.1:6\r\n",
                Turn::Moved(NodeAddress::new("10.0.0.1", 6)),
            ),
            (
                "-ASK 7 there:6\r\n",
                Turn::Ask(NodeAddress::new("there", 6)),
            ),
            ("-MOVED 7 :6\r\n", Turn::Moved(NodeAddress::new("here", 6))),
            (
                "-MOVED 7 fe80::1:6\r\n",
                Turn::Moved(NodeAddress::new("fe80::1", 6)),
            ),
            ("-MOVED 7 nonsense\r\n", Turn::Unfit),
            ("-MOVED\r\n", Turn::Unfit),
            ("-READONLY replica\r\n", Turn::Unfit),
            ("-CLUSTERDOWN down\r\n", Turn::Unfit),
        ] {
            assert_eq!(after(answer), turn, "{answer}");
        }
    }
}
