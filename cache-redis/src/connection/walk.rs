//! Going through the keys of all servers.
//!
//! Whoever goes through all keys must see each one that was there all the time, also while slots move from
//! one server to another. A key that moves behind the walk's back, from a server that was not yet seen to
//! one that was, would be missed. So a walk begins anew where the map changed since its beginning, and once
//! where slots are on the move at its end: a key that moved before is at rest then, and every other was
//! seen.

use std::fmt;
use std::str::FromStr;

use futures_util::future::join_all;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult};

use super::{Connection, Doubt, Map, nowhere};

/// Where a walk goes on: written down, it is the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Of the map that it goes by.
    print: u64,
    node: usize,
    /// As that server gave it.
    cursor: u64,
    /// It began anew.
    is_again: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let again = u8::from(self.is_again);
        write!(f, "{}.{}.{:x}.{again}", self.cursor, self.node, self.print)
    }
}

/// The text is not one that a place was written as.
pub(crate) struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let place = || {
            let mut parts = text.split('.');
            let place = Self {
                cursor: parts.next()?.parse().ok()?,
                node: parts.next()?.parse().ok()?,
                print: u64::from_str_radix(parts.next()?, 16).ok()?,
                is_again: match parts.next()? {
                    "0" => false,
                    "1" => true,
                    _ => return None,
                },
            };
            parts.next().is_none().then_some(place)
        };
        place().ok_or(NoPlace)
    }
}

impl Connection {
    /// Some names of keys, and where to go on, if anywhere. `scan` makes the command, given the cursor.
    pub(crate) async fn walk(
        &self,
        place: Option<Place>,
        scan: impl FnOnce(u64) -> Cmd,
    ) -> RedisResult<(Vec<Vec<u8>>, Option<Place>)> {
        let map = match place {
            None => self.map_now().await?,
            Some(_) => self.map().await?,
        };
        let begin = |map: &Map, is_again| Place {
            print: map.print(),
            node: 0,
            cursor: 0,
            is_again,
        };
        let place = match place {
            Some(place) if place.print == map.print() => place,
            other => begin(&map, other.is_some()),
        };
        let node = map.nodes().get(place.node).ok_or_else(nowhere)?;
        let mut pipeline = Pipeline::new();
        pipeline.add_command(scan(place.cursor));
        let doubt = Doubt(Some(self));
        let answer = node.send(&pipeline).await?.pop();
        doubt.dispel();
        let answer = answer.ok_or_else(unlisted)?.extract_error()?;
        let (cursor, found): (u64, Vec<Vec<u8>>) = redis::from_redis_value(answer)?;
        let next = if cursor != 0 {
            Some(Place { cursor, ..place })
        } else if place.node + 1 < map.nodes().len() {
            let node = place.node + 1;
            Some(Place {
                cursor,
                node,
                ..place
            })
        } else {
            let now = self.map_now().await?;
            let is_same = now.print() == map.print();
            let is_over = is_same && (place.is_again || !self.is_moving(&now).await?);
            (!is_over).then(|| begin(&now, true))
        };
        Ok((found, next))
    }

    /// Whether slots are on their way from one server to another.
    async fn is_moving(&self, map: &Map) -> RedisResult<bool> {
        if !self.is_cluster() {
            return Ok(false);
        }
        let mut pipeline = Pipeline::new();
        pipeline.cmd("CLUSTER").arg("NODES");
        let asked = map.nodes().iter().map(async |node| {
            let answer = node.send(&pipeline).await?.pop();
            let answer = answer.ok_or_else(unlisted)?.extract_error()?;
            let nodes: String = redis::from_redis_value(answer)?;
            let itself = nodes.lines().find(|line| line.contains("myself"));
            // As in `[93-<-67ed…]`.
            Ok(itself.is_some_and(|line| line.contains(" [")))
        });
        let moving: RedisResult<Vec<bool>> = join_all(asked).await.into_iter().collect();
        Ok(moving?.contains(&true))
    }
}

fn unlisted() -> RedisError {
    RedisError::from((ErrorKind::UnexpectedReturnType, "the keys were not listed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let place = Place {
            print: u64::MAX,
            node: 2,
            cursor: 7,
            is_again: true,
        };
        assert_eq!(place.to_string().parse().ok(), Some(place));
        for nonsense in [
            "",
            "7",
            "7.2",
            "7.2.f",
            "7.2.f.2",
            "7.2.f.1.1",
            "x.2.f.1",
            "7.-1.f.1",
        ] {
            assert!(nonsense.parse::<Place>().is_err(), "{nonsense}");
        }
    }
}
