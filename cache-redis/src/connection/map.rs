//! Which server has which keys.

use std::collections::HashMap;
use std::sync::Arc;

use redis::Value;
use redis::cluster::NodeAddress;
use redis::cluster_routing::Slot;

use super::Node;

/// More servers than any cluster has: what says that there are more is not believed.
const MOST_NODES: usize = 1_000;

/// The servers that have keys.
#[derive(Debug, Default)]
pub(crate) struct Map {
    /// In the order of their addresses.
    nodes: Vec<Arc<Node>>,
    /// The place of each slot's server. Empty where one server has all.
    slots: HashMap<Slot, u16>,
}

/// The slots that a server has, as a server says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) at: NodeAddress,
}

impl Map {
    /// One server has all.
    pub(super) fn one(node: Arc<Node>) -> Self {
        Self {
            nodes: vec![node],
            slots: HashMap::new(),
        }
    }

    /// Of a cluster; `node` gives the server at an address.
    pub(super) fn of<E>(
        ranges: &[Range],
        mut node: impl FnMut(NodeAddress) -> Result<Arc<Node>, E>,
    ) -> Result<Self, E> {
        let mut addresses: Vec<&NodeAddress> = ranges.iter().map(|range| &range.at).collect();
        addresses.sort();
        addresses.dedup();
        let mut slots = HashMap::with_capacity(16_384);
        for range in ranges {
            let at = addresses.binary_search(&&range.at).unwrap_or_default();
            for slot in range.first..=range.last {
                slots.extend(Slot::new(slot).map(|slot| (slot, at as u16)));
            }
        }
        Ok(Self {
            nodes: addresses
                .into_iter()
                .map(|address| node(address.clone()))
                .collect::<Result<_, _>>()?,
            slots,
        })
    }

    /// The server that has a key.
    pub(crate) fn node_of(&self, key: &[u8]) -> Option<&Arc<Node>> {
        if self.slots.is_empty() {
            return self.nodes.first();
        }
        let at = self.slots.get(&Slot::for_key(key))?;
        self.nodes.get(usize::from(*at))
    }

    pub(crate) fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many slots of a cluster have a server.
    pub(crate) fn covered(&self) -> usize {
        self.slots.len()
    }
}

/// The answer to `CLUSTER SLOTS` of the server at `asked`, if it is one.
pub(super) fn ranges(answer: &Value, asked: &NodeAddress) -> Option<Vec<Range>> {
    let Value::Array(ranges) = answer else {
        return None;
    };
    let ranges: Vec<Range> = ranges
        .iter()
        .map(|range| {
            let Value::Array(range) = range else {
                return None;
            };
            let [
                Value::Int(first),
                Value::Int(last),
                Value::Array(primary),
                ..,
            ] = &range[..]
            else {
                return None;
            };
            let (first, last) = (slot(*first)?, slot(*last)?);
            let at = address(primary, asked)?;
            (first <= last).then_some(Range { first, last, at })
        })
        .collect::<Option<_>>()?;
    (ranges.len() <= 16_384 && count(&ranges) <= MOST_NODES).then_some(ranges)
}

fn count(ranges: &[Range]) -> usize {
    let addresses: std::collections::HashSet<_> = ranges.iter().map(|range| &range.at).collect();
    addresses.len()
}

fn slot(number: i64) -> Option<u16> {
    let number = u16::try_from(number).ok()?;
    Slot::new(number).map(|_| number)
}

/// Host and port of a server. Where it does not say its host, it is the one that was asked.
fn address(server: &[Value], asked: &NodeAddress) -> Option<NodeAddress> {
    let (host, port) = match server {
        [Value::BulkString(host), Value::Int(port), ..] => (std::str::from_utf8(host).ok()?, port),
        [Value::Nil, Value::Int(port), ..] => ("", port),
        _ => return None,
    };
    let host = match host {
        "" => asked.host(),
        // The server does not know it, either.
        "?" => return None,
        known => known,
    };
    Some(NodeAddress::new(host, u16::try_from(*port).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &str) -> Option<Vec<Range>> {
        let answer = redis::parse_redis_value(answer.as_bytes()).expect("it is an answer");
        ranges(&answer, &NodeAddress::new("asked", 1))
    }

    #[test]
    fn a_server_without_a_host_is_where_it_was_asked() {
        let at = |host: &str| {
            Some(vec![Range {
                first: 0,
                last: 9,
                at: NodeAddress::new(host, 7),
            }])
        };
        for host in ["$0\r\n\r\n", "$-1\r\n"] {
            let answer = format!("*1\r\n*3\r\n:0\r\n:9\r\n*3\r\n{host}:7\r\n+id\r\n");
            assert_eq!(read(&answer), at("asked"));
        }
        let named = "*1\r\n*3\r\n:0\r\n:9\r\n*3\r\n$3\r\na.b\r\n:7\r\n+id\r\n";
        assert_eq!(read(named), at("a.b"));
    }

    #[test]
    fn what_is_no_list_of_slots_is_not_believed() {
        for nonsense in [
            "+OK\r\n",
            "*1\r\n:1\r\n",
            "*1\r\n*3\r\n:9\r\n:0\r\n*3\r\n$1\r\na\r\n:7\r\n+id\r\n",
            "*1\r\n*3\r\n:0\r\n:16384\r\n*3\r\n$1\r\na\r\n:7\r\n+id\r\n",
            "*1\r\n*3\r\n:-1\r\n:9\r\n*3\r\n$1\r\na\r\n:7\r\n+id\r\n",
            "*1\r\n*3\r\n:0\r\n:9\r\n*3\r\n$1\r\na\r\n:70000\r\n+id\r\n",
            "*1\r\n*3\r\n:0\r\n:9\r\n*3\r\n$1\r\n?\r\n:7\r\n+id\r\n",
        ] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}
