//! A stream's entries: written, and read as bytes that are not trusted.

use std::borrow::Cow;

use larder_core::event::MOST_BYTES;
use larder_core::event::log::{Content, Entry, Position, Record};
use larder_core::store::Nonce;
use redis::Value;

/// The fields of an entry. `after` is the id of the entry before; the script writes it.
const AFTER: &str = "after";
const ORIGIN: &str = "origin";
const GAP: &str = "gap";
const ID: &str = "id";
const DEPTH: &str = "depth";
const EVENT: &str = "event";
const PAYLOAD: &str = "payload";

/// The answer of `XREAD` for one stream; `None` if it is of another kind.
pub(super) fn entries(answer: Value) -> Option<Vec<Entry>> {
    let stream = match answer {
        Value::Nil => return Some(Vec::new()),
        Value::Array(streams) => match streams.into_iter().next()? {
            Value::Array(name_and_entries) => name_and_entries.into_iter().nth(1)?,
            _ => return None,
        },
        Value::Map(streams) => streams.into_iter().next()?.1,
        _ => return None,
    };
    let Value::Array(entries) = stream else {
        return None;
    };
    entries.into_iter().map(entry).collect()
}

/// `None` only without a position: an entry without one could not be left behind.
fn entry(entry: Value) -> Option<Entry> {
    let Value::Array(id_and_fields) = entry else {
        return None;
    };
    let mut parts = id_and_fields.into_iter();
    let position = position(&bytes(parts.next()?)?)?;
    let fields = match parts.next() {
        Some(Value::Array(fields)) => fields.into_iter().map(bytes).collect(),
        _ => None,
    };
    let fields: Vec<Vec<u8>> = fields.unwrap_or_default();
    let field = |name: &str| {
        let mut pairs = fields.chunks_exact(2);
        pairs
            .find(|pair| pair[0] == name.as_bytes())
            .map(|pair| &pair[1][..])
    };
    Some(Entry {
        position,
        after: field(AFTER).and_then(self::position),
        record: record(field),
    })
}

/// What an entry says of a record.
pub(super) fn fields(record: &Record) -> Vec<(&'static str, Cow<'_, [u8]>)> {
    let mut fields = vec![(ORIGIN, Cow::from(&record.origin.0[..]))];
    match &record.content {
        Content::Gap => fields.push((GAP, Cow::from(&b"1"[..]))),
        Content::Event {
            id,
            depth,
            name,
            payload,
        } => {
            if let Some(id) = id {
                fields.push((ID, Cow::from(&id.0[..])));
            }
            fields.push((DEPTH, Cow::from(depth.to_string().into_bytes())));
            fields.push((EVENT, Cow::from(name.as_bytes())));
            fields.push((PAYLOAD, Cow::from(&payload[..])));
        }
    }
    fields
}

fn record<'f>(field: impl Fn(&str) -> Option<&'f [u8]>) -> Option<Record> {
    // Other programs may leave the origin out: they have no listener that should skip it.
    let origin = field(ORIGIN).map_or(Some(Nonce::ZERO), nonce)?;
    if field(GAP).is_some() {
        let content = Content::Gap;
        return Some(Record { origin, content });
    }
    let id = match field(ID) {
        Some(bytes) => Some(nonce(bytes)?),
        None => None,
    };
    let depth = match field(DEPTH) {
        Some(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok()?,
        None => 0,
    };
    let name = std::str::from_utf8(field(EVENT)?).ok()?;
    let payload = field(PAYLOAD).unwrap_or_default();
    if name.is_empty() || name.len() + payload.len() > MOST_BYTES {
        return None;
    }
    let content = Content::Event {
        id,
        depth,
        name: name.into(),
        payload: payload.into(),
    };
    Some(Record { origin, content })
}

fn nonce(bytes: &[u8]) -> Option<Nonce> {
    bytes.try_into().ok().map(Nonce)
}

pub(super) fn position(bytes: &[u8]) -> Option<Position> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &[u8]) -> Value {
        Value::BulkString(text.to_vec())
    }

    fn stream(fields: &[&[u8]]) -> Value {
        let fields = Value::Array(fields.iter().map(|field| text(field)).collect());
        let entry = Value::Array(vec![text(b"7-1"), fields]);
        Value::Array(vec![Value::Array(vec![
            text(b"stream"),
            Value::Array(vec![entry]),
        ])])
    }

    #[test]
    fn what_is_no_event_is_an_entry_without_one() {
        let long = vec![b'x'; MOST_BYTES + 1];
        let wrong: [&[&[u8]]; 10] = [
            &[],
            &[b"event"],
            &[b"payload", b"{}"],
            &[b"event", b"\xff", b"payload", b"{}"],
            &[b"event", b"", b"payload", b"{}"],
            &[b"event", b"e", b"id", b"short"],
            &[b"event", b"e", b"depth", b"256"],
            &[b"event", b"e", b"origin", b"short"],
            &[b"event", b"e", b"payload", &long],
            &[b"\xff\x00", b"\xff"],
        ];
        for fields in wrong {
            let read = entries(stream(fields)).expect("it is a stream");
            assert_eq!(read.len(), 1);
            assert_eq!((read[0].position, &read[0].record), (Position(7, 1), &None));
        }
    }

    #[test]
    fn an_event_of_another_program_needs_a_name_and_a_payload() {
        let read = entries(stream(&[b"payload", b"7", b"event", b"e"])).expect("it is a stream");
        let content = Content::Event {
            id: None,
            depth: 0,
            name: "e".into(),
            payload: (*b"7").into(),
        };
        let origin = Nonce::ZERO;
        assert_eq!(read[0].after, None);
        assert_eq!(read[0].record, Some(Record { origin, content }));
    }

    #[test]
    fn a_record_is_read_as_it_is_written() {
        let event = Content::Event {
            id: Some(Nonce([7; 16])),
            depth: 255,
            name: "e".into(),
            payload: (*b"{}").into(),
        };
        for content in [event, Content::Gap] {
            let origin = Nonce([9; 16]);
            let written = Record { origin, content };
            let fields = fields(&written);
            let flat: Vec<&[u8]> = fields
                .iter()
                .flat_map(|(name, value)| [name.as_bytes(), &value[..]])
                .collect();
            let read = entries(stream(&flat)).expect("it is a stream");
            assert_eq!(read[0].record.as_ref(), Some(&written));
        }
    }

    #[test]
    fn both_protocols_are_read_and_other_answers_are_refused() {
        assert_eq!(entries(Value::Nil), Some(Vec::new()));
        let resp3 = Value::Map(vec![(text(b"stream"), Value::Array(Vec::new()))]);
        assert_eq!(entries(resp3), Some(Vec::new()));
        for answer in [Value::Int(7), Value::Array(Vec::new()), text(b"x")] {
            assert_eq!(entries(answer), None);
        }
    }
}
