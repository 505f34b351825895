//! A value as a source says it, and what it can be read as.

use std::time::Duration;

use bytesize::ByteSize;

use super::nearest::{did_you_mean, listed, shown};
use super::setting::Size;

/// No ttl, for what takes a duration.
const NEVER: Duration = Duration::MAX;

/// Stores count in milliseconds, up to 63 bits of them; longer than a century is a slip.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A lease that is shorter would end between its renewals.
const SHORTEST_LEASE: Duration = Duration::from_millis(30);

/// A value, before anybody knows what it should be.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A text in a file.
    Text(String),
    /// A text of which the environment gave a part: it is never shown. Numbers and switches come as
    /// text from there.
    Hidden(String),
    /// The text of a variable. Numbers and switches come as text from there.
    Variable(String),
    /// A whole number in a file: what it is, if it is not negative and not too large, and how it is
    /// written.
    Integer(Option<u64>, String),
    Boolean(bool),
    /// An array in a file. Its items are no arrays.
    List(Vec<Value>),
    /// Anything else, by what it is called.
    Other(&'static str),
}

impl Value {
    pub(super) fn is_hidden(&self) -> bool {
        match self {
            Self::Hidden(_) => true,
            Self::List(items) => items.iter().any(Self::is_hidden),
            _ => false,
        }
    }

    /// A ttl: a duration, or `never`.
    pub(super) fn ttl(&self) -> Result<Duration, String> {
        if self.any_text() == Some("never") {
            return Ok(NEVER);
        }
        self.duration().ok_or_else(|| {
            self.must_be(
                "a duration from 1ms to 100 years, like 300 (seconds), \"5m\" or \"never\"",
            )
        })
    }

    /// How long something may take.
    pub(super) fn time(&self) -> Result<Duration, String> {
        self.duration().ok_or_else(|| {
            self.must_be("a duration from 1ms to 100 years, like 5 (seconds) or \"250ms\"")
        })
    }

    pub(super) fn lease(&self) -> Result<Duration, String> {
        self.duration()
            .filter(|lease| *lease >= SHORTEST_LEASE)
            .ok_or_else(|| {
                self.must_be("a duration of at least 30ms, like 10 (seconds) or \"10s\"")
            })
    }

    /// How many of something: at least one.
    pub(super) fn count(&self) -> Result<u64, String> {
        let count = match self {
            Self::Integer(count, _) => *count,
            _ => self.loose_text().and_then(|text| text.parse().ok()),
        };
        count
            .filter(|count| *count > 0)
            .ok_or_else(|| self.must_be("a whole number above zero"))
    }

    /// How many bytes.
    pub(super) fn bytes(&self) -> Result<usize, String> {
        let bytes = match self {
            Self::Integer(bytes, _) => *bytes,
            // Which number it could not read is all that the library would say.
            _ => self
                .any_text()
                .and_then(|text| text.parse::<ByteSize>().ok())
                .map(|size| size.as_u64()),
        };
        bytes
            .and_then(|bytes| usize::try_from(bytes).ok())
            .ok_or_else(|| self.must_be("a number of bytes, like 4096 or \"4KiB\""))
    }

    /// How much of something: a number, or bytes with a unit. More than nothing.
    pub(super) fn size(&self) -> Result<Size, String> {
        let plain = match self {
            Self::Integer(number, _) => *number,
            _ => self.loose_text().and_then(|text| text.parse().ok()),
        };
        let bytes = || self.any_text()?.parse::<ByteSize>().ok();
        let size = match plain {
            Some(number) => Some(Size::Plain(number)),
            None => bytes().map(|size| Size::Bytes(size.as_u64())),
        };
        size.filter(|size| !matches!(size, Size::Plain(0) | Size::Bytes(0)))
            .ok_or_else(|| self.must_be("a number of entries, or a size like \"1GiB\""))
    }

    pub(super) fn switch(&self) -> Result<bool, String> {
        let switch = match self {
            Self::Boolean(switch) => Some(*switch),
            _ => match self.loose_text() {
                Some("true" | "1") => Some(true),
                Some("false" | "0") => Some(false),
                _ => None,
            },
        };
        switch.ok_or_else(|| self.must_be("`true` or `false`"))
    }

    /// A text that is not empty.
    pub(super) fn text(&self) -> Result<String, String> {
        match self.any_text() {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(self.must_be("a text")),
        }
    }

    /// Several texts: in a variable, with commas between them.
    pub(super) fn texts(&self) -> Result<Vec<String>, String> {
        let texts: Option<Vec<String>> = match self {
            Self::List(items) => items.iter().map(|item| item.text().ok()).collect(),
            _ => self.loose_text().map(|text| {
                let texts = text.split(',').map(str::trim);
                texts
                    .filter(|text| !text.is_empty())
                    .map(str::to_owned)
                    .collect()
            }),
        };
        texts.filter(|texts| !texts.is_empty()).ok_or_else(|| {
            self.must_be("a list of texts, like [\"redis://node1:6379\", \"redis://node2:6379\"]")
        })
    }

    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, String> {
        let names = choices.iter().map(|(name, _)| *name);
        let Some(text) = self.any_text() else {
            return Err(self.must_be(&listed(names)));
        };
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
            return Ok(*choice);
        }
        let hint = if self.is_hidden() {
            String::new()
        } else {
            did_you_mean(text, names.clone())
        };
        Err(format!("{}{hint}", self.must_be(&listed(names))))
    }

    /// The text, if it is one, without what is around it.
    fn any_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Hidden(text) | Self::Variable(text) => Some(text.trim()),
            Self::Integer(..) | Self::Boolean(_) | Self::List(_) | Self::Other(_) => None,
        }
    }

    /// The text, if it comes from the environment, which has nothing but text.
    fn loose_text(&self) -> Option<&str> {
        match self {
            Self::Hidden(_) | Self::Variable(_) => self.any_text(),
            _ => None,
        }
    }

    fn duration(&self) -> Option<Duration> {
        let seconds = match self {
            Self::Integer(seconds, _) => Some((*seconds)?),
            _ => self.loose_text().and_then(|text| text.parse().ok()),
        };
        let duration = match seconds {
            Some(seconds) => Duration::from_secs(seconds),
            None => humantime::parse_duration(self.any_text()?).ok()?,
        };
        (SHORTEST..=LONGEST).contains(&duration).then_some(duration)
    }

    fn must_be(&self, what: &str) -> String {
        let value = match self {
            Self::Text(text) | Self::Variable(text) => format!("\"{}\"", shown(text)),
            Self::Hidden(_) => "what its variable says, which is not shown".to_owned(),
            Self::Integer(_, written) => shown(written),
            Self::Boolean(switch) => switch.to_string(),
            Self::List(items) if items.is_empty() => "an empty array".to_owned(),
            Self::List(_) => "an array".to_owned(),
            Self::Other(kind) => (*kind).to_owned(),
        };
        format!("must be {what}, not {value}")
    }
}
