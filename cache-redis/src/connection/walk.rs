//! Going through the keys of all servers.
//!
//! Whoever goes through all keys must see each one that was there all the time, also while slots move from
//! one server to another. A key that moves behind the walk's back, from a server that was not yet seen to
//! one that was, would be missed. So each server is asked at the beginning and at the end which slots it
//! has (it knows of its own at once, of the others' only later), and the walk begins anew where that has
//! changed; and once where slots are on the move at its end: a key that moved before is at rest then, and
//! every other was seen.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::str::FromStr;
use std::sync::Arc;

use futures_util::future::join_all;
use redis::cluster::NodeAddress;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind};

use super::{Connection, Doubt, Map, nowhere};

/// Where a walk goes on: written down, it is the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// As the server gave it.
    cursor: u64,
    /// Of what the servers had when the walk began.
    print: u64,
    /// It began anew.
    is_again: bool,
    /// The server. If it is gone, the next one: the walk begins anew then in the end.
    at: NodeAddress,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let again = u8::from(self.is_again);
        write!(f, "{}.{:x}.{again}.{}", self.cursor, self.print, self.at)
    }
}

/// The text is not one that a place was written as.
pub(crate) struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let place = || {
            let mut parts = text.splitn(4, '.');
            Some(Self {
                cursor: parts.next()?.parse().ok()?,
                print: u64::from_str_radix(parts.next()?, 16).ok()?,
                is_again: match parts.next()? {
                    "0" => false,
                    "1" => true,
                    _ => return None,
                },
                at: parts.next()?.parse().ok()?,
            })
        };
        place().ok_or(NoPlace)
    }
}

/// What the servers have.
struct Survey {
    map: Arc<Map>,
    /// Another one for other servers, or other slots of theirs.
    print: u64,
    is_moving: bool,
}

impl Survey {
    fn begin(&self, is_again: bool) -> RedisResult<Place> {
        let first = self.map.nodes().first().ok_or_else(nowhere)?;
        Ok(Place {
            cursor: 0,
            print: self.print,
            is_again,
            at: first.address().clone(),
        })
    }
}

impl Connection {
    /// Some names of keys, and where to go on, if anywhere. `scan` makes the command, given the cursor.
    pub(crate) async fn walk(
        &self,
        place: Option<Place>,
        scan: impl FnOnce(u64) -> Cmd,
    ) -> RedisResult<(Vec<Vec<u8>>, Option<Place>)> {
        let mut place = match place {
            Some(place) => place,
            None => self.survey().await?.begin(false)?,
        };
        let map = self.map().await?;
        let at = map
            .nodes()
            .partition_point(|node| *node.address() < place.at);
        let mut nodes = map.nodes()[at..].iter();
        let mut found = Vec::new();
        if let Some(node) = nodes.next() {
            if *node.address() != place.at {
                (place.at, place.cursor) = (node.address().clone(), 0);
            }
            let mut pipeline = Pipeline::new();
            pipeline.add_command(scan(place.cursor));
            let doubt = Doubt(Some(self));
            let answer = node.send(&pipeline).await?.pop();
            doubt.dispel();
            let answer = answer.ok_or_else(unlisted)?.extract_error()?;
            (place.cursor, found) = redis::from_redis_value(answer)?;
        }
        if place.cursor != 0 {
            return Ok((found, Some(place)));
        }
        if let Some(next) = nodes.next() {
            place.at = next.address().clone();
            return Ok((found, Some(place)));
        }
        let survey = self.survey().await?;
        let is_as_it_was = survey.print == place.print;
        let is_over = is_as_it_was && (place.is_again || !survey.is_moving);
        let next = (!is_over).then(|| survey.begin(true)).transpose()?;
        Ok((found, next))
    }

    /// What the servers have now, each by its own account.
    async fn survey(&self) -> RedisResult<Survey> {
        let survey = self.survey_of(self.map().await?).await?;
        match survey {
            Some(survey) => Ok(survey),
            // The map is out of date.
            None => {
                let survey = self.survey_of(self.map_now().await?).await?;
                survey.ok_or_else(|| {
                    let kind = ErrorKind::Server(ServerErrorKind::TryAgain);
                    RedisError::from((kind, "the servers do not agree on who has which slots"))
                })
            }
        }
    }

    /// `None` where the servers have other slots than the map says.
    async fn survey_of(&self, map: Arc<Map>) -> RedisResult<Option<Survey>> {
        let mut print = DefaultHasher::new();
        let (mut count, mut is_moving) = (0, false);
        if self.is_cluster() {
            let mut pipeline = Pipeline::new();
            pipeline.cmd("CLUSTER").arg("NODES");
            let asked = map.nodes().iter().map(async |node| {
                let doubt = Doubt(Some(self));
                let answer = node.send(&pipeline).await?.pop();
                doubt.dispel();
                let answer = answer.ok_or_else(unlisted)?.extract_error()?;
                let nodes: String = redis::from_redis_value(answer)?;
                Own::read(&nodes).ok_or_else(unlisted)
            });
            for own in join_all(asked).await {
                let own = own?;
                own.print.hash(&mut print);
                count += own.count;
                is_moving |= own.is_moving;
            }
        }
        for node in map.nodes() {
            node.address().hash(&mut print);
        }
        Ok((count == map.covered()).then(|| Survey {
            map,
            print: print.finish(),
            is_moving,
        }))
    }
}

/// What a server says of its own slots.
struct Own {
    count: usize,
    print: u64,
    is_moving: bool,
}

impl Own {
    /// From the answer to `CLUSTER NODES`: `id address flags primary ping pong epoch state slots…`, of which
    /// those on the move look like `[93-<-67ed…]`.
    fn read(nodes: &str) -> Option<Self> {
        let line = nodes.lines().find(|line| line.contains("myself"))?;
        let mut fields = line.split(' ').skip(6);
        let mut print = DefaultHasher::new();
        // It grows with each slot that is taken over: one that was given away and came back is noticed.
        fields.next()?.hash(&mut print);
        let (mut count, mut is_moving) = (0, false);
        for slots in fields.skip(1) {
            if slots.starts_with('[') {
                is_moving = true;
                continue;
            }
            slots.hash(&mut print);
            let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
            let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
            count += usize::from(last.checked_sub(first)?) + 1;
        }
        Some(Self {
            count,
            print: print.finish(),
            is_moving,
        })
    }
}

fn unlisted() -> RedisError {
    RedisError::from((
        ErrorKind::UnexpectedReturnType,
        "neither keys nor slots were listed",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for is_again in [false, true] {
            let place = Place {
                cursor: 7,
                print: u64::MAX,
                is_again,
                at: NodeAddress::new("fe80::1", 6),
            };
            assert_eq!(place.to_string().parse().ok(), Some(place));
        }
        for nonsense in [
            "",
            "7",
            "7.f",
            "7.f.0",
            "7.f.2.a:6",
            "x.f.1.a:6",
            "7.f.1.a",
            "-1.f.1.a:6",
        ] {
            assert!(nonsense.parse::<Place>().is_err(), "{nonsense}");
        }
    }

    #[test]
    fn what_a_server_says_of_its_own_slots_is_read() {
        let nodes = "a 10.0.0.1:6@16 master - 0 1 3 connected 0-99\n\
            b 10.0.0.2:6@16,host myself,master - 0 1 7 connected 100-199 300 [300->-a] [5-<-a]\n";
        let own = Own::read(nodes).expect("it is there");
        assert_eq!(own.count, 101);
        assert!(own.is_moving);
        let later = Own::read(&nodes.replace(" 7 ", " 8 ")).expect("it is there");
        assert_ne!(
            own.print, later.print,
            "a slot that came back is not as it was"
        );
        assert!(Own::read("a 10.0.0.1:6@16 master - 0 1 3 connected 0-99").is_none());
        let replica = Own::read("b :6@16 myself,slave a 0 1 3 connected").expect("it is there");
        assert_eq!((replica.count, replica.is_moving), (0, false));
    }
}
