//! The graph as text, for people: sorted, and the same each time.

use std::fmt;

use super::Graph;
use super::declared::Declaration;
use super::model::{Invalidator, Kind, Model, Read};
use super::named::Named;
use crate::caches::DEFAULT;

const BY_HAND: &str = "by_hand!";

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = Model::of(self);
        let mut sections = Sections { f, is_first: true };
        sections.begin("reads", !model.reads.is_empty())?;
        for read in &model.reads {
            sections.read(read, &model)?;
        }
        let of = |kind: fn(&Kind) -> bool| {
            let all = model.invalidators.iter();
            all.filter(move |one| kind(&one.kind)).collect::<Vec<_>>()
        };
        for (title, all) in [
            ("writes", of(|kind| *kind == Kind::Write)),
            ("by hand", of(|kind| *kind == Kind::ByHand)),
        ] {
            sections.begin(title, !all.is_empty())?;
            for one in all {
                sections.declared(one.declared)?;
                sections.invalidator(one, &model)?;
            }
        }
        let rules = of(|kind| matches!(kind, Kind::Rule(_)));
        let is_any = !rules.is_empty() || !model.handlers.is_empty();
        sections.begin("events", is_any)?;
        for rule in rules {
            if let Kind::Rule(event) = rule.kind {
                sections.entry(event, rule.declared)?;
                sections.invalidator(rule, &model)?;
            }
        }
        for (event, handler) in &model.handlers {
            sections.entry(event, *handler)?;
            sections.line("calls", [handler.name])?;
        }
        sections.begin("resources", !model.resources.is_empty())?;
        for resource in &model.resources {
            sections.declared(resource.declared)?;
            sections.line("tags", resource.tag.tags.iter().copied())?;
            for entry in resource.entries {
                let name = entry.declared.name.rsplit("::").next();
                let title = format!("{} by", name.unwrap_or_default());
                let readers = model.readers(entry).map(|read| read.declared.name);
                let mut readers: Vec<&str> = readers.collect();
                if model.is_used_by_hand(entry) {
                    readers.push(BY_HAND);
                } else if readers.is_empty() {
                    readers.push("nobody");
                }
                sections.line(&title, readers)?;
            }
        }
        sections.begin("not seen", !model.unseen.is_empty())?;
        for unseen in &model.unseen {
            sections.entry(unseen.code, unseen.declared)?;
        }
        Ok(())
    }
}

struct Sections<'a, 'f> {
    f: &'a mut fmt::Formatter<'f>,
    is_first: bool,
}

impl Sections<'_, '_> {
    fn begin(&mut self, title: &str, is_any: bool) -> fmt::Result {
        if !is_any {
            return Ok(());
        }
        if !std::mem::replace(&mut self.is_first, false) {
            writeln!(self.f)?;
        }
        writeln!(self.f, "{title}")
    }

    fn declared(&mut self, declared: Declaration) -> fmt::Result {
        // What has no name tells its place by itself.
        let name = declared.name.split(", line").next().unwrap_or_default();
        self.entry(name, declared)
    }

    fn entry(&mut self, title: &str, declared: Declaration) -> fmt::Result {
        let Declaration { file, line, .. } = declared;
        writeln!(self.f, "  {title}  ({file}:{line})")
    }

    fn read(&mut self, read: &Read, model: &Model) -> fmt::Result {
        self.declared(read.declared)?;
        self.cache(read.cache)?;
        if read.is_hashed {
            self.line("key", ["by path and arguments"])?;
        }
        self.line("key", read.named.keys.iter().map(ToString::to_string))?;
        self.tags(&read.named)?;
        let all = model.invalidators.iter();
        let by = all.filter(|one| one.reaches(read)).map(name);
        self.line("invalidated by", by)
    }

    fn invalidator(&mut self, one: &Invalidator, model: &Model) -> fmt::Result {
        self.cache(one.cache)?;
        self.tags(&one.named)?;
        self.line("keys", one.named.keys.iter().map(ToString::to_string))?;
        let reads = model.reads.iter().filter(|read| one.reaches(read));
        self.line("invalidates", reads.map(|read| read.declared.name))?;
        let recaches = one.recaches.iter();
        self.line(
            "recaches",
            recaches.map(|(call, read)| read.map_or(*call, |read| read.name)),
        )
    }

    fn tags(&mut self, named: &Named) -> fmt::Result {
        let tags = named.implied.iter().chain(&named.tags);
        self.line("tags", tags.map(|tag| &tag.text))
    }

    fn cache(&mut self, cache: &str) -> fmt::Result {
        self.line("cache", (cache != DEFAULT).then_some(cache))
    }

    fn line<T: AsRef<str>>(
        &mut self,
        title: &str,
        each: impl IntoIterator<Item = T>,
    ) -> fmt::Result {
        let mut each = each.into_iter();
        let Some(first) = each.next() else {
            return Ok(());
        };
        write!(self.f, "    {title}: {}", first.as_ref())?;
        for other in each {
            write!(self.f, ", {}", other.as_ref())?;
        }
        writeln!(self.f)
    }
}

fn name(one: &Invalidator) -> String {
    match one.kind {
        Kind::Write => one.declared.name.to_owned(),
        Kind::Rule(event) => format!("event {event}"),
        Kind::ByHand => BY_HAND.to_owned(),
    }
}
